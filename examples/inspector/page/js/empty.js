// The first steps, while there is no delivery.

import { $, copyText, write } from "./element.js";
import { openSecrets } from "./secrets.js";
import { fillSenders, keysInWords, proposed } from "./senders.js";
import { hasKey, sender, state, subscribe } from "./store.js";
import { openTest } from "./test.js";

function fill() {
  const before = $("empty-sender").value;
  fillSenders($("empty-sender"), true);
  if (!sender(before)) $("empty-sender").value = proposed();
  draw();
}

function draw() {
  const one = sender($("empty-sender").value);
  if (!one) return;
  write($("empty-scheme"), one.kind === "shared_key" ? `A shared key in ${one.headers.join(", ")}.` : `${one.algorithm} over ${one.signed}, in ${one.headers.join(", ")}.`);
  write($("empty-secret"), hasKey(one) ? `The inspector has its secret: ${keysInWords(one)}.` : `Its secret is missing. Enter it here, or start the inspector with ${one.variable}.`);
  write($("empty-give"), hasKey(one) ? "Change the secrets" : "Enter the secret");
  write($("empty-url"), one.inbox);
  write($("empty-any"), `${state.inbox}/in/any`);
}

subscribe("senders", fill);
$("empty-sender").addEventListener("change", draw);
$("empty-give").addEventListener("click", () => openSecrets($("empty-sender").value));
$("empty-copy").addEventListener("click", () => copyText($("empty-url").textContent));
$("empty-test").addEventListener("click", () => openTest($("empty-sender").value));
