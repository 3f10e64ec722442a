// The card with the result of the verification. It is built once and then changed, so that its button keeps the focus.

import { attribute, h, note, replace, withCode, write } from "./element.js";
import { STATES, count, sentence } from "./format.js";
import { openSecrets } from "./secrets.js";
import { sender } from "./store.js";

/** Makes a card in `box`; `tryOther` opens the tab "Would it match?", where the card is not in that tab itself. */
export function verdictCard(box, tryOther) {
  const sign = h("span", { "aria-hidden": "true" });
  const word = h("span");
  const message = h("p");
  const cause = h("p.cause");
  const button = h("button", { type: "button", onclick: () => act?.() });
  const action = h("p", {}, button);
  let act = null;
  box.append(h("h3", {}, sign, word), message, cause, action);

  return (verdict, { answered, sender: name } = {}) => {
    const about = describe(verdict, answered);
    attribute(box, "class", `verdict ${verdict.state}`);
    write(sign, STATES[verdict.state].sign);
    write(word, about.title);
    replace(message, about.message, about.code && [" ", h("code", {}, about.code)]);
    cause.hidden = !about.cause;
    replace(cause, about.cause);
    const [label, does] = next(verdict, name) ?? [];
    act = does;
    note(button, label);
    action.hidden = !label;
  };

  function next({ state, looks_like: like }, name) {
    if (state === "rejected" && tryOther) return ["Try another secret", tryOther];
    if (state !== "unkeyed") return null;
    const one = sender(name) ?? sender(like?.[0]);
    return one ? [`Enter the secret of ${one.title}`, () => openSecrets(one.name)] : null;
  }
}

function describe(verdict, answered) {
  const status = answered ? ` The sender got ${answered}.` : "";
  switch (verdict.state) {
    case "verified": return { title: "Verified", message: verifiedBy(verdict) };
    case "rejected": return { title: "Rejected", message: `${sentence(verdict.message)}${status}`, code: verdict.code, cause: causeOf(verdict) };
    case "handshake": return { title: "Set-up request", message: [withCode(sentence(verdict.text)), verdict.signed ? " Its signature matches." : "", status] };
    default: {
      const like = (verdict.looks_like ?? []).map((name) => sender(name)?.title ?? name).slice(0, 4);
      const guess = like.length ? ` The headers look like ${like.join(" or ")}.` : "";
      return { title: "Not verified: no secret", message: `The inspector has no secret for this delivery.${guess} It is verified as soon as you enter the secret.${status}` };
    }
  }
}

function verifiedBy({ key, authentication, body_is_signed: signed }) {
  switch (authentication) {
    case "shared_key": return `The request has the shared key “${key}”. It proves that the sender has the key. It does not protect the body.`;
    case "keyless_digest": return "The digest matches the body. It has no key: it does not prove who sent the body.";
    default: return `The signature matches with the key “${key}”.${signed ? " It protects the body." : " It does not protect the body."}`;
  }
}

/** Never nothing while a search is possible: what is below the card must not move under the mouse when its result comes. */
function causeOf({ code, cause }) {
  switch (cause?.state) {
    case "pending": return ["Looking for the cause …"];
    case "found": return [h("strong", {}, "Cause: "), sentence(cause.text), cause.verified ? " The inspector tried it: then the signature matches." : ""];
    case "unknown": return !cause.tried && code !== "signature_mismatch" ? ["There is nothing to try: the message above is the cause."] : ["The cause is not one of the known mistakes", cause.tried ? ` (${count(cause.tried, "possibility", "possibilities")} tried)` : "", ". The secret, the body or the scheme can be different."];
    case "skipped": return ["The body is larger than 64 KiB, so the inspector did not look for the cause."];
    default: return null;
  }
}
