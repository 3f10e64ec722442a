//! Neon Auth: a detached JWS in `X-Neon-Signature`.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use super::Provider;
use crate::{error::ConfigError, scheme::DetachedEdDsa, secret::Keys};

/// Neon Auth: `X-Neon-Signature` is a detached JWS with Ed25519 over the time in `X-Neon-Timestamp` and the body.
///
/// The time may be 5 minutes in the past or in the future. The keys are those of the JWK set that Neon publishes: a
/// [`JwkSet`](crate::JwkSet), or one key of 32 bytes in base64url.
/// [`Verified::authentication`](crate::Verified::authentication) is
/// [`Custom`](crate::Authentication::Custom), and
/// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `true`. It is not in the
/// [`catalogue`](super::catalogue), because no builder describes it. Not confirmed by Neon's own documentation:
/// the source is [hookdeck/webhook-skills](https://github.com/hookdeck/webhook-skills), state of 2026-11-27.
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let key = Secret::new("rg2hTfDAGifAJ9A4CnvOQSLAzYQxSpj-Ea55_ePKVj0")?;
/// let layer = WebhookAuthLayer::new(provider::neon_auth(key)?);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If a key is not an Ed25519 public key.
pub fn neon_auth(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let scheme = DetachedEdDsa {
        signature: HeaderName::from_static("x-neon-signature"),
        time: HeaderName::from_static("x-neon-timestamp"),
        tolerance: Duration::from_secs(300),
    };
    Provider::new("neon_auth", scheme.build(), keys)
}
