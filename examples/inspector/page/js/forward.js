// The tab "Forward": to the user's handler, once or automatically, and its responses.

import { call, sendJson } from "./api.js";
import { $, attribute, h, keyed, note, toast, write } from "./element.js";
import { clock, size } from "./format.js";
import { hasKey, sender, state, subscribe } from "./store.js";

let shown = null;

export function showForward(delivery) {
  shown = delivery;
  const one = sender(delivery.sender);
  const possible = Boolean(one?.can_sign && hasKey(one));
  write($("forward-about"), state.remote ? "The body is forwarded byte for byte." : "The body is forwarded byte for byte, to a handler on this machine.");
  $("forward-signed-again").disabled = !possible;
  if (!possible && $("forward-signed-again").checked) $("forward-received").checked = true;
  write($("forward-signed-again-label"), possible ? "Signed again with the secret of the sender and the current time" : `Signed again: not possible, ${one && !one.can_sign ? "only the sender can sign" : "there is no secret"}`);
  const attempts = [...delivery.sent_to].reverse();
  $("attempts").hidden = $("attempts-title").hidden = !attempts.length;
  keyed($("attempts"), attempts, ({ at, url, automatic }) => `${delivery.id} ${at} ${url} ${automatic}`, makeAttempt, () => {});
}

function makeAttempt({ at, url, status, error, millis, signed_again, automatic, body, truncated }) {
  const good = status >= 200 && status < 300;
  const about = [at && clock(at), url, `${millis} ms`, signed_again && "signed again", automatic && "automatic"].filter(Boolean).join(" · ");
  return h("li", {}, h(good ? "span.good" : "span.bad", {}, status ? `${good ? "✓" : "✕"} ${status}` : "✕ failed"), ` ${about}`,
    error && h("p.error", {}, error),
    body && h("pre.wrap", { tabIndex: 0, role: "group", "aria-label": "Response body" }, body),
    truncated && h("p.remarks", {}, `Only the first ${size(new TextEncoder().encode(body).length)} of the response are kept.`));
}

function drawAutomatic() {
  const { forward } = state;
  const what = forward && `${forward.when === "verified" ? "each new verified delivery" : "each new delivery"} to ${forward.url}`;
  note($("forwarding"), what && `Forwarding ${what}`);
  write($("automatic-state"), what ? `The inspector forwards ${what}, as received.` : "Automatic forwarding is off.");
  $("automatic-start").hidden = Boolean(forward);
  $("automatic-all").disabled = Boolean(forward);
  $("automatic-stop").hidden = !forward;
  if (forward) $("automatic-all").checked = forward.when === "all";
}

async function attempt(action) {
  $("forward-error").hidden = true;
  try {
    await action();
  } catch (error) {
    note($("forward-error"), error.message);
  }
}

const URL_KEY = "handler";
$("forward-url").value = sessionStorage.getItem(URL_KEY) ?? "";

$("forward").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = $("forward-url").value;
  sessionStorage.setItem(URL_KEY, url);
  attribute($("forward-go"), "aria-disabled", "true");
  attempt(() => sendJson("POST", `/api/deliveries/${shown.id}/send`, { url, signed_again: $("forward-signed-again").checked }))
    .finally(() => attribute($("forward-go"), "aria-disabled", null));
});

$("automatic-start").addEventListener("click", () => {
  if (!$("forward-url").reportValidity()) return;
  const url = $("forward-url").value;
  sessionStorage.setItem(URL_KEY, url);
  attempt(async () => {
    await call("PUT", "/api/forward", { url, when: $("automatic-all").checked ? "all" : "verified" });
    toast("Automatic forwarding is on");
  });
});
$("automatic-stop").addEventListener("click", () => attempt(async () => {
  await call("DELETE", "/api/forward");
  toast("Automatic forwarding is off");
}));

subscribe("forward", () => {
  // One of the two buttons is hidden by this: the focus goes to the other.
  const focused = document.activeElement;
  drawAutomatic();
  if (focused === $("automatic-start") && $("automatic-start").hidden) $("automatic-stop").focus();
  if (focused === $("automatic-stop") && $("automatic-stop").hidden) $("automatic-start").focus();
});
