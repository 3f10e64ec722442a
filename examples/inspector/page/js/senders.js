// Menus of senders, kept in place when the secrets change.

import { attribute, h, keyed, write } from "./element.js";
import { hasKey, sender, state } from "./store.js";

/** Fills a `<select>` with all senders in groups; those with a secret come first if `first`. The choice stays. */
export function fillSenders(select, first) {
  const chosen = select.value;
  const groups = new Map();
  const withKey = first ? state.senders.filter(hasKey) : [];
  if (withKey.length) groups.set("With a secret", withKey);
  for (const one of state.senders) {
    if (withKey.includes(one)) continue;
    groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  }
  keyed(select, [...groups], ([label]) => label, ([label]) => h("optgroup", { label }), (group, [, list]) => {
    keyed(group, list, (one) => one.name, (one) => h("option", { value: one.name }), (option, one) => write(option, `${one.title}${!first && hasKey(one) ? " (has a secret)" : ""}`));
  });
  if (chosen && sender(chosen)) select.value = chosen;
  attribute(select, "data-filled", "true");
}

/** The sender that the page proposes when nothing else says which. */
export function proposed() {
  return (state.senders.find(hasKey) ?? sender("github") ?? state.senders[0])?.name;
}

/** Where the secrets of a sender come from, in words. */
export function keysInWords(one) {
  if (!hasKey(one)) return "no secret";
  return one.keys.map((key) => {
    const from = { environment: `from ${key.variable ?? "the environment"}`, typed: "entered here", demonstration: "for demonstration" }[key.from] ?? key.from;
    return one.keys.length > 1 ? `“${key.name}” ${from}` : from;
  }).join(", ");
}
