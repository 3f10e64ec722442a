// What the page knows. The server's events change it, and then the views that subscribed draw.

import { getJson } from "./api.js";
import { toast } from "./element.js";

export const state = {
  locked: false,
  inbox: "", senders: [], limits: {}, remote: false,
  /** Deliveries by id, the oldest first; `dropped` counts those that are no longer kept. */
  deliveries: new Map(), dropped: 0,
  /** The settings of automatic forwarding, or `null`. */
  forward: null,
  /** The id of the selected delivery, and all that is known about it. */
  chosen: null, detail: null,
  /** While the list is paused, new deliveries wait here; `overflow` counts those that did not fit. */
  paused: false, waiting: [], overflow: 0,
  /** What the server keeps, as of the newest event: `oldest` is the id of its oldest delivery, `dropped` a count. */
  kept: { oldest: 0, dropped: 0 },
};

const subscribers = new Map();

/** Topics: `deliveries`, `arrived`, `chosen`, `detail`, `senders`, `forward`, `hello`. */
export function subscribe(topics, draw) {
  for (const topic of topics.split(" ")) subscribers.set(topic, [...(subscribers.get(topic) ?? []), draw]);
}

export function notify(topic, value) {
  for (const draw of subscribers.get(topic) ?? []) draw(value);
}

export const sender = (name) => state.senders.find((one) => one.name === name);
export const hasKey = (one) => Boolean(one?.keys.length);
export const newest = () => [...state.deliveries.keys()].at(-1);

const handlers = {
  hello(data) {
    const { inbox, senders, limits, allow_remote: remote, forward } = data;
    Object.assign(state, { inbox, senders, limits, remote, forward });
    state.deliveries = new Map(data.deliveries.map((delivery) => [delivery.id, delivery]));
    state.dropped = data.dropped;
    state.waiting = [];
    state.overflow = 0;
    if (!state.deliveries.has(state.chosen)) state.chosen = state.detail = null;
    notify("hello");
    notify("senders");
    notify("forward");
    notify("deliveries");
    if (state.chosen !== null) load();
    else notify("detail");
  },
  delivery(data) {
    state.kept = data;
    if (!state.paused) return arrive([data.delivery]);
    state.waiting.push(data.delivery);
    if (state.waiting.length > state.limits.deliveries) {
      state.waiting.shift();
      state.overflow += 1;
    }
    later();
  },
  changed(data) {
    const index = state.waiting.findIndex((delivery) => delivery.id === data.id);
    if (index >= 0) state.waiting[index] = data;
    else if (state.deliveries.has(data.id)) {
      state.deliveries.set(data.id, data);
      later();
      if (state.chosen === data.id) load();
    }
  },
  cleared() {
    state.deliveries.clear();
    state.waiting = [];
    state.dropped = state.overflow = 0;
    state.chosen = state.detail = null;
    notify("deliveries");
    notify("detail");
  },
  sender(data) {
    state.senders = state.senders.map((one) => (one.name === data.name ? data : one));
    notify("senders");
  },
  forward(data) {
    state.forward = data;
    notify("forward");
  },
};

export function apply({ kind, data }) {
  handlers[kind]?.(data);
}

function arrive(list) {
  for (const delivery of list) state.deliveries.set(delivery.id, delivery);
  // The same rule as the server's: the oldest go, by number and by the bytes that they hold.
  const { oldest, dropped } = state.kept;
  for (const id of state.deliveries.keys()) {
    if (id >= oldest) break;
    state.deliveries.delete(id);
  }
  state.dropped = dropped;
  came.push(...list);
  later();
}

// A burst of deliveries is drawn once per frame, not once per delivery. A tab in the background has no frames, and its
// title shows the number of deliveries, so there the timer draws.
const BACKGROUND_MS = 250;
const came = [];
let timer = null;
function later() {
  if (timer !== null) return;
  timer = setTimeout(drawNow, BACKGROUND_MS);
  requestAnimationFrame(drawNow);
}

function drawNow() {
  if (timer === null) return;
  clearTimeout(timer);
  timer = null;
  notify("deliveries");
  if (came.length) notify("arrived", came.splice(0));
}

export function pause(on) {
  state.paused = on;
  const waiting = state.waiting.splice(0);
  state.overflow = 0;
  if (!on && waiting.length) arrive(waiting);
  else state.waiting = waiting;
  notify("deliveries");
}

export function lock() {
  Object.assign(state, { locked: true, chosen: null, detail: null });
  state.deliveries.clear();
  notify("deliveries");
  notify("detail");
}

export function choose(id) {
  state.chosen = id;
  notify("chosen");
  return load();
}

let loading = 0;
/** Gets the selected delivery. A response that a later selection overtook is ignored. */
async function load() {
  const id = state.chosen;
  const turn = ++loading;
  try {
    // The body of a delivery never changes, and it can have 8 MiB.
    const known = state.detail?.id === id ? state.detail : null;
    const detail = await getJson(`/api/deliveries/${id}${known ? "?body=0" : ""}`);
    if (turn !== loading) return;
    state.detail = known ? { ...detail, bytes: known.bytes, form: known.form } : { ...detail, bytes: fromBase64(detail.body) };
  } catch (error) {
    if (turn !== loading) return;
    state.detail = null;
    toast(error.message);
  }
  notify("detail");
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
