//! ConfigCat. Its bodies are written by a template of yours: this module has no event type.

use bytes::Bytes;

use super::Provider;
use crate::{
    scheme::{Encoding, Piece, SignatureScheme, Timestamp},
    secret::Keys,
};

/// ConfigCat: `X-ConfigCat-Webhook-Signature-V1`, the HMAC-SHA256 of id, timestamp and body, one
/// after the other, in base64.
///
/// The whole of `configcat_whsk_…` is the key. While keys are exchanged the header holds two
/// signatures with a comma between. The timestamp, in seconds, may lie five minutes away: the vendor
/// names no tolerance. What is not answered with 2xx is repeated up to five times. The method is yours
/// to choose, and the body may be empty; give its type with [`json`](Provider::json).
///
/// Nothing stands between the three, so that one signature holds for all ways to cut them apart. Who
/// has seen a delivery can present the end of its body under another id, and under any ten digits of
/// it as the time. So neither is called signed, and an old delivery can be cut at a time of now that
/// its body holds: a template in JSON keeps such an end from being an event.
/// [Vendor's page](https://configcat.com/docs/advanced/notifications-webhooks/).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let key = Secret::new("configcat_whsk_VN3juirnVh5pNvCKd81RYRYchxUX4j3NykbZG2fAy88=")?;
/// let layer = WebhookAuthLayer::new(provider::configcat(key).json::<serde_json::Value>());
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn configcat(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-configcat-webhook-signature-v1")
        .encoding(Encoding::Base64)
        .item_separator(',')
        .id_header("x-configcat-webhook-id")
        .timestamp(Timestamp::header("x-configcat-webhook-timestamp").accept_renewal())
        .signed([Piece::Id, Piece::Timestamp, Piece::Body]);
    Provider::preset("configcat", scheme.build(), keys)
}
