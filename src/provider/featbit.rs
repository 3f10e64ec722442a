//! FeatBit. Its bodies are written by a template of yours: this module has no event type.

use http::HeaderName;

use super::{Provider, shapes};
use crate::{event::Json, secret::Keys};

/// FeatBit: `X-FeatBit-Signature-256: sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
///
/// The delivery's id in `X-FeatBit-Delivery` stays the same over its three attempts, two seconds
/// apart; FeatBit waits 10 seconds for 2xx. Neither that id nor the events in `X-FeatBit-Event` are
/// signed: a delivery can be replayed. The body is what your template makes, and is always JSON.
/// [Vendor's page](https://docs.featbit.co/integrations/webhooks),
/// [source](https://github.com/featbit/featbit/blob/main/modules/back-end/src/Infrastructure/Services/WebhookSender.cs).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::featbit(Secret::new("wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn featbit(keys: impl Into<Keys>) -> Provider<Json> {
    let scheme = shapes::sha256_tagged("x-featbit-signature-256");
    Provider::preset("featbit", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-featbit-delivery"))
        .event_name_header(HeaderName::from_static("x-featbit-event"))
        .parse()
}
