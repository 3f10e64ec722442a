// The tab "Body": the exact bytes as text, tree, fields or hexadecimal digits, with remarks about them.

import { $, append, attribute, h, keyed, replace, save } from "./element.js";
import { fieldsView } from "./fields.js";
import { hexView } from "./hex.js";
import { parseJson } from "./json.js";
import { treeView } from "./tree.js";

const FIRST_TEXT = 200_000;

/** The text, or `null` if the bytes are not UTF-8. A byte order mark stays in the text. */
export function decode(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

/** The form that the user chose: text, tree, fields or hex. */
let chosen = "text";
let visible = false;
let current = null;

/** Shows the body of another delivery. The body of one delivery never changes. */
export function showBody(delivery) {
  if (current?.id === delivery.id) return;
  const text = decode(delivery.bytes);
  const type = delivery.headers.find((header) => header.name === "content-type")?.value;
  current = { id: delivery.id, sender: delivery.sender, bytes: delivery.bytes, text, type,
    json: text === null ? {} : parseJson(text), form: delivery.form };
  replace($("body-remarks"), remarks(current).flatMap((remark, index) => (index ? [" · ", remark] : [remark])));
  draw();
  $("server-notes").hidden = !delivery.notes.length;
  keyed($("server-notes"), delivery.notes, (note) => note, (note) => h("li", {}, note), () => {});
}

export function forgetBody() {
  current = null;
}

function remarks({ bytes, text, type, json, form: fields }) {
  const list = [];
  const warn = (what) => list.push(h("span.warn", {}, what));
  if (!bytes.length) list.push("empty");
  else if (text === null) warn("not UTF-8");
  else list.push("UTF-8");
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) warn("begins like gzip");
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) warn("begins with a byte order mark");
  if (bytes.at(-1) === 10) warn(bytes.at(-2) === 13 ? "ends with CR LF" : "ends with a newline");
  else if (bytes.length) list.push("no newline at the end");
  if (text?.includes("\r\n")) list.push("has CR LF line ends");
  if (text && /[\u202a-\u202e\u2066-\u2069]/.test(text)) warn("has characters that change the direction of text");
  if (json.value) list.push("JSON");
  else if (bytes.length && /json/i.test(type ?? "")) warn(text === null ? "not JSON" : `not JSON that can be shown as a tree: ${json.error}`);
  if (json.doubled !== undefined && json.doubled !== null) warn(`the name ${JSON.stringify(json.doubled)} appears twice in one object`);
  if (fields) list.push(fields.kind === "multipart" ? "multipart form" : "form");
  list.push(type ? `sent as ${type}` : "no content-type header");
  return list;
}

const FORMS = ["text", "tree", "fields", "hex"];

function draw() {
  if (!current) return;
  const possible = { text: current.text !== null, tree: Boolean(current.json.value), fields: Boolean(current.form), hex: true };
  const shown = possible[chosen] ? chosen : possible.text ? "text" : "hex";
  for (const name of FORMS) {
    $(`form-${name}`).hidden = !possible[name];
    attribute($(`form-${name}`), "aria-pressed", String(name === shown));
  }
  $("visible-box").hidden = shown !== "text";
  replace($("body-view"), view(shown));
}

function view(shown) {
  const { bytes, text, json } = current;
  if (!bytes.length) return h("p.none", {}, "The body is empty.");
  if (shown === "tree") return treeView(json.value);
  if (shown === "fields") return fieldsView(current.form);
  if (shown === "hex") return hexView(bytes);
  const box = h("pre.wrap", { tabIndex: 0, role: "group", "aria-label": "The body as text" });
  const add = (part) => append(box, visible ? marked(part) : part);
  add(text.slice(0, FIRST_TEXT));
  const more = text.length > FIRST_TEXT && h("button", { type: "button", onclick: () => { add(text.slice(FIRST_TEXT)); box.focus(); more.remove(); } }, `Show all ${text.length} characters`);
  return [box, h("p.row", {}, more)];
}

const SIGNS = { " ": "·", "\t": "→\t", "\n": "⏎\n", "\r": "␍", "\u00a0": "[NBSP]" };

/** White space and invisible characters as signs. */
function marked(text) {
  return text.split(/([ \t\n\r\u00a0\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2069\0]+)/).filter(Boolean).map((part) => {
    const signs = Array.from(part, (letter) => SIGNS[letter] ?? (/[\u00a0\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2069\0]/.test(letter) ? `[U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]` : null));
    return signs.includes(null) ? part : h("span.sign", {}, signs.join(""));
  });
}

for (const name of FORMS) $(`form-${name}`).addEventListener("click", () => { chosen = name; draw(); });
$("visible").addEventListener("change", (event) => { visible = event.target.checked; draw(); });
$("save-body").addEventListener("click", () => save(`${current.sender}-${current.id}.body`, "application/octet-stream", current.bytes));
