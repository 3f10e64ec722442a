// The list of deliveries: filter, pause, and one stable element for each delivery.

import { $, attribute, h, keyed, note, write } from "./element.js";
import { STATES, clock, count, size, words } from "./format.js";
import { choose, pause, state, subscribe } from "./store.js";

let filter = "";

export const narrow = () => matchMedia("(max-width: 760px)").matches;

/** What the filter searches: all that the row shows, and the code and the number. */
function haystack(delivery) {
  const { id, sender, addressed, title, code, about, path, method } = delivery;
  return [id, sender, addressed, title, STATES[delivery.state].word, code, about, path, method, delivery.test && "test"].filter(Boolean).join(" ").toLowerCase();
}

function shown() {
  const wanted = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...state.deliveries.values()].reverse();
  return wanted.length ? all.filter((delivery) => wanted.every((word) => haystack(delivery).includes(word))) : all;
}

function make(delivery) {
  const parts = {
    mark: h("span.mark", { "aria-hidden": "true" }), title: h("span"), test: h("span.tag", {}, "test"), sent: h("span.tag"),
    when: h("span.when"), result: h("b"), rest: h("span"),
  };
  const item = h("li.item", { id: `d${delivery.id}`, role: "option", onclick: () => choose(delivery.id).then(() => open()) },
    parts.mark, h("span.who", {}, parts.title, parts.test, parts.sent), parts.when, h("span.what", {}, parts.result, parts.rest));
  item.parts = parts;
  return item;
}

function update(item, delivery) {
  const { mark, title, test, sent, when, result, rest } = item.parts;
  const { sign, word } = STATES[delivery.state];
  attribute(item, "class", `item ${delivery.state}`);
  attribute(item, "aria-selected", String(delivery.id === state.chosen));
  write(mark, sign);
  write(title, delivery.title);
  test.hidden = !delivery.test;
  note(sent, delivery.sends ? `forwarded: ${delivery.sent ?? "failed"}` : "");
  write(when, clock(delivery.received));
  const rejected = delivery.state === "rejected";
  write(result, rejected ? `${word}: ${delivery.about ?? words(delivery.code)}` : word);
  write(rest, `${!rejected && delivery.about ? ` · ${delivery.about}` : ""} · ${delivery.method} ${delivery.path} · ${size(delivery.size)}`);
}

function draw() {
  const list = shown();
  const items = $("items");
  keyed(items, list, (delivery) => delivery.id, make, update);
  const waiting = state.waiting.length + state.overflow;
  const total = state.deliveries.size;
  attribute(items, "aria-activedescendant", list.some((delivery) => delivery.id === state.chosen) ? `d${state.chosen}` : null);
  items.hidden = !list.length;
  note($("matches"), filter && total ? (list.length ? `${list.length} of ${count(total, "delivery", "deliveries")}` : "No delivery matches this filter.") : "");
  note($("dropped"), state.dropped ? `${count(state.dropped, "older delivery was", "older deliveries were")} dropped.` : "");
  note($("fresh"), waiting ? `Paused: ${waiting} new. Show ${waiting === 1 ? "it" : "them"}` : "");
  attribute($("pause"), "aria-pressed", String(state.paused));
  write($("pause"), state.paused ? "Continue" : "Pause");
  attribute($("main"), "data-empty", String(!total && !waiting));
  document.title = total ? `(${total}) Webhook inspector` : "Webhook inspector";
}

/** On a narrow screen, shows the delivery in the place of the list. */
export function open() {
  if (!narrow()) return;
  $("main").dataset.view = "delivery";
  $("title").focus({ preventScroll: true });
  scrollTo(0, 0);
}

export function back() {
  $("main").dataset.view = "list";
  ($("items").hidden ? $("filter") : $("items")).focus();
}

export function step(by) {
  const list = shown();
  if (!list.length) return;
  const at = list.findIndex((delivery) => delivery.id === state.chosen);
  const to = at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + by));
  choose(list[to].id);
}

function drawChosen() {
  draw();
  $(`d${state.chosen}`)?.scrollIntoView({ block: "nearest" });
}

subscribe("deliveries", draw);
subscribe("chosen", drawChosen);

$("filter").addEventListener("input", (event) => { filter = event.target.value; draw(); });
$("filter").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && !$("items").hidden) { event.preventDefault(); $("items").focus(); }
});
$("pause").addEventListener("click", () => pause(!state.paused));
$("fresh").addEventListener("click", () => { pause(false); $("items").focus(); });
$("items").addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 }[event.key];
  if (event.key === "Enter" && state.chosen !== null) open();
  if (by === undefined) return;
  event.preventDefault();
  step(by);
});
