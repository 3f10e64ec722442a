//! Payments, banks, billing.

use super::prelude::*;

senders! { Payments;

/// Adyen for platforms, banking and management. The notifications of standard payments carry their
/// signature inside the body and are rejected here.
fn adyen(keys) -> Result<Bytes> {
    title: "Adyen",
    scheme: shapes::base64("hmacsignature").key_encoding(KeyEncoding::Hex),
    answer: "2xx",
    source: Source, "2026-11-27", [
        "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
        "https://github.com/Adyen/adyen-node-api-library/blob/main/src/utils/hmacValidator.ts",
    ],
}

/// The classic notifications, whose signature is in each item. For the webhooks with a header, use
/// [`adyen`].
///
/// **The signature covers eight fields of an item**: `pspReference`, `originalReference`,
/// `merchantAccountCode`, `merchantReference`, the value and the currency of `amount`, `eventCode` and
/// `success`. Nothing else is proven: not `reason`, not
/// `paymentMethod`, not the other fields of `additionalData`. Every item must be signed. A
/// notification without an item is rejected. Only `merchantReference` may contain a `:`.
fn adyen_classic(keys) -> Result<Bytes> {
    title: "Adyen (classic)",
    scheme: BodySignatureScheme::hmac_sha256("/additionalData/hmacSignature")
        .each("/notificationItems/*/NotificationRequestItem")
        .encoding(Encoding::Base64)
        .key_encoding(KeyEncoding::Hex)
        .signed([
            BodyPiece::value("/pspReference"),
            BodyPiece::literal(":"),
            BodyPiece::Value(BodyValue::new("/originalReference").or_empty()),
            BodyPiece::literal(":"),
            BodyPiece::value("/merchantAccountCode"),
            BodyPiece::literal(":"),
            BodyPiece::Value(BodyValue::new("/merchantReference").or_empty().may_contain_separator()),
            BodyPiece::literal(":"),
            BodyPiece::value("/amount/value"),
            BodyPiece::literal(":"),
            BodyPiece::value("/amount/currency"),
            BodyPiece::literal(":"),
            BodyPiece::value("/eventCode"),
            BodyPiece::literal(":"),
            BodyPiece::value("/success"),
        ]),
    answer: "2xx with the body `[accepted]`",
    source: Source, "2026-11-27", [
        "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
        "https://github.com/Adyen/adyen-node-api-library/blob/main/src/utils/hmacValidator.ts",
    ],
}

fn affirm(keys) -> Provider<Bytes> {
    title: "Affirm",
    scheme: SignatureScheme::hmac_sha512("x-affirm-signature")
        .item_separator(',')
        .tags('=', ["v0"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", [],
}

/// The unit of the time is not documented. Other receivers found milliseconds.
fn airwallex(keys) -> Provider<Bytes> {
    title: "Airwallex",
    scheme: SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-timestamp").milliseconds())
        .signed([Piece::Timestamp, Piece::Body]),
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/SlopMaster2/webhook-verify",
    ],
}

/// Each webhook may have a key of its own: this is not confirmed.
fn alchemy(keys) -> Provider<Bytes> {
    title: "Alchemy",
    scheme: SignatureScheme::hmac_sha256("x-alchemy-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The signature key is in hexadecimal digits, as in the vendor's samples for PHP and Java. Some receivers
/// use the text of the key instead: test this preset with a real delivery first. The digits of the signature
/// are upper-case.
fn authorize_net(keys) -> Result<Bytes> {
    title: "Authorize.Net",
    scheme: SignatureScheme::hmac_sha512("x-anet-signature")
        .tags('=', ["sha512"])
        .key_encoding(KeyEncoding::Hex),
    source: SecondHand, "2026-11-27", [],
}

/// While a secret is replaced, Bolt sends a second signature in `X-Bolt-Hmac-Sha256-Pending`. Either
/// may match.
fn bolt(keys) -> Provider<Bytes> {
    title: "Bolt",
    scheme: shapes::base64("x-bolt-hmac-sha256")
        .parallel_header("x-bolt-hmac-sha256-pending"),
    source: SecondHand, "2026-11-27", [],
}

/// The secret is the private key of your API credentials. The signature covers the field `bt_payload`, which
/// is the whole event in base64: read this field and no other. The public key before a signature is not
/// compared, because it is no secret.
fn braintree(keys) -> Provider<Bytes> {
    title: "Braintree",
    scheme: BodySignatureScheme::hmac_sha1("bt_signature")
        .in_form()
        .item_separator('&')
        .named_signatures('|')
        .signed([BodyPiece::value("bt_payload")])
        .sha1_of_key(),
    setup: "An unsigned GET with `bt_challenge` (older accounts). It does not pass the layer, and this crate does not answer it.",
    source: Source, "2026-11-27", [
        "https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
        "https://github.com/braintree/braintree_python/blob/master/braintree/webhook_notification_gateway.py",
    ],
}

/// The digits of the signature are upper-case. During a rotation the header may hold several signatures: this
/// is not confirmed.
fn bridge_api(keys) -> Provider<Bytes> {
    title: "Bridge API",
    scheme: SignatureScheme::hmac_sha256("bridgeapi-signature")
        .item_separator(',')
        .tags('=', ["v1"]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Bridge (bridge.xyz) signs the SHA-256 of `{timestamp}.{body}` as a message, so the content is hashed twice.
/// Each webhook has its own public key, which Bridge shows as PEM. Bridge API is another company:
/// [`bridge_api`].
#[cfg(feature = "rsa")]
fn bridge_xyz(keys) -> Result<Bytes> {
    title: "Bridge (bridge.xyz)",
    scheme: SignatureScheme::rsa_pkcs1_sha256_of_sha256("x-webhook-signature")
        .item_separator(',')
        .tags('=', ["v0"])
        .timestamp(Timestamp::tag("t").milliseconds())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The ids are in the body.
fn btcpay(keys) -> Provider<Bytes> {
    title: "BTCPay Server",
    scheme: shapes::sha256_tagged("btcpay-sig"),
    retries: "by hand",
    source: Docs, "2026-11-27", ["https://github.com/btcpayserver/btcpayserver-doc"],
}

fn buy_me_a_coffee(keys) -> Provider<Bytes> {
    title: "Buy Me a Coffee",
    scheme: SignatureScheme::hmac_sha256("x-signature-sha256"),
    source: SecondHand, "2026-11-27", [],
}

/// The secret is `user:password`.
fn chargebee(keys) -> Provider<Bytes> {
    title: "Chargebee",
    scheme: SharedKeyScheme::new("authorization").basic(),
    source: Source, "2026-11-27", [
        "https://www.chargebee.com/docs/2.0/webhook_settings.html",
        "https://www.npmjs.com/package/chargebee",
    ],
}

fn chargify(keys) -> Provider<Bytes> {
    title: "Chargify",
    aliases: ["Maxio"],
    scheme: SignatureScheme::hmac_sha256("x-chargify-webhook-signature-hmac-sha-256"),
    source: SecondHand, "2026-11-27", [],
}

/// A workflow may also send a value in `Authorization`: this is not confirmed, and the preset does not read
/// it.
fn checkout_com(keys) -> Provider<Bytes> {
    title: "Checkout.com",
    scheme: SignatureScheme::hmac_sha256("cko-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The key is the public key that Circle's API returns for the id in `X-Circle-Key-Id`. That header is not
/// signed. Request each key once, and keep it by its id.
#[cfg(feature = "ecdsa-p256")]
fn circle(keys) -> Result<Bytes> {
    title: "Circle",
    scheme: SignatureScheme::ecdsa_p256("x-circle-signature")
        .encoding(Encoding::Base64)
        .key_encoding(KeyEncoding::Base64),
    setup: "A HEAD when the webhook is registered (not confirmed): mount a handler for HEAD on the same route.",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn coinbase_commerce(keys) -> Provider<Bytes> {
    title: "Coinbase Commerce",
    aliases: ["Coinbase"],
    scheme: SignatureScheme::hmac_sha256("x-cc-webhook-signature"),
    source: Source, "2026-11-27", [
        "https://docs.cdp.coinbase.com/commerce/docs/webhooks-security",
        "https://github.com/coinbase/coinbase-commerce-node/blob/master/lib/Webhook.js",
    ],
}

fn dwolla(keys) -> Provider<Bytes> {
    title: "Dwolla",
    scheme: SignatureScheme::hmac_sha256("x-request-signature-sha-256"),
    event: ["x-dwolla-topic"],
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The signature covers the bytes of `Content`, exactly as they are in the body. **Only this value is
/// signed**: read nothing else.
fn exact_online(keys) -> Provider<Bytes> {
    title: "Exact Online",
    scheme: BodySignatureScheme::hmac_sha256("/HashCode").signed([BodyPiece::raw("/Content")]),
    setup: "An empty POST without a signature (not confirmed). `answer_setup` answers it.",
    answered_by: setup::EXACT_ONLINE,
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// FastSpring signs only where a secret is set.
fn fastspring(keys) -> Provider<Bytes> {
    title: "FastSpring",
    scheme: shapes::base64("x-fs-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Only the older webhooks (v1), with one public key for each environment. Those of v2 are signed with keys
/// of a JWKS.
#[cfg(feature = "rsa")]
fn fireblocks_v1(keys) -> Result<Bytes> {
    title: "Fireblocks v1",
    scheme: SignatureScheme::rsa_pkcs1_sha512("fireblocks-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Version 3 of the API. Version 4 sends an HMAC-SHA256 in `flutterwave-signature`, and is rejected here.
fn flutterwave(keys) -> Provider<Bytes> {
    title: "Flutterwave",
    scheme: SharedKeyScheme::new("verif-hash"),
    source: SecondHand, "2026-11-27", [],
}

/// A body holds several events.
fn gocardless(keys) -> Provider<Bytes> {
    title: "GoCardless",
    scheme: SignatureScheme::hmac_sha256("webhook-signature"),
    answer: "204 (not confirmed)",
    source: Source, "2026-11-27", ["https://github.com/gocardless/gocardless-pro-python/blob/d5c83f3/tests/webhooks_test.py"],
}

/// The signature `v0`, which is in every delivery. The signature `v1`, which also covers headers, is
/// not read.
fn hook0(keys) -> Provider<Bytes> {
    title: "Hook0",
    aliases: ["Coinbase CDP", "Coinbase Developer Platform"],
    scheme: shapes::stripe_like("x-hook0-signature", "v0", Timestamp::tag("t")),
    source: Source, "2026-11-27", [
        "https://github.com/hook0/hook0/blob/86a9d665/output-worker/src/work.rs",
        "https://github.com/hook0/hook0/tree/86a9d665",
    ],
}

/// The signature `v1` of Hook0, which also covers headers. [`hook0`] reads the signature `v0`, which covers only
/// the time and the body. Each delivery has both.
///
/// The list of signed headers must contain `X-Event-Id` and `X-Event-Type`, which Hook0 signs by default.
/// The signed text joins the values and the body with a `.`, and an event type contains dots. So
/// nothing marks where the body begins: a client that has seen a delivery can move the beginning
/// of the body into the last header. A part of a JSON document does not parse.
fn hook0_headers(keys) -> Provider<Bytes> {
    title: "Hook0 (signed headers)",
    scheme: SignatureScheme::hmac_sha256("x-hook0-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([
            Piece::Timestamp,
            Piece::literal("."),
            Piece::tag("h"),
            Piece::literal("."),
            Piece::SignedHeaders(
                SignedHeaders::in_tag("h", ' ')
                    .values(".")
                    .must_contain(["x-event-id", "x-event-type"]),
            ),
            Piece::literal("."),
            Piece::Body,
        ])
        .accept_movable_body_boundary(),
    id: ["x-event-id"],
    event: ["x-event-type"],
    source: Source, "2026-11-27", [
        "https://github.com/hook0/hook0/blob/86a9d665/output-worker/src/work.rs",
        "https://github.com/hook0/hook0/tree/86a9d665",
    ],
}

/// The body is a form whose field `data` is JSON. The key is its member `verification_token`, and proves
/// nothing about the rest.
fn ko_fi(keys) -> Provider<Bytes> {
    title: "Ko-fi",
    scheme: BodyKeyScheme::json_in_form("data", "/verification_token"),
    source: SecondHand, "2026-11-27", [],
}

/// Choose the signature algorithm `hmac` at Lago. Lago names it in `X-Lago-Signature-Algorithm`; another
/// value is rejected. Deliveries that are signed with a JWT are rejected here.
fn lago(keys) -> Provider<Bytes> {
    title: "Lago",
    scheme: shapes::base64("x-lago-signature")
        .require_header("x-lago-signature-algorithm", "hmac"),
    id: ["x-lago-unique-key"],
    source: Source, "2026-11-27", ["https://github.com/getlago/lago-api/tree/1b1c24a6a"],
}

fn lemon_squeezy(keys) -> Provider<Bytes> {
    title: "Lemon Squeezy",
    scheme: SignatureScheme::hmac_sha256("x-signature"),
    event: ["x-event-name"],
    retries: "four attempts (not confirmed)",
    source: Source, "2026-11-27", ["https://github.com/lmsqueezy/laravel"],
}

/// **The body is not signed.** The signature covers the parameter `data.id` of the query, the
/// request id and the time. Read the payment from Mercado Pago's API by the `data.id` of the
/// query, and use nothing of the body. A part whose value is absent is left out of the signed text, as in Mercado
/// Pago's libraries. The time is in seconds or in milliseconds, depending on the product.
fn mercado_pago(keys) -> Provider<Bytes> {
    title: "Mercado Pago",
    aliases: ["MercadoPago"],
    scheme: shapes::mercado_pago(),
    answer: "200 or 201 within 22 s (not confirmed)",
    source: Source, "2026-11-27", ["https://github.com/mercadopago/sdk-nodejs"],
}

/// The names of the headers for the id and the event are not confirmed.
fn modern_treasury(keys) -> Provider<Bytes> {
    title: "Modern Treasury",
    scheme: SignatureScheme::hmac_sha256("x-signature"),
    id: ["x-webhook-id"],
    event: ["x-topic"],
    source: Source, "2026-11-27", ["https://github.com/Modern-Treasury/modern-treasury-python/blob/aaddd3d8/tests/api_resources/test_webhooks.py"],
}

/// The new webhooks. The classic webhooks send `id=…` without a signature and are rejected here. During
/// a rotation, which takes 24 hours, Mollie repeats the signature header.
fn mollie(keys) -> Provider<Bytes> {
    title: "Mollie",
    scheme: shapes::sha256_tagged("x-mollie-signature").repeatable_header(),
    source: Source, "2026-11-27", ["https://github.com/mollie/mollie-api-php/tree/53e49e71"],
}

/// `t` is a nonce, not a time: a delivery can be sent again at any time. Recognise a repeated delivery by the
/// id in its body.
fn nmi(keys) -> Provider<Bytes> {
    title: "NMI",
    scheme: SignatureScheme::hmac_sha256("webhook-signature")
        .item_separator(',')
        .tags('=', ["s"])
        .signed([Piece::tag("t"), Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The time has no zone; it is UTC.
fn orb(keys) -> Provider<Bytes> {
    title: "Orb",
    scheme: SignatureScheme::hmac_sha256("x-orb-signature")
        .item_separator(' ')
        .tags('=', ["v1"])
        .timestamp(Timestamp::header("x-orb-timestamp").rfc3339_without_zone())
        .signed([Piece::literal("v1:"), Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: Source, "2026-11-27", [
        "https://github.com/orbcorp/orb-python/blob/604050c2/tests/api_resources/test_webhooks.py",
    ],
}

/// Paddle Billing. The event's id is in the body. Paddle's libraries accept an age of 5 seconds,
/// and their users report genuine deliveries that are older ([paddle-node-sdk
/// 30](https://github.com/PaddleHQ/paddle-node-sdk/issues/30)). So this preset accepts 300
/// seconds: [`tolerance`](crate::Provider::tolerance) changes that. The library for Python rejects
/// a time in the future. The library for Node accepts any time.
fn paddle(keys) -> Provider<Bytes> {
    title: "Paddle",
    scheme: SignatureScheme::hmac_sha256("paddle-signature")
        .item_separator(';')
        .tags('=', ["h1"])
        .timestamp(Timestamp::tag("ts"))
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    answer: "2xx within 5 s",
    source: Source, "2026-11-27", [
        "https://developer.paddle.com/webhooks/signature-verification",
        "https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/Verifier.py",
    ],
}

fn paystack(keys) -> Provider<Bytes> {
    title: "Paystack",
    scheme: SignatureScheme::hmac_sha512("x-paystack-signature"),
    source: SecondHand, "2026-11-27", ["https://paystack.com/docs/payments/webhooks/"],
}

/// The keys are those of `/webhook_verification_key/get`, each a JWK with an id. Plaid replaces them: the guide
/// [`key_ids`](crate::guide::key_ids) has a program that finds the key by its id.
#[cfg(feature = "ecdsa-p256")]
fn plaid(keys) -> Result<Bytes> {
    title: "Plaid",
    scheme: JwtScheme::es256("plaid-verification")
        .max_age(Duration::from_secs(300))
        .body_hash("request_body_sha256", BodyDigest::Sha256Hex),
    source: Docs, "2026-11-27", ["https://plaid.com/docs/api/webhooks/webhook-verification/"],
}

/// While a secret is replaced, Primer may send a second signature in another header: this is not confirmed,
/// and the preset does not read it.
fn primer(keys) -> Provider<Bytes> {
    title: "Primer",
    scheme: shapes::base64("x-signature-primary"),
    source: SecondHand, "2026-11-27", [],
}

fn qonto(keys) -> Provider<Bytes> {
    title: "Qonto",
    scheme: shapes::stripe_like("x-qonto-signature", "v1", Timestamp::tag("t")),
    answer: "2xx within 1 s",
    source: Docs, "2026-11-27", ["https://docs.qonto.com"],
}

/// A body holds the events of several companies.
fn quickbooks(keys) -> Provider<Bytes> {
    title: "QuickBooks",
    aliases: ["Intuit"],
    scheme: shapes::base64("intuit-signature"),
    answer: "2xx within 3 s",
    retries: "for hours (not confirmed)",
    source: SecondHand, "2026-11-27", [],
}

fn razorpay(keys) -> Provider<Bytes> {
    title: "Razorpay",
    scheme: SignatureScheme::hmac_sha256("x-razorpay-signature"),
    id: ["x-razorpay-event-id"],
    answer: "2xx",
    retries: "for 24 hours",
    source: Source, "2026-11-27", [
        "https://razorpay.com/docs/webhooks/validate-test/",
        "https://github.com/razorpay/razorpay-node/blob/master/lib/utils/razorpay-utils.js",
    ],
}

/// A retry has the time of the first attempt. So Recharge documents a tolerance of 48 hours.
fn recharge(keys) -> Provider<Bytes> {
    title: "Recharge",
    scheme: shapes::stripe_like("x-recharge-webhook-signature", "v1", Timestamp::tag("t").tolerance(Duration::from_secs(172800))),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// This is not a MAC: a client that has seen one delivery can append bytes to its body without the
/// secret ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). Use [`recharge`]
/// wherever Recharge sends its header.
fn recharge_legacy(keys) -> Provider<Bytes> {
    title: "Recharge (legacy)",
    scheme: SignatureScheme::keyless_sha256_open_to_length_extension("x-recharge-hmac-sha256")
        .signed([Piece::Secret, Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The header is a time in milliseconds, then one signature for each valid secret. A time in seconds is
/// rejected.
fn recurly(keys) -> Provider<Bytes> {
    title: "Recurly",
    scheme: SignatureScheme::hmac_sha256("recurly-signature")
        .item_separator(',')
        .timestamp(Timestamp::first_item().milliseconds())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The secret is exactly the text that you entered as the value of the authorization header.
/// Prefer [`revenuecat_signed`], which covers the body.
fn revenuecat(keys) -> Provider<Bytes> {
    title: "RevenueCat",
    scheme: SharedKeyScheme::new("authorization"),
    source: Docs, "2026-11-27", ["https://www.revenuecat.com/docs/integrations/webhooks"],
}

/// RevenueCat's signature, which is optional at RevenueCat, next to the shared key of [`revenuecat`].
fn revenuecat_signed(keys) -> Provider<Bytes> {
    title: "RevenueCat (signed)",
    scheme: shapes::stripe_like("x-revenuecat-webhook-signature", "v1", Timestamp::tag("t")),
    source: SecondHand, "2026-11-27", [
        "https://github.com/iktakahiro/revcatgo",
        "https://github.com/triggerdotdev/trigger.dev",
    ],
}

/// During a rotation the header holds several signatures.
fn revolut(keys) -> Provider<Bytes> {
    title: "Revolut",
    scheme: SignatureScheme::hmac_sha256("revolut-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::header("revolut-request-timestamp").milliseconds())
        .signed([Piece::literal("v1."), Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Ripple Payments. The time is in the header `X-Webhook-Timestamp` and also in the signature header; this
/// preset reads the first.
fn ripple(keys) -> Result<Bytes> {
    title: "Ripple",
    scheme: SignatureScheme::hmac_sha256("x-webhook-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::header("x-webhook-timestamp").milliseconds())
        .signed([
            Piece::Timestamp,
            Piece::literal("."),
            Piece::BodyDigest(BodyDigest::Sha256Hex),
        ])
        .key_encoding(KeyEncoding::Base64),
    source: SecondHand, "2026-11-27", ["https://github.com/SlopMaster2/webhook-verify"],
}

fn smile_api(keys) -> Provider<Bytes> {
    title: "Smile API",
    scheme: SignatureScheme::hmac_sha512("smile-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The event's id is in the body.
///
/// Pass [`SignedUrl::exact`](crate::SignedUrl::exact) with the URL that you entered at Square. With
/// [`SignedUrl::origin`](crate::SignedUrl::origin) nothing marks where the URL ends: a client that has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified.
///
/// ```
/// use tower_webhook_auth::{Secret, SignedUrl, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let url = SignedUrl::exact("https://example.com/webhook")?;
/// let layer = WebhookAuthLayer::new(provider::square(Secret::new("asdf1234")?, url));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
fn square(keys, url) -> Provider<Bytes> {
    title: "Square",
    scheme: shapes::base64("x-square-hmacsha256-signature")
        .signed([Piece::Url, Piece::Body])
        .url(url)
        .accept_movable_body_boundary(),
    source: Source, "2026-11-27", [
        "https://developer.squareup.com/docs/webhooks/step3validate",
        "https://github.com/square/square-nodejs-sdk/blob/master/src/wrapper/WebhooksHelper.ts",
    ],
}

/// The whole secret, including `whsec_`, is the key: unlike in Standard Webhooks, nothing of it is
/// decoded. Items with other tags, such as `v0`, are ignored. Most of Stripe's libraries limit only the
/// age of a delivery; this preset also limits how far its time is in the future. The event's id is in
/// the body.
fn stripe(keys) -> Provider<Bytes> {
    title: "Stripe",
    scheme: shapes::stripe_like("stripe-signature", "v1", Timestamp::tag("t")),
    typed: stripe::Event,
    answer: "2xx",
    retries: "for three days",
    example: r#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1533204620,"livemode":false,"data":{"object":{"object":"invoice"}}}"#,
    source: Source, "2026-11-27", [
        "https://docs.stripe.com/webhooks",
        "https://github.com/stripe/stripe-go/blob/master/webhook/client.go",
    ],
}

/// While a secret is replaced, the header holds two signatures, separated by a dot.
fn synctera(keys) -> Provider<Bytes> {
    title: "Synctera",
    scheme: SignatureScheme::hmac_sha256("synctera-signature")
        .item_separator('.')
        .timestamp(Timestamp::header("request-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Only the SHA-256 of the body is signed. The signature has no time: recognise a repeated delivery by the id
/// in its body.
fn tebex(keys) -> Provider<Bytes> {
    title: "Tebex",
    scheme: SignatureScheme::hmac_sha256("x-signature")
        .signed([Piece::BodyDigest(BodyDigest::Sha256Hex)]),
    setup: "A signed `validation.webhook` event. `answer_setup` answers it with its id as JSON.",
    answered_by: setup::TEBEX,
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The header may hold several signatures.
fn teller(keys) -> Provider<Bytes> {
    title: "Teller",
    scheme: shapes::stripe_like("teller-signature", "v1", Timestamp::tag("t").tolerance(Duration::from_secs(180))),
    source: SecondHand, "2026-11-27", [],
}

/// The key is Token.io's public key. The signature has no time and no id: recognise a repeated delivery by
/// its body.
#[cfg(feature = "ed25519")]
fn token_io(keys) -> Result<Bytes> {
    title: "Token.io",
    aliases: ["Token"],
    scheme: SignatureScheme::ed25519("token-signature")
        .encoding(Encoding::Base64Url)
        .key_encoding(KeyEncoding::Base64Url),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The key is the public key of WeChat Pay, or the public key in the platform certificate whose serial number
/// is in `Wechatpay-Serial`. That header is not signed. The event is encrypted with AES-256-GCM under your API
/// key: the handler decrypts it. To check receivers, WeChat Pay also sends wrong signatures, which begin with
/// `WECHATPAY/SIGNTEST/`. They are rejected, as WeChat Pay expects.
#[cfg(feature = "rsa")]
fn wechat_pay(keys) -> Result<Bytes> {
    title: "WeChat Pay v3",
    aliases: ["Weixin Pay", "Tenpay"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("wechatpay-signature")
        .timestamp(Timestamp::header("wechatpay-timestamp"))
        .signed([
            Piece::Timestamp,
            Piece::literal("\n"),
            Piece::header("wechatpay-nonce"),
            Piece::literal("\n"),
            Piece::Body,
            Piece::literal("\n"),
        ]),
    answer: "2xx within 5 s",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Wise publishes one key for the sandbox and one for production. Use the one of your environment: the signature
/// does not cover the header that marks a test.
#[cfg(feature = "rsa")]
fn wise(keys) -> Result<Bytes> {
    title: "Wise",
    aliases: ["TransferWise"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("x-signature-sha256"),
    id: ["x-delivery-id"],
    answer: "2xx within 5 s",
    retries: "25 times in 2 weeks",
    source: Docs, "2026-11-27", [
        "https://docs.wise.com/guides/developer/webhooks/event-handling",
    ],
}

/// `X-GCS-KeyId`, which is not signed, names the key.
fn worldline(keys) -> Provider<Bytes> {
    title: "Worldline",
    aliases: ["Ingenico", "GlobalCollect"],
    scheme: shapes::base64("x-gcs-signature"),
    setup: "An unsigned GET with `X-GCS-Webhooks-Endpoint-Verification`. It does not pass the layer: mount `handshake::worldline` for GET.",
    source: Source, "2026-11-27", ["https://github.com/Worldline-Global-Collect/connect-sdk-nodejs"],
}

fn xendit(keys) -> Provider<Bytes> {
    title: "Xendit",
    scheme: SharedKeyScheme::new("x-callback-token"),
    source: SecondHand, "2026-11-27", [],
}

/// Xero expects an empty body with the status 401 as well: see
/// [`WebhookAuthLayer::on_rejection`](crate::WebhookAuthLayer::on_rejection).
fn xero(keys) -> Provider<Bytes> {
    title: "Xero",
    scheme: shapes::base64("x-xero-signature"),
    answer: "200 with an empty body within 5 s",
    setup: "Several signed and wrongly signed POSTs, the \"intent to receive\". They pass the layer or are rejected with 401, as Xero expects.",
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/NangoHQ/nango",
    ],
}

/// The older header `x-zh-hook-signature-256`, which covers the body alone, is not read. For the RSA signature
/// use `zero_hash_rsa`.
fn zero_hash(keys) -> Provider<Bytes> {
    title: "Zero Hash",
    scheme: SignatureScheme::hmac_sha256("x-zh-hook-signature")
        .timestamp(Timestamp::header("x-zh-hook-timestamp").milliseconds())
        .signed([Piece::Body, Piece::Timestamp]),
    id: ["x-zh-hook-notification-id"],
    event: ["x-zh-hook-payload-type"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The RSA signature of Zero Hash, in place of the HMAC of [`zero_hash`]. Sources do not agree whether it is
/// written in hexadecimal digits or in base64, so each is a way. Test it with a real delivery first.
#[cfg(feature = "rsa")]
fn zero_hash_rsa(keys) -> Result<Bytes> {
    title: "Zero Hash (RSA)",
    scheme: shapes::zero_hash_rsa(),
    id: ["x-zh-hook-notification-id"],
    event: ["x-zh-hook-payload-type"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}
}
