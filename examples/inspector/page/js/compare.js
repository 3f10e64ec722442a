// The tab "Compare": where the bodies of two deliveries differ, byte by byte.

import { getJson } from "./api.js";
import { decode } from "./body.js";
import { $, h, keyed, replace, write } from "./element.js";
import { STATES, clock, count, size } from "./format.js";
import { hexLines } from "./hex.js";
import { canonical, parseJson } from "./json.js";
import { fromBase64, state, subscribe } from "./store.js";

/** Bytes that are shown around the difference. */
const BEFORE = 32;
const AFTER = 48;
const MOST = 4_096;

let shown = null;
let compared = null;

export function showCompare(delivery) {
  shown = delivery;
  drawOthers();
}

function drawOthers() {
  if (!shown || $("panel-compare").hidden) return;
  const others = [...state.deliveries.values()].reverse().filter((other) => other.id !== shown.id);
  $("compare-none").hidden = others.length > 0;
  $("compare-form").hidden = !others.length;
  $("compare-result").hidden = !others.length;
  keyed($("compare-other"), others, (other) => other.id, (other) => h("option", { value: other.id }), (option, other) => {
    write(option, `#${other.id} ${clock(other.received)} ${other.title}, ${STATES[other.state].word.toLowerCase()}, ${size(other.size)}`);
  });
  compare();
}

async function compare() {
  const other = $("compare-other").value;
  const pair = `${shown.id} ${other}`;
  if (!other || pair === compared) return;
  compared = pair;
  const ours = shown.bytes;
  try {
    const theirs = fromBase64((await getJson(`/api/deliveries/${other}`)).body);
    if (pair === compared) replace($("compare-result"), difference(ours, theirs, `#${other}`));
  } catch (error) {
    if (pair === compared) replace($("compare-result"), h("p.error", {}, error.message));
  }
}

function difference(ours, theirs, name) {
  const shorter = Math.min(ours.length, theirs.length);
  let head = 0;
  while (head < shorter && ours[head] === theirs[head]) head += 1;
  if (head === ours.length && head === theirs.length) return h("p.row", { role: "status" }, h("span.good", {}, "✓ The bodies are equal, byte for byte."));
  let tail = 0;
  while (tail < shorter - head && ours[ours.length - 1 - tail] === theirs[theirs.length - 1 - tail]) tail += 1;
  const middle = (data) => data.length - tail - head;
  const [here, there] = [ours, theirs].map(json);
  const equal = here !== null && here === there;
  const view = (title, data) => {
    const to = Math.min(data.length, head + Math.max(middle(data), 1) + AFTER);
    const end = Math.min(to, head + MOST);
    return [h("h3", {}, title),
      h("pre", { tabIndex: 0, role: "group", "aria-label": `${title}: bytes` }, hexLines(data, Math.max(0, head - BEFORE), end, (at) => at >= head && at < data.length - tail)),
      end < to && h("p.remarks", {}, `${count(to - end, "more byte")} of the difference not shown.`)];
  };
  return [
    h("p.row", { role: "status" }, `The bodies differ from byte ${head} on: ${count(middle(ours), "byte")} here, ${count(middle(theirs), "byte")} there. The whole lengths are ${count(ours.length, "byte")} and ${count(theirs.length, "byte")}.`),
    equal && h("p.bad", {}, "As JSON they are equal: only white space or escapes differ. A signature covers these bytes too."),
    view("This delivery", ours), view(`Delivery ${name}`, theirs),
  ];
}

function json(data) {
  const text = decode(data);
  const { value } = text === null ? {} : parseJson(text);
  return value ? canonical(value) : null;
}

$("compare-other").addEventListener("change", compare);
subscribe("deliveries", drawOthers);
