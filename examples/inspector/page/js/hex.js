// Bytes as hexadecimal digits, 16 in a line.

import { append, h } from "./element.js";
import { size } from "./format.js";

export const FIRST_HEX = 8_192;
const MORE_HEX = 65_536;

/** Texts and marked elements for the bytes from `from` (rounded down to a line) to `to`. */
export function hexLines(data, from, to, marked = () => false) {
  const parts = [];
  const add = (text, mark) => {
    if (mark) parts.push(h("span.difference", {}, text));
    else if (typeof parts.at(-1) === "string") parts[parts.length - 1] += text;
    else parts.push(text);
  };
  for (let line = from - (from % 16); line < to; line += 16) {
    add(`${line.toString(16).padStart(8, "0")}  `);
    for (let at = line; at < line + 16; at += 1) {
      if (at < data.length) add(data[at].toString(16).padStart(2, "0"), marked(at));
      else add("  ");
      add(at === line + 7 ? "  " : " ");
    }
    add(" ");
    for (let at = line; at < Math.min(line + 16, data.length); at += 1) {
      add(data[at] >= 32 && data[at] < 127 ? String.fromCharCode(data[at]) : "·", marked(at));
    }
    add("\n");
  }
  return parts;
}

export function hexView(data) {
  const box = h("pre", { tabIndex: 0, role: "group", "aria-label": "The body in hexadecimal digits" });
  const more = h("button", { type: "button", onclick: () => show(Math.min(data.length, shown + MORE_HEX)) });
  let shown = 0;
  function show(to) {
    append(box, hexLines(data, shown, to));
    shown = to;
    if (to === data.length) {
      // The focus must not stay on a button that is removed.
      if (document.activeElement === more) box.focus();
      more.hidden = true;
    }
    more.textContent = `Show ${size(Math.min(MORE_HEX, data.length - to))} more`;
  }
  show(Math.min(data.length, FIRST_HEX));
  return [box, h("p.row", {}, more)];
}
