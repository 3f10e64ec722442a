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
/// Nothing separates the three pieces
/// ([`accept_movable_body_boundary`](crate::SignatureScheme::accept_movable_body_boundary)). A person who
/// has seen a delivery can send a part of its body as the body, with another id, and with any ten digits
/// of the body as the time. So neither id nor time is called signed, and an old delivery whose body
/// contains a current time can be sent again in part. Use a template in JSON: a part of it does not
/// parse.
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
        .signed([Piece::Id, Piece::Timestamp, Piece::Body])
        .accept_movable_body_boundary();
    Provider::preset("configcat", scheme.build(), keys)
}
