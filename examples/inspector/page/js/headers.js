// The tab "Headers". The server masks keys and signatures; "Show" asks for one value.

import { $, attribute, h, keyed, toast, write } from "./element.js";
import { sendJson } from "./api.js";

/** Values that were asked for, of the delivery that is shown. */
let shownId = null;
const revealed = new Map();

export function showHeaders(delivery) {
  if (shownId !== delivery.id) revealed.clear();
  shownId = delivery.id;
  const rows = delivery.headers.map((header, index) => ({ ...header, index, redraw: () => showHeaders(delivery) }));
  keyed($("headers"), rows, (row) => row.index, make, update);
}

function make() {
  const parts = { name: h("span"), role: h("span.role"), value: h("span"), show: h("button.quiet", { type: "button" }) };
  const row = h("tr", {}, h("th", { scope: "row" }, parts.name, parts.role), h("td", {}, parts.value, " ", parts.show));
  row.parts = parts;
  parts.show.addEventListener("click", () => toggle(row.header));
  return row;
}

function update(row, header) {
  const { name, role, value, show } = row.parts;
  const text = header.masked ? revealed.get(header.index) : undefined;
  row.header = header;
  write(name, header.name);
  write(role, header.role);
  role.hidden = !header.role;
  write(value, text ?? header.value);
  show.hidden = !header.masked;
  write(show, text === undefined ? "Show" : "Hide");
  attribute(show, "aria-label", `${text === undefined ? "Show" : "Hide"} the value of ${header.name}`);
}

async function toggle({ index, redraw }) {
  const id = shownId;
  if (!revealed.delete(index)) {
    try {
      const { value } = await sendJson("POST", `/api/deliveries/${id}/reveal/${index}`);
      if (id !== shownId) return;
      revealed.set(index, value);
    } catch (error) {
      return toast(error.message);
    }
  }
  redraw();
}
