// One sentence for screen readers about new deliveries, at most every 1.5 seconds.

import { $ } from "./element.js";
import { STATES, words } from "./format.js";
import { subscribe } from "./store.js";

const PAUSE_MS = 1_500;
let silent = false;
let unsaid = [];

function say() {
  if (silent || !unsaid.length) return;
  const list = unsaid;
  unsaid = [];
  const [last] = list.slice(-1);
  const rejected = list.filter((delivery) => delivery.state === "rejected").length;
  $("announce").textContent = list.length === 1
    ? `${last.title}: ${STATES[last.state].word.toLowerCase()}${last.state === "rejected" ? `, ${words(last.code)}` : ""}`
    : `${list.length} deliveries, ${rejected} rejected`;
  silent = true;
  setTimeout(() => { silent = false; say(); }, PAUSE_MS);
}

subscribe("arrived", (list) => { unsaid.push(...list); say(); });
