// The tab "Event": the value that the handler gets.

import { $, h, replace } from "./element.js";
import { sender } from "./store.js";

let shown = null;

export function showEvent(delivery) {
  const { verdict } = delivery;
  const now = JSON.stringify([delivery.id, verdict]);
  if (now === shown) return;
  shown = now;
  replace($("panel-event"), view(delivery.sender, verdict));
}

function view(name, { state, event, event_type: type, event_by_choice: choice, event_truncated: cut }) {
  if (state === "handshake") return h("p.none", {}, "There is no event: the inspector answers a set-up request, and it never reaches the handler.");
  if (state !== "verified") return h("p.none", {}, "There is no event: a body that is not verified is not parsed.");
  if (event) {
    const how = choice ? ["With ", h("code", {}, `parse::<${type}>()`), " your handler gets this event."] : ["Your handler gets ", h("code", {}, `Verified<${type}>`), "."];
    return [h("p.remarks", {}, how, " This is its debug output:"),
      h("pre.wrap", {}, event), cut && h("p.remarks", {}, "Only the first part is shown.")];
  }
  const call = sender(name)?.needs_url ? "(secret, url)" : "(secret)";
  return [h("p.remarks", {}, "The event of this preset is the body itself. Give your own type with ", h("code", {}, "json::<T>()"), ":"),
    h("pre.wrap", {}, `let layer = WebhookAuthLayer::new(provider::${name}${call}.json::<MyEvent>());`)];
}
