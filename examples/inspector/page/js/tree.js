// JSON as a tree that opens and closes. Children are built when they are first shown.

import { append, h } from "./element.js";
import { count } from "./format.js";

/** Members that are shown at once; a button shows more. */
const MEMBERS = 200;
/** Elements that are open at the start. */
const OPEN = 400;

export function treeView(root) {
  const budget = { left: OPEN };
  return h("div.tree", { tabIndex: 0, role: "group", "aria-label": "The body as a tree" }, branch(root, undefined, 0, budget));
}

function branch(node, name, depth, budget) {
  const key = name === undefined ? [] : [h("span.name", {}, typeof name === "number" ? String(name) : JSON.stringify(name)), ": "];
  if (!node.members) return h("div", {}, key, h(`span.${node.kind}`, {}, node.kind === "string" ? JSON.stringify(node.text) : node.text));
  const [open, close, one] = node.kind === "object" ? ["{", "}", "name"] : ["[", "]", "item"];
  const total = node.members.length;
  if (!total) return h("div", {}, key, h("span.note", {}, open + close));
  const inside = h("div");
  let built = 0;
  const more = h("button.quiet", { type: "button", onclick: () => build() });
  function build() {
    more.remove();
    const next = node.members.slice(built, built + MEMBERS);
    append(inside, next.map(([member, value]) => branch(value, member, depth + 1, budget)));
    built += next.length;
    more.textContent = `Show ${count(Math.min(MEMBERS, total - built), "more", "more")} of ${total}`;
    if (built < total) inside.append(more);
  }
  const opened = depth < 3 && budget.left > 0;
  budget.left -= total;
  if (opened) build();
  return h("details", { open: opened, ontoggle: () => { if (!built) build(); } },
    h("summary", {}, key, h("span.note", {}, `${open} ${count(total, one)} ${close}`)), inside);
}
