// The dialog "Secrets": the keys of each sender, entered, made for testing, or removed.

import { call, sendJson } from "./api.js";
import { openDialog } from "./dialogs.js";
import { $, copyLine, h, keepFocus, keyed, note, replace, write } from "./element.js";
import { keysInWords } from "./senders.js";
import { hasKey, sender, state, subscribe } from "./store.js";

/** Secrets that were made here. The server shows each of them once, so they are kept until the dialog closes. */
const made = new Map();

export function openSecrets(name) {
  // Senders with a secret come first. The order changes only here, not while the dialog is in use.
  order = [...state.senders].sort((a, b) => hasKey(b) - hasKey(a)).map((one) => one.name);
  $("secrets-find").value = name ? sender(name)?.title ?? name : "";
  draw();
  openDialog("secrets", () => { made.clear(); draw(); });
  for (const row of $("secrets-list").querySelectorAll("details")) row.open = row.id === `secrets-${name}`;
  const row = name && $(`secrets-${name}`);
  if (row) row.querySelector("input[type=password]").focus();
  else $("secrets-find").focus();
}

let order = [];

function draw() {
  const find = $("secrets-find").value.trim().toLowerCase();
  const rows = order.map(sender).filter(Boolean);
  const matches = (one) => `${one.title} ${one.name} ${one.aliases.join(" ")} ${one.headers.join(" ")}`.toLowerCase().includes(find);
  keepFocus(() => $("secrets-find"), () => {
    keyed($("secrets-list"), rows, (one) => one.name, make, update);
    for (const one of rows) $(`secrets-${one.name}`).parentElement.hidden = !matches(one);
    $("secrets-none").hidden = rows.some(matches);
  });
}

function make(one) {
  const parts = {
    state: h("span"), keys: h("ul.keylist", { "aria-label": `Secrets of ${one.title}` }), error: h("p.error", { role: "alert", hidden: true }), made: h("div", { role: "status" }),
    secret: h("input", { type: "password", autocomplete: "off", spellcheck: false }),
    name: h("input", { type: "text", autocomplete: "off", spellcheck: false, placeholder: "default" }),
    url: h("input", { type: "url", autocomplete: "off", spellcheck: false, value: one.url ?? "" }),
    generate: h("button", { type: "button", onclick: () => put(one.name, parts, { generate: true }) }, "Make one for testing"),
  };
  const form = h("form.give", { onsubmit: (event) => {
    event.preventDefault();
    if (!parts.secret.value) return note(parts.error, one.kind === "public_key" ? "Enter the public key." : "Enter the secret.");
    put(one.name, parts, { secret: parts.secret.value });
  } },
  h("label", {}, one.kind === "public_key" ? "Public key" : "Secret", parts.secret),
  h("label", {}, "Name", parts.name),
  one.needs_url && h("label.whole", {}, "URL in the sender’s settings: it is signed", parts.url),
  h("div.row.whole", {}, h("button.primary", {}, one.kind === "public_key" ? "Save this key" : "Save this secret"), one.can_sign && parts.generate));
  const item = h("li", {}, h("details", { id: `secrets-${one.name}`, name: "sender", ontoggle: () => { if (item.firstChild.open) item.scrollIntoView({ block: "nearest" }); } }, h("summary", {}, h("b", {}, one.title), " ", parts.state),
    h("div.inside", {}, h("p.remarks", {}, "Environment variable: ", h("code", {}, one.variable)), parts.keys, form, parts.error, parts.made)));
  item.parts = parts;
  return item;
}

function update(item, one) {
  const { state: words, keys, made: box } = item.parts;
  write(words, keysInWords(one));
  keys.hidden = !hasKey(one);
  keyed(keys, one.keys, (key) => key.name, (key) => h("li", {}, h("span", {}, `“${key.name}”, ${keysInWords({ keys: [key] })}`),
    h("button", { type: "button", "aria-label": `Remove the secret “${key.name}” of ${one.title}`, onclick: () => remove(one, key, item) }, "Remove")), () => {});
  const secret = made.get(one.name);
  if (box.secret === secret) return;
  box.secret = secret;
  if (!secret) return replace(box);
  replace(box, h("p", {}, "Enter this secret in the sender’s settings. It is shown only now:"), copyLine(secret, `Copy the new secret of ${one.title}`));
}

async function put(name, parts, what) {
  parts.error.hidden = true;
  try {
    if (sender(name).needs_url && parts.url.value !== sender(name).url) await call("PUT", `/api/senders/${name}/url`, { url: parts.url.value || null });
    const key = parts.name.value.trim() || "default";
    const { secret } = await sendJson("PUT", `/api/senders/${name}/keys/${encodeURIComponent(key)}`, what);
    parts.secret.value = parts.name.value = "";
    if (secret) made.set(name, secret);
    draw();
  } catch (error) {
    note(parts.error, error.message);
  }
}

async function remove(one, key, item) {
  try {
    await call("DELETE", `/api/senders/${one.name}/keys/${encodeURIComponent(key.name)}`);
    made.delete(one.name);
    item.querySelector("summary").focus();
  } catch (error) {
    note(item.parts.error, error.message);
  }
}

subscribe("senders", () => { if ($("secrets").open) draw(); });
$("secrets-find").addEventListener("input", draw);
$("open-secrets").addEventListener("click", () => openSecrets());
