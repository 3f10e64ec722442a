// The fields of a form. The server reads `application/x-www-form-urlencoded` and `multipart/form-data`.

import { h } from "./element.js";
import { count, size } from "./format.js";

/** Longer values are cut in the table; Text and Hex show the whole body. */
const LONGEST_VALUE = 4_096;

export function fieldsView({ fields, more }) {
  const rows = fields.map((field) => {
    const { name, value, file_name: file, content_type: type, size: bytes } = field;
    const cut = value?.length > LONGEST_VALUE;
    const about = [file != null && `file ${JSON.stringify(file)}`, type, (cut || value == null) && size(bytes),
      value == null && "not shown: not text, or too long", cut && `the first ${LONGEST_VALUE} characters`].filter(Boolean);
    return h("tr", {}, h("th", { scope: "row" }, name || h("em", {}, "no name")),
      h("td", {}, (value ?? "").slice(0, LONGEST_VALUE), about.length > 0 && h("span.remark", {}, about.join(", "))));
  });
  return [
    h("table", {}, h("caption.hidden", {}, "The fields of the form, in the order of the body"), h("tbody", {}, rows)),
    more > 0 && h("p.remarks", {}, `${count(more, "more field")} not shown.`),
  ];
}
