//! Customers, identities and operations.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, shapes};
use crate::{
    scheme::{Piece, SignatureScheme, SignedUrl, Timestamp},
    secret::Keys,
};

/// HubSpot version 3: `X-HubSpot-Signature-v3`, the HMAC-SHA256 of method, URL, body and timestamp, one
/// after the other, in base64.
///
/// The key is the app's client secret. The timestamp, in `X-HubSpot-Request-Timestamp` and in
/// milliseconds, may be five minutes old; one from the future is let through, as in the vendor's
/// libraries. The escapes in the URL that HubSpot decodes before it signs are decoded here.
///
/// Pass [`SignedUrl::exact`]. With [`SignedUrl::origin`] nothing marks where the URL ends: a person who has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified;
/// also `/a/b` and `/a%2Fb` then have the same signature.
/// [Vendor's page](https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation),
/// [source](https://github.com/HubSpot/hubspot-api-python/blob/master/hubspot/utils/signature.py).
///
/// ```
/// use tower_webhook_auth::{Secret, SignedUrl, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("cfc68c0b-4b4e-4ef8-b764-95350e4ea479")?;
/// let url = SignedUrl::exact("https://www.example.com/webhook_uri");
/// let layer = WebhookAuthLayer::new(provider::hubspot_v3(secret, url));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn hubspot_v3(keys: impl Into<Keys>, url: SignedUrl) -> Provider<Bytes> {
    let timestamp = Timestamp::header("x-hubspot-request-timestamp")
        .milliseconds()
        .past_only();
    let scheme = shapes::base64("x-hubspot-signature-v3")
        .timestamp(timestamp)
        .signed([Piece::Method, Piece::Url, Piece::Body, Piece::Timestamp])
        .url(url.hubspot_unescaped())
        .accept_movable_body_boundary();
    Provider::preset("hubspot_v3", scheme.build(), keys)
}

/// HubSpot version 2: `X-HubSpot-Signature`, the SHA-256 of secret, method, URL and body, one after the
/// other, in hexadecimal digits.
///
/// This is not a MAC: a person who has seen one delivery can append bytes to its body without the secret
/// ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). No time is signed. Use
/// [`hubspot_v3`] wherever HubSpot sends it.
///
/// Pass [`SignedUrl::exact`]. With [`SignedUrl::origin`] nothing marks where the URL ends: a person who has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified.
/// [Vendor's page](https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests).
#[must_use]
pub fn hubspot_v2(keys: impl Into<Keys>, url: SignedUrl) -> Provider<Bytes> {
    let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-hubspot-signature")
        .signed([Piece::Secret, Piece::Method, Piece::Url, Piece::Body])
        .url(url)
        .accept_movable_body_boundary();
    Provider::preset("hubspot_v2", scheme.build(), keys)
}

/// HubSpot version 1: `X-HubSpot-Signature`, the SHA-256 of secret and body in hexadecimal digits.
///
/// This is not a MAC: a person who has seen one delivery can append bytes to its body without the secret
/// ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). No time is signed. Use
/// [`hubspot_v3`] wherever HubSpot sends it. A delivery of version 2 to the same app is also verified
/// here, with `POST`, the URL and its body as the body: reject bodies that do not parse.
/// [Vendor's page](https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests).
#[must_use]
pub fn hubspot_v1(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-hubspot-signature")
        .signed([Piece::Secret, Piece::Body]);
    Provider::preset("hubspot_v1", scheme.build(), keys)
}

/// Zendesk: `X-Zendesk-Webhook-Signature`, the HMAC-SHA256 of timestamp and body in base64.
///
/// The timestamp, in `X-Zendesk-Webhook-Signature-Timestamp` and as in RFC 3339, may lie five minutes
/// away: the vendor names no tolerance. The delivery's id, `X-Zendesk-Webhook-Invocation-Id`, is not
/// signed. [Vendor's page](https://developer.zendesk.com/documentation/webhooks/verifying/).
#[must_use]
pub fn zendesk(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::header("x-zendesk-webhook-signature-timestamp").rfc3339();
    let scheme = shapes::base64("x-zendesk-webhook-signature")
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::Body]);
    Provider::preset("zendesk", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-zendesk-webhook-invocation-id"))
}

/// WorkOS: `WorkOS-Signature: t=…, v1=…`, the HMAC-SHA256 of `{t}.{body}` in hexadecimal digits.
///
/// The timestamp, in milliseconds, may lie three minutes away.
/// [Vendor's page](https://workos.com/docs/events/data-syncing/webhooks),
/// [source](https://github.com/workos/workos-node/blob/main/src/common/crypto/signature-provider.ts).
#[must_use]
pub fn workos(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::tag("t")
        .milliseconds()
        .tolerance(Duration::from_secs(180));
    let scheme = shapes::stripe_like("workos-signature", "v1", timestamp);
    Provider::preset("workos", scheme.build(), keys)
}

/// PagerDuty version 3: `X-PagerDuty-Signature`, a list of `v1=` and the HMAC-SHA256 of the body in
/// hexadecimal digits.
///
/// 2xx is expected. The delivery's id, `X-Webhook-Id`, is not signed, and no time is: a delivery can be
/// replayed. [Vendor's page](https://developer.pagerduty.com/docs/verifying-webhook-signatures),
/// [source](https://github.com/PagerDuty/go-pagerduty/blob/main/webhookv3/webhookv3.go).
#[must_use]
pub fn pagerduty(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-pagerduty-signature")
        .item_separator(',')
        .tags('=', ["v1"]);
    Provider::preset("pagerduty", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-webhook-id"))
}

/// Segment: `X-Signature`, the HMAC-SHA1 of the body in hexadecimal digits.
///
/// Of a batch Segment signs only the first event: such deliveries are refused, so turn batching off. No
/// time is signed: a delivery can be replayed. Repeated for four hours after 5xx and when the answer is
/// late. [Vendor's page](https://segment.com/docs/connections/destinations/catalog/webhooks/).
#[must_use]
pub fn segment(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha1("x-signature");
    Provider::preset("segment", scheme.build(), keys)
}

/// DocuSign Connect: `X-DocuSign-Signature-1`, `-2` and so on, each the HMAC-SHA256 of the body in
/// base64.
///
/// DocuSign sends one header for each of an account's keys; the first sixteen are looked at, and any of
/// them may match. No time is signed: a delivery can be replayed.
/// [Vendor's page](https://developers.docusign.com/platform/webhooks/connect/validate).
#[must_use]
pub fn docusign(keys: impl Into<Keys>) -> Provider<Bytes> {
    let first = shapes::base64("x-docusign-signature-1");
    let scheme = (2..=16).fold(first, |scheme, number| {
        scheme.parallel_header(format!("x-docusign-signature-{number}"))
    });
    Provider::preset("docusign", scheme.build(), keys)
}

/// ClickUp: `X-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// No time is signed: a delivery can be replayed.
/// [Vendor's page](https://developer.clickup.com/docs/webhooksignature).
#[must_use]
pub fn clickup(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-signature");
    Provider::preset("clickup", scheme.build(), keys)
}
