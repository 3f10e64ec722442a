//! [`Provider`], and a preset for each sender whose scheme is known.
//!
//! A provider is data: a name, a [`Scheme`](crate::Scheme), the keys, and how a body becomes an event.
//!
//! ```
//! use serde::Deserialize;
//! use tower_webhook_auth::{Provider, Secret, SignatureScheme, WebhookAuthLayer};
//!
//! #[derive(Deserialize)]
//! struct Parcel {
//!     id: u64,
//! }
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let scheme = SignatureScheme::hmac_sha256("X-Acme-Signature").build()?;
//! let acme = Provider::new("acme", scheme, Secret::new("wJ4mX9")?)?.json::<Parcel>();
//! let layer = WebhookAuthLayer::new(acme);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("catalogue.md")]

#[macro_use]
mod facts;
#[macro_use]
mod sender;

pub mod amplitude;
#[cfg(feature = "certificates")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificates")))]
pub mod aws_sns;
pub(crate) mod configured;
mod content;
mod development;
mod flags;
pub mod flagsmith;
pub mod flipt;
mod gateways;
pub mod github;
pub mod go_feature_flag;
#[cfg(feature = "rsa")]
#[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
pub mod google_push;
pub mod growthbook;
mod identity;
pub(crate) mod keys_handle;
pub mod launchdarkly;
mod messages;
#[cfg(feature = "ed25519")]
mod neon_auth;
pub mod optimizely;
mod payments;
#[cfg(feature = "certificates")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificates")))]
pub mod paypal;
mod prelude;
pub(crate) mod setup;
mod shapes;
pub mod shopify;
mod shops;
pub mod slack;
mod standard;
pub mod standard_webhooks;
pub mod statsig;
pub mod stripe;
pub mod unleash;
pub mod vwo;
mod work;

use std::sync::LazyLock;

use bytes::Bytes;

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use self::neon_auth::neon_auth;
pub(crate) use self::{configured::Provider, keys_handle::KeysHandle};
pub use self::{
    content::*,
    development::*,
    flags::*,
    gateways::*,
    identity::*,
    messages::*,
    payments::*,
    sender::{AnyEvent, Confirmation, Sender, SenderKind},
    shops::*,
    standard::*,
    work::*,
};
pub use crate::scheme::{Field, HeaderRole, Way, Window};
use crate::{error::ConfigError, scheme::SignedUrl, secret::Keys};

/// Every sender that has a preset, in the order of their names.
///
/// ```
/// use tower_webhook_auth::provider;
///
/// let github = provider::catalogue().iter().find(|sender| sender.name == "github");
/// let ways = github.expect("GitHub has a preset").ways();
/// assert_eq!(ways[0].algorithm, "HMAC-SHA256");
/// assert_eq!(ways[0].signed, "{body}");
/// ```
#[must_use]
pub fn catalogue() -> &'static [&'static Sender] {
    static CATALOGUE: LazyLock<Vec<&'static Sender>> = LazyLock::new(|| {
        let kinds = [
            content::SENDERS,
            development::SENDERS,
            flags::SENDERS,
            gateways::SENDERS,
            identity::SENDERS,
            messages::SENDERS,
            payments::SENDERS,
            shops::SENDERS,
            standard::SENDERS,
            work::SENDERS,
        ];
        let mut senders: Vec<_> = kinds.into_iter().flatten().collect();
        senders.sort_by_key(|sender| sender.name);
        senders
    });
    &CATALOGUE
}

/// The preset of this name, for programs whose senders are configured as text.
///
/// Its event is the body as it was received. `url` is needed by the few presets whose signature
/// covers the URL ([`Sender::needs_url`]); the others ignore it.
///
/// ```
/// use tower_webhook_auth::{Secret, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let github = provider::by_name("github", Secret::new("It's a Secret to Everybody")?, None)?;
/// assert_eq!(github.name(), "github");
///
/// let unknown = provider::by_name("clerk", Secret::new("c2VjcmV0")?, None);
/// assert_eq!(
///     unknown.unwrap_err().to_string(),
///     r#"no preset has the name "clerk": did you mean svix?"#,
/// );
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If no preset has the name, if the preset needs the URL and there is none, or if a key is not
/// written as the scheme requires.
pub fn by_name(
    name: &str,
    keys: impl Into<Keys>,
    url: Option<SignedUrl>,
) -> Result<Provider<Bytes>, ConfigError> {
    if let Some(sender) = catalogue().iter().find(|sender| sender.name == name) {
        return sender.provider(keys, url);
    }
    let similar = catalogue()
        .iter()
        .filter(|sender| !name.is_empty() && sender.matches(name));
    let similar: Vec<_> = similar.map(|sender| sender.name).collect();
    Err(ConfigError::new(if similar.is_empty() {
        format!(
            "no preset of this build has the name {name:?}: provider::catalogue() lists the names. Some presets need \
             a feature of this crate"
        )
    } else {
        format!(
            "no preset has the name {name:?}: did you mean {}?",
            similar.join(" or ")
        )
    }))
}
