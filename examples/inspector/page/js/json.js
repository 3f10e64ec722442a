// A JSON parser that keeps what `JSON.parse` loses: the digits of numbers, and names that appear twice.

/** Deeper JSON is shown as text: the tree has one element inside another for each level. */
export const MAX_DEPTH = 100;

const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/**
 * Nodes: `{ kind: "object" | "array", members: [[name, node]] }` or `{ kind: "string" | "number" | "word", text }`.
 * Returns `{ value, doubled }` or `{ error }`. `doubled` is a name that appears twice in one object.
 */
export function parseJson(text) {
  let at = 0;
  let doubled = null;
  const fail = (what) => { throw new SyntaxError(what); };
  const blank = () => { while (at < text.length && " \t\n\r".includes(text[at])) at += 1; };

  const string = () => {
    const from = at;
    for (at += 1; text[at] !== '"'; at += text[at] === "\\" ? 2 : 1) if (at >= text.length || text[at] < " ") fail("a string does not end");
    at += 1;
    return JSON.parse(text.slice(from, at));
  };

  const members = (open, depth) => {
    const close = open === "{" ? "}" : "]";
    const list = [];
    const names = new Set();
    at += 1;
    blank();
    if (text[at] === close) { at += 1; return list; }
    for (;;) {
      blank();
      let name = list.length;
      if (open === "{") {
        if (text[at] !== '"') fail("a name is missing");
        name = string();
        if (names.has(name)) doubled ??= name;
        names.add(name);
        blank();
        if (text[at++] !== ":") fail("a colon is missing");
      }
      list.push([name, value(depth + 1)]);
      blank();
      const next = text[at++];
      if (next === close) return list;
      if (next !== ",") fail("a comma is missing");
    }
  };

  const value = (depth) => {
    if (depth > MAX_DEPTH) fail(`it is deeper than ${MAX_DEPTH} levels`);
    blank();
    const first = text[at];
    if (first === '"') return { kind: "string", text: string() };
    if (first === "{" || first === "[") return { kind: first === "{" ? "object" : "array", members: members(first, depth) };
    LITERAL.lastIndex = at;
    const literal = LITERAL.exec(text)?.[0] ?? fail("a value is missing");
    at += literal.length;
    return { kind: /^[tfn]/.test(literal) ? "word" : "number", text: literal };
  };

  try {
    const whole = value(0);
    blank();
    if (at < text.length) fail("there is more after the value");
    return { value: whole, doubled };
  } catch (error) {
    return { error: error.message };
  }
}

/** One text for equal JSON: without white space and escapes, but with the digits as they were written. */
export function canonical(node) {
  if (node.kind === "string") return JSON.stringify(node.text);
  if (node.kind === "number" || node.kind === "word") return node.text;
  const inside = node.members.map(([name, member]) => (node.kind === "object" ? `${JSON.stringify(name)}:${canonical(member)}` : canonical(member)));
  return node.kind === "object" ? `{${inside.join(",")}}` : `[${inside.join(",")}]`;
}
