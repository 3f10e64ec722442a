//! Content: documents, forms, pages, video.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, shapes};
use crate::{
    scheme::{Encoding, Piece, SignatureScheme, Timestamp},
    secret::Keys,
};

/// Box: `BOX-SIGNATURE-PRIMARY` and `BOX-SIGNATURE-SECONDARY`, each the HMAC-SHA256 of body and
/// timestamp in base64.
///
/// Either signature may match either key, so that keys can be exchanged one after the other.
/// `BOX-SIGNATURE-VERSION: 1` and `BOX-SIGNATURE-ALGORITHM: HmacSHA256` are demanded. The timestamp, in
/// `BOX-DELIVERY-TIMESTAMP` and as in RFC 3339, may be ten minutes old; one from the future is let
/// through, as in the vendor's libraries. `BOX-DELIVERY-ID` is not signed.
/// [Vendor's page](https://developer.box.com/guides/webhooks/v2/signatures-v2/),
/// [source](https://github.com/box/box-node-sdk/blob/main/src/managers/webhooks.ts).
#[doc(alias = "box")]
#[must_use]
pub fn box_com(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::header("box-delivery-timestamp")
        .rfc3339()
        .tolerance(Duration::from_secs(600))
        .past_only();
    let scheme = shapes::base64("box-signature-primary")
        .parallel_header("box-signature-secondary")
        .require_header("box-signature-version", "1")
        .require_header("box-signature-algorithm", "HmacSHA256")
        .timestamp(timestamp)
        .signed([Piece::Body, Piece::Timestamp]);
    Provider::preset("box", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("box-delivery-id"))
}

/// Notion: `X-Notion-Signature: sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
///
/// The key is the verification token. Notion sends that token once, in an unsigned request, when the
/// webhook is made: take it from there before you put this layer up. No time is signed: a delivery can
/// be replayed. [Vendor's page](https://developers.notion.com/reference/webhooks).
#[must_use]
pub fn notion(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::sha256_tagged("x-notion-signature");
    Provider::preset("notion", scheme.build(), keys)
}

/// Typeform: `Typeform-Signature: sha256=` and the HMAC-SHA256 of the body in base64.
///
/// No time is signed: know a delivery again by the `event_id` in the body.
/// [Vendor's page](https://www.typeform.com/developers/webhooks/secure-your-webhooks/).
#[must_use]
pub fn typeform(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::base64("typeform-signature").tags('=', ["sha256"]);
    Provider::preset("typeform", scheme.build(), keys)
}

/// Sanity: `sanity-webhook-signature: t=…,v1=…`, the HMAC-SHA256 of `{t}.{body}` in base64 for URLs.
///
/// The timestamp, in milliseconds, may be of any age, as in the vendor's library: look at
/// [`Verified::signed_at`](crate::Verified::signed_at). The delivery's id, `idempotency-key`, is not
/// signed. [Vendor's page](https://www.sanity.io/docs/content-lake/webhook-best-practices),
/// [source](https://github.com/sanity-io/webhook-toolkit/blob/main/src/signature.ts).
#[must_use]
pub fn sanity(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::tag("t").milliseconds().accept_any_age();
    let scheme = shapes::stripe_like("sanity-webhook-signature", "v1", timestamp)
        .encoding(Encoding::Base64Url);
    Provider::preset("sanity", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("idempotency-key"))
}

/// Webflow: `x-webflow-signature`, the HMAC-SHA256 of `{timestamp}:{body}` in hexadecimal digits.
///
/// The timestamp, in `x-webflow-timestamp` and in milliseconds, may lie five minutes away.
/// [Vendor's page](https://developers.webflow.com/data/docs/working-with-webhooks),
/// [source](https://github.com/webflow/js-webflow-api/blob/master/src/wrapper/WebhooksClient.ts).
#[must_use]
pub fn webflow(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-webflow-signature")
        .timestamp(Timestamp::header("x-webflow-timestamp").milliseconds())
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]);
    Provider::preset("webflow", scheme.build(), keys)
}

/// Mux: `Mux-Signature: t=…,v1=…`, the HMAC-SHA256 of `{t}.{body}` in hexadecimal digits.
///
/// The timestamp, in seconds, may lie five minutes away.
/// [Vendor's page](https://www.mux.com/docs/core/verify-webhook-signatures).
#[must_use]
pub fn mux(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::stripe_like("mux-signature", "v1", Timestamp::tag("t"));
    Provider::preset("mux", scheme.build(), keys)
}

/// Cloudflare Stream: `Webhook-Signature: time=…,sig1=…`, the HMAC-SHA256 of `{time}.{body}` in
/// hexadecimal digits.
///
/// The timestamp, in seconds, may lie five minutes away: the vendor leaves the tolerance to you.
/// [Vendor's page](https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/).
#[must_use]
pub fn cloudflare_stream(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::stripe_like("webhook-signature", "sig1", Timestamp::tag("time"));
    Provider::preset("cloudflare_stream", scheme.build(), keys)
}

/// ElevenLabs: `ElevenLabs-Signature: t=…,v0=…`, the HMAC-SHA256 of `{t}.{body}` in hexadecimal digits.
///
/// The timestamp, in seconds, may be half an hour old; one from the future is let through, as in the
/// vendor's libraries. [Vendor's page](https://elevenlabs.io/docs/overview/administration/webhooks),
/// [source](https://github.com/elevenlabs/elevenlabs-python/blob/main/src/elevenlabs/webhooks_custom.py).
#[must_use]
pub fn elevenlabs(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::tag("t")
        .tolerance(Duration::from_secs(1800))
        .past_only();
    let scheme = shapes::stripe_like("elevenlabs-signature", "v0", timestamp);
    Provider::preset("elevenlabs", scheme.build(), keys)
}
