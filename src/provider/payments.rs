//! Payments, banks, billing.

use super::prelude::*;

senders! { Payments;

/// Adyen for platforms, banking and management. The notifications of standard payments carry their
/// signature inside the body and do not pass here.
fn adyen(keys) -> Result<Bytes> {
    title: "Adyen",
    scheme: shapes::base64("hmacsignature").key_encoding(KeyEncoding::Hex),
    answer: "2xx",
    source: Source, "2026-11-27", [
        "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
        "https://github.com/Adyen/adyen-node-api-library/blob/main/src/utils/hmacValidator.ts",
    ],
}

/// The secret is `user:password`.
fn chargebee(keys) -> Provider<Bytes> {
    title: "Chargebee",
    scheme: SharedKeyScheme::new("authorization").basic(),
    source: Docs, "2026-11-27", ["https://www.chargebee.com/docs/2.0/webhook_settings.html"],
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

/// Paddle Billing. The event's id is in the body. Paddle's libraries accept an age of 5 seconds, and
/// their users report genuine deliveries that are older
/// ([paddle-node-sdk 30](https://github.com/PaddleHQ/paddle-node-sdk/issues/30)). So this preset accepts
/// 300 seconds. Of the libraries, the one for Python rejects a time in the future, the one for Node
/// accepts any.
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

/// The secret is the text that you entered as the value of the authorization header, letter for letter.
fn revenuecat(keys) -> Provider<Bytes> {
    title: "RevenueCat",
    scheme: SharedKeyScheme::new("authorization"),
    source: Docs, "2026-11-27", ["https://www.revenuecat.com/docs/integrations/webhooks"],
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
}
