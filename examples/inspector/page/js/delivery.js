// The selected delivery: title, verdict, facts, tabs. Each part is built once and then changed.

import { sendJson } from "./api.js";
import { forgetBody, showBody } from "./body.js";
import { showCompare } from "./compare.js";
import { $, attribute, h, keepFocus, keyed, note, toast, write } from "./element.js";
import { showEvent } from "./event.js";
import { count, date, duration, size } from "./format.js";
import { showForward } from "./forward.js";
import { showHeaders } from "./headers.js";
import { showMatch } from "./match.js";
import { sender, state, subscribe } from "./store.js";
import { verdictCard } from "./verdict.js";

export const TABS = ["body", "headers", "event", "match", "forward", "compare"];
const PANELS = { body: showBody, headers: showHeaders, event: showEvent, match: showMatch, forward: showForward, compare: showCompare };
let tab = "body";

export function openTab(name) {
  tab = name;
  draw();
  $(`tab-${name}`).focus();
  $(`tab-${name}`).scrollIntoView({ block: "nearest", inline: "nearest" });
}

const showVerdict = verdictCard($("verdict"), () => openTab("match"));

const VIEWS = { locked: "locked-title", empty: "empty-title", unchosen: "detail", delivery: "title" };

function view() {
  if (state.locked) return "locked";
  if (!state.deliveries.size && state.chosen === null) return "empty";
  return state.detail ? "delivery" : "unchosen";
}

function draw() {
  const shown = view();
  keepFocus(() => $(VIEWS[shown]), () => {
    for (const name of Object.keys(VIEWS)) $(name).hidden = name !== shown;
    attribute($("main"), "data-locked", String(shown === "locked"));
    if (shown === "delivery") drawDelivery(state.detail);
    else forgetBody();
    if (shown !== "delivery") $("main").dataset.view = "list";
  });
}

function drawDelivery(delivery) {
  write($("title"), delivery.title);
  const shown = revealed?.id === delivery.id;
  const { path, query } = shown ? revealed : delivery;
  write($("request-line"), `${delivery.method} ${path}${query === null ? "" : `?${query}`}`);
  $("masked").hidden = shown || !(delivery.path_masked || delivery.query_masked);
  $("is-test").hidden = !delivery.test;
  note($("lost"), state.deliveries.has(delivery.id) ? "" : "The inspector no longer keeps this delivery: newer ones took its place.");
  showVerdict(delivery.verdict, delivery);
  keyed($("facts"), facts(delivery), ([name]) => name, makeFact, (fact, [, value, warn]) => {
    write(fact.lastChild, value);
    fact.lastChild.classList.toggle("warn", Boolean(warn));
  });
  // The response to a set-up request is what the sender checks. All others have a fixed text.
  $("answer-box").hidden = delivery.state !== "handshake";
  write($("answer"), delivery.answer ?? "");
  write($("tab-headers"), `Headers ${delivery.headers.length}`);
  for (const name of TABS) {
    const chosen = name === tab;
    attribute($(`tab-${name}`), "aria-selected", String(chosen));
    $(`tab-${name}`).tabIndex = chosen ? 0 : -1;
    $(`panel-${name}`).hidden = !chosen;
  }
  PANELS[tab](delivery);
}

/** Path and query without masks of the delivery with this id, after "Show". */
let revealed = null;

$("masked-show").addEventListener("click", async () => {
  const { id, path, path_masked: pathMasked, query, query_masked: queryMasked } = state.detail;
  const whole = async (part) => (await sendJson("POST", `/api/deliveries/${id}/reveal/${part}`)).value;
  try {
    revealed = { id, path: pathMasked ? await whole("path") : path, query: queryMasked ? await whole("query") : query };
    draw();
  } catch (error) {
    toast(error.message);
  }
});

const makeFact = ([name]) => h("div", {}, h("dt", {}, name), h("dd"));

function facts({ verdict, received, answered, micros, size: bytes, sender: name }) {
  const about = sender(name);
  const { key, way, tried, id, event_name: event, signed_at: signedAt, skew_ms: skew } = verdict;
  const claim = (value) => (value ? `${value.value} (${value.signed ? "signed" : "not signed"})` : null);
  const time = signedAt ?? (skew == null ? null : received - skew);
  return [
    ["Received", date(received)],
    ["Response", `${answered}, after ${micros < 1000 ? `${micros} µs` : `${(micros / 1000).toFixed(1)} ms`}`],
    ["Body", bytes < 1024 ? count(bytes, "byte") : `${size(bytes)} (${bytes} bytes)`],
    ["Scheme", about && (about.kind === "shared_key" ? `shared key in ${about.headers.join(", ")}` : [about.algorithm, about.signed && `over ${about.signed}`].filter(Boolean).join(" "))],
    ["Way", way],
    ["Key", key],
    ["Keys tried", tried?.length > 1 ? tried.join(", ") : null],
    ["Event", claim(event)],
    ["Delivery id", claim(id)],
    ["Signed at", time == null ? null : date(time)],
    ["Clock difference", skew == null ? null : `signed ${duration(skew / 1000)} ${skew >= 0 ? "before" : "after"} receipt${about?.tolerance ? `; ${about.tolerance} allowed` : ""}`, verdict.state === "rejected"],
  ].filter(([, value]) => value);
}

subscribe("detail senders", draw);
subscribe("deliveries", draw);

for (const name of TABS) $(`tab-${name}`).addEventListener("click", () => openTab(name));
$("tabs").addEventListener("keydown", (event) => {
  const at = TABS.indexOf(tab);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  openTab(TABS[(to + TABS.length) % TABS.length]);
});
