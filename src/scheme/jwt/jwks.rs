//! [`JwkSet`]: the public keys that a sender publishes.

use std::fmt;

use serde_json::value::RawValue;

use super::{jwk::Jwk, members::Members};
use crate::{
    error::ConfigError,
    secret::{Keys, Secret},
};

/// A sender has at most this many keys.
const MOST_KEYS: usize = 64;

/// The public keys that a sender publishes at a URL, a JWK set
/// ([RFC 7517 section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).
///
/// This crate fetches nothing. Fetch the text over TLS from the fixed URL in the sender's documentation, never
/// from a URL in a token. A private key and a symmetric key are errors. Keys that are not for signatures, and keys
/// of an unknown type, are left out.
///
/// ```
/// use tower_webhook_auth::JwkSet;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let set = JwkSet::parse(
///     r#"{"keys": [{
///         "kty": "EC", "crv": "P-256", "use": "sig", "kid": "2026-11",
///         "x": "ywH_aEQmblzHl3VstgF6vzRhO9yNUFRvpeO9l-2r04o",
///         "y": "lNjPlTXpwBngX3bZTrH-vnPCjnmboH5xJwQLrtQxXeE"
///     }]}"#,
/// )?;
/// assert_eq!(set.ids().collect::<Vec<_>>(), ["2026-11"]);
/// assert!(set.key("2026-11").is_some());
/// assert!(set.key("2026-12").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct JwkSet {
    /// The name of each key, its id, and the key.
    keys: Vec<(String, Option<String>, Secret)>,
}

impl JwkSet {
    /// Reads a JWK set.
    ///
    /// # Errors
    ///
    /// If the text is not a JWK set, or has no key for signatures or more than 64. If two keys have the same id. If a
    /// key is private or symmetric.
    pub fn parse(json: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let not_a_set = || {
            ConfigError::new(
                "not a JWK set: expected a JSON object with a list \"keys\"; fetch it again, all of it",
            )
        };
        let set = Members::read(json.as_ref()).ok_or_else(not_a_set)?;
        let list = set.get("keys").ok_or_else(not_a_set)?;
        let list: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|_| not_a_set())?;
        if list.len() > MOST_KEYS {
            return Err(ConfigError::new(format!(
                "the JWK set has {} keys, expected at most {MOST_KEYS}",
                list.len()
            )));
        }
        let mut keys: Vec<(String, Option<String>, Secret)> = Vec::new();
        for (place, key) in list.iter().enumerate() {
            let json = key.get().as_bytes();
            if is_left_out(json) {
                continue;
            }
            let id = Jwk::read(json)?.id;
            if id.is_some() && keys.iter().any(|(_, other, _)| *other == id) {
                return Err(ConfigError::new(format!(
                    "two keys of the JWK set have the id {:?}",
                    id.unwrap_or_default()
                )));
            }
            let name = id
                .clone()
                .unwrap_or_else(|| format!("key-{}", place.saturating_add(1)));
            keys.push((name, id, Secret::of_public_key(json)));
        }
        if keys.is_empty() {
            return Err(ConfigError::new(
                "the JWK set has no public key for signatures",
            ));
        }
        Ok(Self { keys })
    }

    /// The key with this id, for a [key source](crate::tenants) that was asked for it. `None` if the sender has no
    /// such key.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<Keys> {
        let mut keys = self.keys.iter();
        let (name, _, secret) = keys.find(|(_, known, _)| known.as_deref() == Some(id))?;
        Keys::named([(name.as_str(), secret.clone())]).ok()
    }

    /// All keys. The name of a key is its id. A token that names an id is verified with the key of this id alone.
    ///
    /// # Errors
    ///
    /// If an id cannot be the name of a key: see [`Keys::named`].
    pub fn keys(&self) -> Result<Keys, ConfigError> {
        let keys = self.keys.iter();
        Keys::named(keys.map(|(name, _, secret)| (name.as_str(), secret.clone())))
    }

    /// The ids of the keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|(_, id, _)| id.as_deref())
    }
}

/// A key for another purpose or of a type that is not known. A sender may publish both.
fn is_left_out(json: &[u8]) -> bool {
    let Some(members) = Members::read(json) else {
        return false;
    };
    let is_for_signatures = members.text("use").is_none_or(|purpose| purpose == "sig");
    let kind = members.text("kty");
    let is_known = kind.is_none_or(|kind| ["EC", "OKP", "RSA", "oct"].contains(&&*kind));
    !is_for_signatures || !is_known
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(name, _, _)| name))
            .finish()
    }
}
