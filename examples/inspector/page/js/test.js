// The dialog "Send a test delivery".

import { sendJson } from "./api.js";
import { openDialog } from "./dialogs.js";
import { $, h, keyed, note, write } from "./element.js";
import { words } from "./format.js";
import { open } from "./list.js";
import { fillSenders, keysInWords, proposed } from "./senders.js";
import { choose, hasKey, sender, state, subscribe } from "./store.js";

/** The body that the page proposed: a body that the user changed is kept when the sender changes. */
let proposal = "";
/** The test that was sent is selected as soon as it arrives. */
let expected = false;

/** The kinds of test deliveries, by the name that the server uses. */
const FAULTS = {
  genuine: "Genuine",
  newline: "A newline is added to the body",
  tampered: "A space is added to the body",
  reprinted: "The JSON is printed again with other white space",
  wrong_secret: "Signed with another secret",
  unsigned: "Without signature",
  old: "Signed a day ago",
  doubled: "With the signature header twice",
};

export function openTest(name) {
  fillSenders($("test-sender"), true);
  const wanted = name ?? (state.detail?.sender === "any" ? null : state.detail?.sender) ?? proposed();
  if (sender(wanted)) $("test-sender").value = wanted;
  $("test-error").hidden = true;
  drawSender();
  openDialog("test");
}

function drawSender() {
  const one = sender($("test-sender").value);
  if (!one) return;
  keyed($("test-fault"), one.faults, (name) => name, (name) => h("option", { value: name }, FAULTS[name] ?? words(name)), () => {});
  const body = $("test-body");
  if (body.value === proposal) body.value = proposal = one.example;
  drawKey();
}

function drawKey() {
  const one = sender($("test-sender").value);
  if (!one) return;
  const makeable = one.can_sign && !hasKey(one);
  write($("test-key"), one.can_sign ? `Secret: ${keysInWords(one)}.` : "Only the sender can sign its deliveries. A test delivery is not possible here.");
  if (!makeable && document.activeElement === $("test-make")) $("test-body").focus();
  $("test-make-box").hidden = !makeable;
  $("test-send").disabled = !one.can_sign || !hasKey(one);
}

$("open-test").addEventListener("click", () => openTest());
$("test-sender").addEventListener("change", () => { $("test-error").hidden = true; drawSender(); });
$("test-make").addEventListener("click", async () => {
  try {
    await sendJson("PUT", `/api/senders/${$("test-sender").value}/keys/default`, { generate: true });
  } catch (error) {
    note($("test-error"), error.message);
  }
});
$("test-send").addEventListener("click", async () => {
  $("test-error").hidden = true;
  expected = !state.paused;
  try {
    const { sent } = await sendJson("POST", "/api/test", { sender: $("test-sender").value, fault: $("test-fault").value, body: $("test-body").value });
    if (sent.error) throw new Error(sent.error);
    $("test").close();
  } catch (error) {
    expected = false;
    note($("test-error"), error.message);
  }
});

subscribe("senders", () => { if ($("test").open) { fillSenders($("test-sender"), true); drawKey(); } });
subscribe("arrived", (list) => {
  const test = expected && list.findLast((delivery) => delivery.test);
  if (!test) return;
  expected = false;
  choose(test.id).then(() => {
    open();
    // The button that opened the dialog can be hidden now. While the dialog is open, this does nothing.
    if (document.activeElement === $("detail") || document.activeElement === document.body) $("title").focus();
  });
});
