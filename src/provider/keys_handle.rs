//! Replaces the keys of a provider while the service runs.

use std::{fmt, sync::Arc};

use http::HeaderMap;

use crate::{
    error::ConfigError,
    scheme::{Authenticator, Scheme},
    secret::Keys,
};

/// A handle that replaces the keys of a [`Provider`](super::Provider) while the service runs.
///
/// Every clone of the layer uses the new keys from its next request on. A request whose body is
/// being read keeps the keys that it started with.
///
/// ```
/// use tower_webhook_auth::{Keys, Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let optimizely = provider::optimizely(Secret::new("old")?);
/// let keys = optimizely.keys();
/// let layer = WebhookAuthLayer::new(optimizely);
///
/// keys.replace(Keys::named([
///     ("new", Secret::new("new")?),
///     ("old", Secret::new("old")?),
/// ])?)?;
/// assert_eq!(keys.names(), ["new", "old"]);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeysHandle {
    pub(super) provider: Arc<str>,
    pub(super) authenticator: Authenticator,
}

impl KeysHandle {
    pub(super) fn new(
        provider: Arc<str>,
        scheme: Scheme,
        keys: &Keys,
    ) -> Result<Self, ConfigError> {
        let authenticator = scheme.authenticator();
        authenticator.replace(&provider, keys)?;
        Ok(Self {
            provider,
            authenticator,
        })
    }

    /// Replaces the current keys with these keys.
    ///
    /// # Errors
    ///
    /// If a key is not written as the scheme requires. Then the current keys stay valid.
    pub fn replace(&self, keys: impl Into<Keys>) -> Result<(), ConfigError> {
        self.authenticator.replace(&self.provider, &keys.into())
    }

    /// Removes all keys: every delivery gets 503 until there are new keys. A request without a
    /// readable signature or key is still rejected.
    pub fn withdraw(&self) {
        self.authenticator.withdraw();
    }

    /// The names of the current keys, in the order in which they are tried.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.authenticator.key_names()
    }

    pub(super) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        self.scheme().mark_sensitive(headers);
    }

    pub(super) fn scheme(&self) -> &Scheme {
        self.authenticator.scheme()
    }
}

impl fmt::Debug for KeysHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysHandle")
            .field("scheme", self.authenticator.scheme())
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}
