//! Payments, shops and subscriptions.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, shapes};
use crate::{
    error::ConfigError,
    scheme::{KeyEncoding, Piece, SharedKeyScheme, SignatureScheme, SignedUrl, Timestamp},
    secret::Keys,
};

/// Stripe: `Stripe-Signature: t=…,v1=…`, the HMAC-SHA256 of `{t}.{body}` in hexadecimal digits.
///
/// The whole of `whsec_…` is the key: unlike in Standard Webhooks, nothing of it is decoded. `v0` and
/// other tags are passed over. The timestamp, in seconds, may lie five minutes away, also ahead: most
/// of Stripe's own libraries bound only its age. 2xx is expected; repeated for three days. The
/// event's id is in the body. [Vendor's page](https://docs.stripe.com/webhooks),
/// [source](https://github.com/stripe/stripe-go/blob/master/webhook/client.go).
#[must_use]
pub fn stripe(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::stripe_like("stripe-signature", "v1", Timestamp::tag("t"));
    Provider::preset("stripe", scheme.build(), keys)
}

/// Paddle: `Paddle-Signature: ts=…;h1=…`, the HMAC-SHA256 of `{ts}:{body}` in hexadecimal digits.
///
/// A delivery may be 5 seconds old, as the vendor's libraries have it; one from the future is let
/// through. Keep your clock right. 2xx is expected within 5 seconds. The event's id is in the body.
/// [Vendor's page](https://developer.paddle.com/webhooks/signature-verification),
/// [source](https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/Verifier.py).
#[must_use]
pub fn paddle(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::tag("ts")
        .tolerance(Duration::from_secs(5))
        .past_only();
    let scheme = SignatureScheme::hmac_sha256("paddle-signature")
        .item_separator(';')
        .tags('=', ["h1"])
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]);
    Provider::preset("paddle", scheme.build(), keys)
}

/// Square: `x-square-hmacsha256-signature`, the HMAC-SHA256 of the notification URL and the body in
/// base64.
///
/// The URL is the one that is entered at Square. No time is signed: a delivery can be replayed. The
/// event's id is in the body.
///
/// Pass [`SignedUrl::exact`]. With [`SignedUrl::origin`] nothing marks where the URL ends: a person who has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified.
/// [Vendor's page](https://developer.squareup.com/docs/webhooks/step3validate),
/// [source](https://github.com/square/square-nodejs-sdk/blob/master/src/wrapper/WebhooksHelper.ts).
///
/// ```
/// use tower_webhook_auth::{Secret, SignedUrl, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let url = SignedUrl::exact("https://example.com/webhook");
/// let layer = WebhookAuthLayer::new(provider::square(Secret::new("asdf1234")?, url));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn square(keys: impl Into<Keys>, url: SignedUrl) -> Provider<Bytes> {
    let scheme = shapes::base64("x-square-hmacsha256-signature")
        .signed([Piece::Url, Piece::Body])
        .url(url)
        .accept_movable_body_boundary();
    Provider::preset("square", scheme.build(), keys)
}

/// Adyen for platforms, banking and management: `HmacSignature`, the HMAC-SHA256 of the body in base64.
///
/// The key is written in hexadecimal digits. 2xx is expected. No time is signed: a delivery can be
/// replayed. The notifications of standard payments carry their signature inside the body and are out
/// of reach. [Vendor's page](https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures),
/// [source](https://github.com/Adyen/adyen-node-api-library/blob/main/src/utils/hmacValidator.ts).
///
/// # Errors
///
/// When a key is not in hexadecimal digits.
pub fn adyen(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let scheme = shapes::base64("hmacsignature").key_encoding(KeyEncoding::Hex);
    Provider::new("adyen", scheme.build()?, keys)
}

/// Coinbase Commerce: `X-CC-Webhook-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// No time is signed: a delivery can be replayed.
/// [Vendor's page](https://docs.cdp.coinbase.com/commerce/docs/webhooks-security),
/// [source](https://github.com/coinbase/coinbase-commerce-node/blob/master/lib/Webhook.js).
#[must_use]
pub fn coinbase_commerce(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-cc-webhook-signature");
    Provider::preset("coinbase_commerce", scheme.build(), keys)
}

/// Razorpay: `X-Razorpay-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// 2xx is expected; repeated for 24 hours. The delivery's id in `x-razorpay-event-id` is not signed,
/// and no time is: a delivery can be replayed.
/// [Vendor's page](https://razorpay.com/docs/webhooks/validate-test/),
/// [source](https://github.com/razorpay/razorpay-node/blob/master/lib/utils/razorpay-utils.js).
#[must_use]
pub fn razorpay(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-razorpay-signature");
    Provider::preset("razorpay", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-razorpay-event-id"))
}

/// Paystack: `x-paystack-signature`, the HMAC-SHA512 of the body in hexadecimal digits.
///
/// No time is signed: a delivery can be replayed.
/// [Vendor's page](https://paystack.com/docs/payments/webhooks/).
#[must_use]
pub fn paystack(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha512("x-paystack-signature");
    Provider::preset("paystack", scheme.build(), keys)
}

/// Shopify: `X-Shopify-Hmac-Sha256`, the HMAC-SHA256 of the body in base64.
///
/// 200 is expected within 5 seconds; eight retries over four hours. `X-Shopify-Webhook-Id`,
/// `X-Shopify-Topic` and `X-Shopify-Triggered-At` are not signed: a delivery can be replayed, and under
/// another topic. [Vendor's page](https://shopify.dev/docs/apps/build/webhooks/subscribe/https),
/// [source](https://github.com/Shopify/shopify-app-js/tree/main/packages/apps/shopify-api/lib/webhooks).
#[must_use]
pub fn shopify(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::base64("x-shopify-hmac-sha256");
    Provider::preset("shopify", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-shopify-webhook-id"))
        .event_name_header(HeaderName::from_static("x-shopify-topic"))
}

/// WooCommerce: `X-WC-Webhook-Signature`, the HMAC-SHA256 of the body in base64.
///
/// A new webhook first sends a form, `webhook_id=…`, that is not signed and does not pass here.
/// `X-WC-Webhook-Delivery-ID` and `X-WC-Webhook-Topic` are not signed, nor is a time: a delivery can be
/// replayed, and under another topic.
/// [Vendor's page](https://woocommerce.com/document/webhooks/),
/// [source](https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-webhook.php).
#[must_use]
pub fn woocommerce(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::base64("x-wc-webhook-signature");
    Provider::preset("woocommerce", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-wc-webhook-delivery-id"))
        .event_name_header(HeaderName::from_static("x-wc-webhook-topic"))
}

/// RevenueCat: the shared key as the whole value of `Authorization`.
///
/// The secret is what was entered as the authorization header's value, letter for letter. It proves
/// who called and covers nothing of the body.
/// [Vendor's page](https://www.revenuecat.com/docs/integrations/webhooks).
#[must_use]
pub fn revenuecat(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("authorization");
    Provider::preset("revenuecat", scheme.build(), keys)
}

/// Chargebee: `Authorization: Basic`.
///
/// The secret is `user:password`. It proves who called and covers nothing of the body.
/// [Vendor's page](https://www.chargebee.com/docs/2.0/webhook_settings.html).
#[must_use]
pub fn chargebee(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("authorization").basic();
    Provider::preset("chargebee", scheme.build(), keys)
}
