// The senders' own npm packages behind two operations: sign and verify. python/sdks.py describes the protocol.
import { createHash, createHmac, createPrivateKey, createSecretKey, sign as edSign, createSign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const SDKS = {};
const sdk = (name, preset, pkg, secret, it, { url = "", note = "", bodies = null, keyed = false } = {}) => {
  SDKS[name] = { preset, package: pkg, secret, url, note, bodies, keyed, it };
};
const base64 = (text) => Buffer.from(text).toString("base64");
const WHSEC = "whsec_" + Buffer.from([...Array(24).keys()].map((n) => n + 3)).toString("base64");
const URL_ = "https://example.com/hooks/one?tenant=a%20b";
const text = (body) => body.toString("utf8");
const seconds = (at) => Math.floor(at / 1000);
const iso = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";

// Secrets and keys below are made up.
sdk("stripe", "stripe", "stripe", WHSEC, {
  client() { const Stripe = require("stripe"); return new (Stripe.default ?? Stripe)("sk_none"); },
  sign(body, secret, url, at) {
    return { "Stripe-Signature": this.client().webhooks.generateTestHeaderString({ payload: text(body), secret, timestamp: seconds(at) }) };
  },
  verify(body, headers, secret) { this.client().webhooks.constructEvent(body, headers["stripe-signature"], secret); return true; },
});

sdk("standardwebhooks", "standard_webhooks", "standardwebhooks", WHSEC, {
  sign(body, secret, url, at) {
    const { Webhook } = require("standardwebhooks");
    return { "webhook-id": ID, "webhook-timestamp": String(seconds(at)),
      "webhook-signature": new Webhook(secret).sign(ID, new Date(at), text(body)) };
  },
  verify(body, headers, secret) {
    const { Webhook } = require("standardwebhooks");
    new Webhook(secret).verify(text(body), headers, { jsonParse: false });
    return true;
  },
});

sdk("svix", "svix", "svix", WHSEC, {
  sign(body, secret, url, at) {
    const { Webhook } = require("svix");
    return { "svix-id": ID, "svix-timestamp": String(seconds(at)),
      "svix-signature": new Webhook(secret).sign(ID, new Date(at), text(body)) };
  },
  verify(body, headers, secret) { const { Webhook } = require("svix"); new Webhook(secret).verify(text(body), headers); return true; },
});

sdk("clerk", "svix", "@clerk/backend", WHSEC, {
  async verify(body, headers, secret) {
    const { verifyWebhook } = await import("@clerk/backend/webhooks");
    await verifyWebhook(new Request("https://example.com/", { method: "POST", headers, body }), { signingSecret: secret });
    return true;
  },
});

sdk("resend", "svix", "resend", WHSEC, {
  verify(body, headers, secret) {
    const { Resend } = require("resend");
    new Resend("re_none").webhooks.verify({ payload: text(body), webhookSecret: secret,
      headers: { id: headers["svix-id"], timestamp: headers["svix-timestamp"], signature: headers["svix-signature"] } });
    return true;
  },
});

sdk("bigcommerce", "bigcommerce", "standardwebhooks", "8f3b1c0d5e7a", {
  sign(body, secret, url, at) { return SDKS.standardwebhooks.it.sign(body, base64(secret), url, at); },
  verify(body, headers, secret) { return SDKS.standardwebhooks.it.verify(body, headers, base64(secret)); },
}, { note: "as the sender's page says: the library with the client secret in base64" });

// Tokens. The packages of Vonage and LiveKit verify the token, and their pages say how to compare the hash of the body.
sdk("qstash", "qstash", "@upstash/qstash", "sig_4pPuwQkrj5ZZZ8LkMLoGkjqSyjZx", {
  async verify(body, headers, secret, url) {
    const { Receiver } = require("@upstash/qstash");
    const receiver = new Receiver({ currentSigningKey: secret, nextSigningKey: "sig_of_the_next_month" });
    return receiver.verify({ signature: headers["upstash-signature"], body: text(body), url });
  },
}, { url: URL_ });

sdk("livekit", "livekit", "livekit-server-sdk", "dWn8F2kQ7rT0vYx3", {
  async sign(body, secret) {
    const { AccessToken } = await import("livekit-server-sdk");
    const token = new AccessToken("API4ubN8", secret, { ttl: 300 });
    token.sha256 = createHash("sha256").update(body).digest("base64");
    return { Authorization: await token.toJwt() };
  },
}, { note: "signs only: the package also wants the name of the API key as the issuer" });

sdk("vonage", "vonage", "@vonage/jwt", "VjWg1bYxQ6tP0sZk9cRn3mHd", {
  verify(body, headers, secret) {
    const { verifySignature } = require("@vonage/jwt");
    const token = headers.authorization.replace(/^Bearer /, "");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url"));
    return verifySignature(token, secret) && claims.payload_hash === createHash("sha256").update(body).digest("hex");
  },
});

sdk("messagebird", "bird", "messagebird", "36efdd1aace2e26cd490f0d951138253bef2f7c6", {
  async verify(body, headers, secret, url) {
    const { verify } = require(join(here, "node_modules/messagebird/lib/webhook-signature-jwt.js"));
    await verify(url, body, headers["messagebird-signature-jwt"], createSecretKey(secret, "utf8"));
    return true;
  },
}, { url: URL_ });

sdk("octokit_methods", "github", "@octokit/webhooks-methods", "It's a Secret to Everybody", {
  async sign(body, secret) {
    const { sign } = await import("@octokit/webhooks-methods");
    return { "X-GitHub-Delivery": "d1", "X-GitHub-Event": "ping", "X-Hub-Signature-256": await sign(secret, text(body)) };
  },
  async verify(body, headers, secret) {
    const { verify } = await import("@octokit/webhooks-methods");
    return verify(secret, text(body), headers["x-hub-signature-256"]);
  },
});

sdk("octokit", "github", "@octokit/webhooks", "It's a Secret to Everybody", {
  async sign(body, secret) {
    const { Webhooks } = await import("@octokit/webhooks");
    return { "X-Hub-Signature-256": await new Webhooks({ secret }).sign(text(body)) };
  },
  async verify(body, headers, secret) {
    const { Webhooks } = await import("@octokit/webhooks");
    return new Webhooks({ secret }).verify(text(body), headers["x-hub-signature-256"]);
  },
});

sdk("slack", "slack", "@slack/bolt", "8f742231b10e8888abcd99yyyzzz85a5", {
  verify(body, headers, signingSecret) {
    const { verifySlackRequest } = require(join(here, "node_modules/@slack/bolt/dist/receivers/verify-request.js"));
    verifySlackRequest({ signingSecret, body: text(body), headers: { "x-slack-signature": headers["x-slack-signature"],
      "x-slack-request-timestamp": Number(headers["x-slack-request-timestamp"]) } });
    return true;
  },
});

// Webhooks, and Events: the same scheme under other header names.
for (const [name, prefix] of [["shopify", "X-Shopify"], ["shopify_events", "Shopify"]]) {
  sdk(name, "shopify", "@shopify/shopify-api", "hush", {
    async sign(body, secret) {
      require("@shopify/shopify-api/adapters/node");
      const { createSHA256HMAC } = require(join(here, "node_modules/@shopify/shopify-api/dist/cjs/runtime/crypto/utils.js"));
      return { [`${prefix}-Topic`]: "orders/create", [`${prefix}-Shop-Domain`]: "a.myshopify.com", [`${prefix}-API-Version`]: "2026-07",
        [`${prefix}-Webhook-Id`]: "w1", [`${prefix}-Hmac-Sha256`]: await createSHA256HMAC(secret, text(body)) };
    },
    async verify(body, headers, secret) {
      require("@shopify/shopify-api/adapters/node");
      const { shopifyApi, LogSeverity } = require("@shopify/shopify-api");
      const shopify = shopifyApi({ apiKey: "none", apiSecretKey: secret, hostName: "example.com", isEmbeddedApp: true,
        apiVersion: "2026-07", scopes: ["read_products"], logger: { level: LogSeverity.Error, log() {} } });
      const small = prefix.toLowerCase();
      const rawRequest = { method: "POST", url: "/", headers: { [`${small}-topic`]: "orders/create",
        [`${small}-shop-domain`]: "a.myshopify.com", [`${small}-api-version`]: "2026-07", [`${small}-webhook-id`]: "w1",
        [`${small}-handle`]: "h", [`${small}-event-id`]: "e1", [`${small}-action`]: "create", [`${small}-triggered-at`]: "2026-11-27T10:00:00Z",
        [`${small}-hmac-sha256`]: headers["x-shopify-hmac-sha256"] ?? headers["shopify-hmac-sha256"] ?? "" } };
      const answer = await shopify.webhooks.validate({ rawBody: text(body), rawRequest, rawResponse: {} });
      if (!answer.valid) throw new Error(answer.reason + " " + (answer.missingHeaders ?? ""));
      return true;
    },
  }, { note: name === "shopify" ? "" : "Events (developer preview): the same signature, in Shopify-Hmac-Sha256, without X-" });
}

sdk("line", "line", "@line/bot-sdk", "8f742231b10e8888abcd99aaabbb85a5", {
  verify(body, headers, secret) { return require("@line/bot-sdk").validateSignature(body, secret, headers["x-line-signature"]); },
});

for (const [version, header] of [["v1", "X-HubSpot-Signature"], ["v2", "X-HubSpot-Signature"], ["v3", "X-HubSpot-Signature-v3"]]) {
  sdk(`hubspot_${version}`, `hubspot_${version}`, "@hubspot/api-client", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", {
    sign(body, clientSecret, url, at) {
      const { Signature } = require("@hubspot/api-client");
      const made = Signature.getSignature("POST", version, { clientSecret, requestBody: text(body), url, timestamp: at });
      return { [header]: made, ...(version === "v3" && { "X-HubSpot-Request-Timestamp": String(at) }) };
    },
    verify(body, headers, clientSecret, url) {
      const { Signature } = require("@hubspot/api-client");
      const stamp = headers["x-hubspot-request-timestamp"];
      return Signature.isValid({ method: "POST", signatureVersion: version, clientSecret, requestBody: text(body), url,
        signature: headers[header.toLowerCase()], timestamp: stamp === undefined ? undefined : Number(stamp) });
    },
  }, { url: URL_ });
}

sdk("square", "square", "square", "asdf1234asdf1234", {
  async verify(body, headers, signatureKey, notificationUrl) {
    const { WebhooksHelper } = require("square");
    return WebhooksHelper.verifySignature({ requestBody: text(body), signatureKey, notificationUrl,
      signatureHeader: headers["x-square-hmacsha256-signature"] });
  },
}, { url: "https://example.com/webhook" });

sdk("paddle", "paddle", "@paddle/paddle-node-sdk", "pdl_ntfset_01gkdfs8_abcdef", {
  async verify(body, headers, secret) {
    const { Paddle } = require("@paddle/paddle-node-sdk");
    return new Paddle("none").webhooks.isSignatureValid(text(body), secret, headers["paddle-signature"]);
  },
});

// The SDK takes the parsed body and prints it again: only bodies that print unchanged can pass.
const workos = (secret) => { const { WorkOS } = require("@workos-inc/node"); return new WorkOS("sk_none").webhooks; };
sdk("workos", "workos", "@workos-inc/node", "wh_secret_1", {
  async sign(body, secret, url, at) {
    return { "WorkOS-Signature": `t=${at}, v1=${await workos().computeSignature(at, JSON.parse(text(body)), secret)}` };
  },
  async verify(body, headers, secret) {
    return workos().verifyHeader({ payload: JSON.parse(text(body)), sigHeader: headers["workos-signature"], secret });
  },
}, { note: "the SDK takes the parsed body and prints it again: only bodies that print unchanged can pass", bodies: ["compact"] });

const PRIVATE = createPrivateKey({ format: "der", type: "pkcs8",
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from([...Array(32).keys()])]) });
const PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
sdk("discord", "discord", "discord-interactions", PUBLIC, {
  sign(body, secret, url, at) {
    const stamp = String(seconds(at));
    return { "X-Signature-Timestamp": stamp, "X-Signature-Ed25519": edSign(null, Buffer.concat([Buffer.from(stamp), body]), PRIVATE).toString("hex") };
  },
  verify(body, headers, secret) {
    return require("discord-interactions").verifyKey(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], secret);
  },
}, { note: "signed with node:crypto, since only Discord holds the key" });

sdk("telnyx", "telnyx", "telnyx", Buffer.from(PUBLIC, "hex").toString("base64"), {
  sign(body, secret, url, at) {
    const stamp = String(seconds(at));
    return { "Telnyx-Timestamp": stamp,
      "Telnyx-Signature-Ed25519": edSign(null, Buffer.concat([Buffer.from(stamp + "|"), body]), PRIVATE).toString("base64") };
  },
  async verify(body, headers, secret) {
    const { TelnyxWebhook } = await import("telnyx/lib/webhooks.mjs").catch(() => require(join(here, "node_modules/telnyx/lib/webhooks.js")));
    await new TelnyxWebhook(secret).verify(text(body), headers);
    return true;
  },
}, { note: "signed with node:crypto" });

const openai = () => { const OpenAI = require("openai"); return new (OpenAI.default ?? OpenAI)({ apiKey: "none" }); };
sdk("openai", "openai", "openai", WHSEC, {
  async verify(body, headers, secret) { await openai().webhooks.verifySignature(text(body), headers, secret); return true; },
});

sdk("replicate", "replicate", "replicate", WHSEC, {
  verify(body, headers, secret) {
    return require("replicate").validateWebhook({ id: headers["webhook-id"], timestamp: headers["webhook-timestamp"],
      signature: headers["webhook-signature"], body: text(body), secret });
  },
}, { note: "checks no time" });

for (const [name, pkg, call] of [
  ["anthropic", "@anthropic-ai/sdk", (Client, body, headers, key) => new Client({ apiKey: "none" }).beta.webhooks.unwrap(body, { headers, key })],
  ["lithic", "lithic", (Client, body, headers, key) => { const c = new Client({ apiKey: "none" }).webhooks;
    return c.parse ? c.parse(body, { headers, secret: key }) : c.verifySignature(body, headers, key); }],
]) {
  sdk(name, "standard_webhooks", pkg, WHSEC, {
    async verify(body, headers, secret) {
      const Client = require(pkg);
      await call(Client.default ?? Client, text(body), headers, secret);
      return true;
    },
  });
}

const polar = async (body, headers, secret) => {
  // Since 1.0 each version of the API has its own entry point.
  let webhooks;
  try { ({ webhooks } = require("@polar-sh/sdk/2026-10")); } catch { webhooks = require("@polar-sh/sdk/webhooks"); }
  try { await webhooks.validateEvent(text(body), headers, secret); } catch (error) {
    // An error about an unknown event type comes after the verification.
    if (!/Unknown (webhook )?event type|parse event/.test(error.message)) throw error;
  }
  return true;
};
sdk("polar", "polar", "@polar-sh/sdk", "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK", { verify: polar });

for (const preset of ["polar", "standard_webhooks"]) {
  sdk("polar_since_2026_09" + (preset === "polar" ? "" : "_std"), preset, "@polar-sh/sdk", "whsec_" + base64("0123456789abcdefghijklmnopqrstuv"), {
    // The sender's server hands a secret made since 2026-09-08 to the library unchanged.
    sign: (body, secret, url, at) => SDKS.standardwebhooks.it.sign(body, secret, url, at),
    verify: polar,
  }, { note: "a secret made since 2026-09-08, signed as Polar's server signs with it" });
}

sdk("razorpay", "razorpay", "razorpay", "rzp_webhook_secret", {
  verify(body, headers, secret) {
    return require("razorpay").validateWebhookSignature(text(body), headers["x-razorpay-signature"], secret);
  },
});

sdk("adyen", "adyen", "@adyen/api-library", "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056", {
  client() { const { hmacValidator } = require("@adyen/api-library"); return new hmacValidator(); },
  sign(body, secret) { return { HmacSignature: this.client().calculateHmac(text(body), secret), Protocol: "HmacSHA256" }; },
  verify(body, headers, secret) { return this.client().validateHMACSignature(secret, headers.hmacsignature, text(body)); },
});

sdk("gocardless", "gocardless", "gocardless-nodejs", "gc_secret_1", {
  verify(body, headers, secret) { require("gocardless-nodejs/webhooks").verifySignature(body, secret, headers["webhook-signature"]); return true; },
});

sdk("pusher", "pusher", "pusher", "pusher_secret_1", {
  client(secret) { const Pusher = require("pusher"); return new Pusher({ appId: "1", key: "key1", secret }); },
  sign(body, secret) {
    const { default: Token = require("pusher/lib/token") } = {};
    return { "X-Pusher-Key": "key1", "X-Pusher-Signature": new Token("key1", secret).sign(text(body)) };
  },
  verify(body, headers, secret) {
    return this.client(secret).webhook({ rawBody: text(body),
      headers: { "x-pusher-key": "key1", "x-pusher-signature": headers["x-pusher-signature"], "content-type": "application/json" } }).isValid();
  },
}, { note: "X-Pusher-Key, unsigned, names the key" });

sdk("modern_treasury", "modern_treasury", "modern-treasury", "mt_secret_1", {
  client(secret) { const MT = require("modern-treasury"); return new (MT.default ?? MT)({ apiKey: "none", organizationID: "none", webhookKey: secret }); },
  async sign(body, secret) { return { "X-Signature": await this.client(secret).webhooks.getSignature(text(body), secret) }; },
  async verify(body, headers, secret) {
    return this.client(secret).webhooks.validateSignature(text(body), { "x-signature": headers["x-signature"] }, secret);
  },
});

const P256 = createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256",
  d: Buffer.from("1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF", "hex").toString("base64url"),
  ...p256Public() } });
function p256Public() {
  // The public key of the number above.
  const { createECDH } = require("node:crypto");
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey("1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF", "hex");
  const point = ecdh.getPublicKey();
  return { x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
}
const { createPublicKey } = require("node:crypto");
const P256_PUBLIC = createPublicKey(P256).export({ format: "der", type: "spki" }).toString("base64");
sdk("sendgrid", "sendgrid", "@sendgrid/eventwebhook", P256_PUBLIC, {
  sign(body, secret, url, at) {
    const { EventWebhookHeader } = require("@sendgrid/eventwebhook");
    const stamp = String(seconds(at));
    const made = createSign("sha256").update(stamp).update(body).sign(P256).toString("base64");
    return { [EventWebhookHeader.SIGNATURE()]: made, [EventWebhookHeader.TIMESTAMP()]: stamp };
  },
  verify(body, headers, secret) {
    const { EventWebhook } = require("@sendgrid/eventwebhook");
    const it = new EventWebhook();
    return it.verifySignature(it.convertPublicKeyToECDSA(secret), body,
      headers["x-twilio-email-event-webhook-signature"], headers["x-twilio-email-event-webhook-timestamp"]);
  },
}, { note: "signed with node:crypto, since only SendGrid holds the key" });

sdk("elevenlabs", "elevenlabs", "@elevenlabs/elevenlabs-js", "wsec_4f8a21", {
  async verify(body, headers, secret) {
    const { WebhooksClient } = require(join(here, "node_modules/@elevenlabs/elevenlabs-js/wrapper/webhooks.js"));
    await WebhooksClient.prototype.constructEvent(text(body), headers["elevenlabs-signature"], secret);
    return true;
  },
});

sdk("mux", "mux", "@mux/mux-node", "mux_secret_1", {
  async verify(body, headers, secret) {
    const Mux = require("@mux/mux-node");
    const client = new (Mux.default ?? Mux)({ tokenId: "none", tokenSecret: "none", webhookSecret: secret });
    await client.webhooks.verifySignature(text(body), headers, secret);
    return true;
  },
});

sdk("contentful", "contentful", "@contentful/node-apps-toolkit", "a".repeat(64), {
  sign(body, secret, url, at) {
    const { signRequest } = require("@contentful/node-apps-toolkit");
    const { pathname, search } = new URL(url);
    return signRequest(secret, { method: "POST", path: pathname + search, headers: {}, body: text(body) }, at);
  },
  verify(body, headers, secret, url) {
    const { verifyRequest } = require("@contentful/node-apps-toolkit");
    const { pathname, search } = new URL(url);
    return verifyRequest(secret, { method: "POST", path: pathname + search, headers, body: text(body) });
  },
}, { url: "https://example.com/hooks/one", note: "without a query, which the package escapes again" });

sdk("sanity", "sanity", "@sanity/webhook", "sanity_secret_1", {
  async sign(body, secret, url, at) {
    const { encodeSignatureHeader, SIGNATURE_HEADER_NAME } = await import("@sanity/webhook");
    return { [SIGNATURE_HEADER_NAME]: await encodeSignatureHeader(text(body), at, secret) };
  },
  async verify(body, headers, secret) {
    const { isValidSignature } = await import("@sanity/webhook");
    return isValidSignature(text(body), headers["sanity-webhook-signature"], secret);
  },
});

sdk("notion", "notion", "@notionhq/client", "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl", {
  async sign(body, verificationToken) {
    return { "X-Notion-Signature": await require("@notionhq/client").signWebhookPayload({ body: text(body), verificationToken }) };
  },
  verify(body, headers, verificationToken) {
    return require("@notionhq/client").verifyWebhookSignature({ body: text(body), signature: headers["x-notion-signature"], verificationToken });
  },
});

const box = () => require(join(here, "node_modules/box-node-sdk/lib/internal/utils.js"));
const boxSign = async (body, secret, at, escaped) => {
  const headers = { "box-signature-version": "1", "box-signature-algorithm": "HmacSHA256", "box-delivery-timestamp": iso(at) };
  headers["box-signature-primary"] = await box().computeWebhookSignature(text(body), headers, secret, escaped);
  return headers;
};
for (const escaped of [false, true]) {
  sdk(escaped ? "box_escaped" : "box", "box_com", "box-node-sdk", "SamplePrimaryKey1", {
    sign: (body, secret, url, at) => boxSign(body, secret, at, escaped),
    verify(body, headers, secret) {
      const { WebhooksManager } = require(join(here, "node_modules/box-node-sdk/lib/managers/webhooks.js"));
      return WebhooksManager.validateMessage(text(body), headers, secret);
    },
  }, { note: escaped ? "the SDK also accepts a signature over the body with all non-ASCII characters escaped" : "" });
}

sdk("linear", "linear", "@linear/sdk", "lin_wh_1", {
  verify(body, headers, secret) {
    const { LinearWebhookClient } = require("@linear/sdk/webhooks");
    return new LinearWebhookClient(secret).verify(body, headers["linear-signature"]);
  },
}, { note: "demands webhookTimestamp in the body, a minute away at most", bodies: ["stamped"] });

sdk("coinbase_commerce", "coinbase_commerce", "coinbase-commerce-node", "cc-secret-1", {
  sign(body, secret) { return { "X-CC-Webhook-Signature": require("coinbase-commerce-node").Webhook.computeSignature(text(body), secret) }; },
  verify(body, headers, secret) {
    return require("coinbase-commerce-node").Webhook.verifySigHeader(text(body), headers["x-cc-webhook-signature"], secret);
  },
});

sdk("webflow", "webflow", "webflow-api", "wf_secret_1", {
  async verify(body, headers, secret) {
    const { Client } = require(join(here, "node_modules/webflow-api/wrapper/WebhooksClient.js"));
    return Client.prototype.verifySignature({ headers, body: text(body), secret });
  },
});

sdk("whatsapp", "meta", "whatsapp-api-js", "app_secret_1", {
  async verify(body, headers, appSecret) {
    const { WhatsAppAPI } = await import("whatsapp-api-js");
    return new WhatsAppAPI({ token: "none", appSecret, v: "v24.0" }).verifyRequestSignature(text(body), headers["x-hub-signature-256"]);
  },
}, { note: "not an official package: Meta's own does not verify; this one escapes non-ASCII characters before it verifies" });

sdk("twitch", "twitch", "@twurple/eventsub-http", "s3cre77890ab", {
  async verify(body, headers, secret) {
    const { EventSubHttpBase } = await import(join(here, "node_modules/@twurple/eventsub-http/lib/EventSubHttpBase.js"));
    const it = Object.create(EventSubHttpBase.prototype);
    it._secret = secret;
    const key = Object.getOwnPropertyNames(EventSubHttpBase.prototype).find((name) => /verify/i.test(name));
    return it[key](headers["twitch-eventsub-message-id"], headers["twitch-eventsub-message-timestamp"],
      text(body), headers["twitch-eventsub-message-signature"]);
  },
}, { note: "not an official package: Twitch has none" });

sdk("zoom", "zoom", "@zoom/rivet", "zoom_secret_1", {
  // The class that verifies is not exported, so the file is compiled with one more export.
  request() {
    if (!this.made) {
      const Module = require("node:module");
      const file = join(here, "node_modules/@zoom/rivet/chatbot/chatbot.cjs");
      const it = new Module(file);
      it.filename = file;
      it.paths = Module._nodeModulePaths(dirname(file));
      it._compile(readFileSync(file, "utf8") + "\nexports.CommonHttpRequest = CommonHttpRequest;", file);
      this.made = it.exports.CommonHttpRequest;
    }
    return this.made;
  },
  verify(body, headers, secret) { return new (this.request())(headers, JSON.parse(text(body)), secret).isEventVerified(); },
}, { note: "the SDK prints the parsed body again: only bodies that print unchanged can pass", bodies: ["compact"] });

sdk("chargebee", "chargebee", "chargebee", "user:pass:word", {
  async verify(body, headers, secret) {
    const { basicAuthValidator } = require(join(here, "node_modules/chargebee/cjs/resources/webhook/auth.js"));
    const at = secret.indexOf(":");
    await basicAuthValidator((user, password) => user === secret.slice(0, at) && password === secret.slice(at + 1))(headers);
    return true;
  },
}, { note: "a shared key covers nothing of the body", keyed: true });

function version(pkg) {
  try { return JSON.parse(readFileSync(join(here, "node_modules", pkg, "package.json"))).version; } catch { return null; }
}

async function answer(order) {
  if (order.op === "list") {
    return { sdks: Object.entries(SDKS).filter(([, entry]) => version(entry.package) !== null).map(([name, { it, ...entry }]) => ({ sdk: name, ...entry,
      can_sign: "sign" in it, can_verify: "verify" in it, version: version(entry.package) })) };
  }
  const entry = SDKS[order.sdk];
  const body = Buffer.from(order.body, "base64");
  const secret = order.secret ?? entry.secret, url = order.url ?? entry.url;
  try {
    if (order.op === "sign") return { headers: await entry.it.sign(body, secret, url, order.at) };
    return { ok: Boolean(await entry.it.verify(body, order.headers, secret, url)) };
  } catch (error) {
    const why = `${error?.name}: ${error?.message}`.slice(0, 160).replace(/\n/g, " ");
    return { ok: false, why, error: why };
  }
}

// Standard output carries the protocol, so packages may not log to it.
console.log = console.info = console.warn = console.error = console.debug = () => {};
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
