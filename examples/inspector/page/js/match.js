// The tab "Would it match?".

import { sendJson } from "./api.js";
import { $, h, replace } from "./element.js";
import { fillSenders } from "./senders.js";
import { sender, state, subscribe } from "./store.js";
import { verdictCard } from "./verdict.js";

let shownId = null;

export function showMatch(delivery) {
  fillSenders($("match-sender"), false);
  if (shownId !== delivery.id) {
    shownId = delivery.id;
    const guess = delivery.sender === "any" ? delivery.verdict.looks_like?.[0] : delivery.sender;
    if (sender(guess)) $("match-sender").value = guess;
    replace($("match-result"));
  }
  drawUrl();
}

function drawUrl() {
  $("match-url-box").hidden = !sender($("match-sender").value)?.needs_url;
}

$("match-sender").addEventListener("change", drawUrl);
$("match").addEventListener("submit", async (event) => {
  event.preventDefault();
  const id = shownId;
  const name = $("match-sender").value;
  const url = sender(name)?.needs_url && $("match-url").value;
  const question = { sender: name, secret: $("match-secret").value || undefined, url: url || undefined, now: $("match-now").checked };
  let result;
  try {
    const verdict = await sendJson("POST", `/api/deliveries/${id}/try`, question);
    result = h("div");
    verdictCard(result, null)(verdict, { sender: name });
  } catch (error) {
    result = h("p.error", {}, error.message);
  }
  if (id !== shownId) return;
  replace($("match-result"), result);
  result.scrollIntoView({ block: "nearest" });
});

subscribe("senders", () => { if (state.detail) { fillSenders($("match-sender"), false); drawUrl(); } });
