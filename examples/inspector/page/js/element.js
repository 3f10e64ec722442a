// Elements of the page. What a sender sent is only ever set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

/** A new element: `h("li.item", { onclick }, "text", child)`. */
export function h(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria") && name !== "role") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

/** Adds children; arrays are flattened, and `null`, `undefined` and `false` are left out. */
export function append(element, ...children) {
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Sets a text only if it differs: screen readers and selections do not notice an update that changes nothing. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Shows text in an element, or hides the element if there is none. */
export function note(element, text) {
  write(element, text ?? "");
  element.hidden = !text;
}

const nodes = new WeakMap();

/**
 * Makes the children of `parent` match `items` and keeps the element of each key, so that focus, selection and typed
 * text survive an update. An element moves only if the order of the kept items changes.
 */
export function keyed(parent, items, key, make, update) {
  const known = nodes.get(parent) ?? new Map();
  nodes.set(parent, known);
  const keys = new Set(items.map(key));
  for (const [name, node] of known) {
    if (keys.has(name)) continue;
    node.remove();
    known.delete(name);
  }
  items.forEach((item, index) => {
    const name = key(item);
    let node = known.get(name);
    if (!node) {
      node = make(item);
      known.set(name, node);
    }
    update(node, item);
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

/**
 * Runs an update of the page. If the focused element is not visible afterwards, the focus moves to `fallback` instead
 * of to the document's body, where the keyboard would start again from the top.
 */
export function keepFocus(fallback, update) {
  const focused = document.activeElement;
  const inside = focused && focused !== document.body;
  update();
  if (inside && !focused.checkVisibility()) fallback()?.focus({ preventScroll: true });
}

let fading;
/** A text of the library, in which code is between backticks. */
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** A short message at the bottom of the page, also read by screen readers. */
export function toast(text) {
  const box = $("toast");
  box.hidden = false;
  write(box, text);
  clearTimeout(fading);
  fading = setTimeout(() => { box.hidden = true; write(box, ""); }, 3500);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not allow this page to copy. Select the text and copy it yourself.");
  }
}

/** A line of code with a button that copies it. */
export function copyLine(text, label) {
  return h("div.copyline", {}, h("code", {}, text), h("button", { type: "button", "aria-label": label, onclick: () => copyText(text) }, "Copy"));
}

/** Saves a file from memory: no request is made. */
export function save(name, type, content) {
  const link = h("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  toast(`Saved as ${name}`);
}
