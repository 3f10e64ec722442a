//! Named secrets: the order in which they are tried, and the one that matched.

use std::{fmt, sync::Arc};

use super::Secret;
use crate::{error::ConfigError, text};

/// One or more named secrets. They are tried in order, and
/// [`Verified::key_name`](crate::Verified::key_name) reports which one matched.
///
/// While a secret is rotated, both the new and the old one are accepted:
///
/// ```
/// use tower_webhook_auth::{Keys, Secret};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let keys = Keys::named([
///     ("2026-11", Secret::new("the new one")?),
///     ("2026-05", Secret::new("the old one")?),
/// ])?;
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
///
/// A function that takes `impl Into<Keys>` also takes a [`Secret`], with the name `default`, or an array of
/// secrets, with the names `key-1`, `key-2` and so on.
#[derive(Clone, Debug)]
pub struct Keys {
    keys: Vec<Key>,
    tenant: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: Arc<str>,
    pub(crate) secret: Secret,
}

impl Keys {
    /// Secrets with names that you choose, in the order in which they are tried.
    ///
    /// The names appear in logs, in [`Rejection`](crate::Rejection) and in
    /// [`Verified::key_name`](crate::Verified::key_name). Do not put a secret into a name.
    ///
    /// # Errors
    ///
    /// - There is no secret.
    /// - A name is empty, occurs twice, begins or ends with white space, or contains a control character or
    ///   an invisible character.
    pub fn named<N: Into<String>>(
        keys: impl IntoIterator<Item = (N, Secret)>,
    ) -> Result<Self, ConfigError> {
        let mut named: Vec<Key> = Vec::new();
        for (name, secret) in keys {
            let name: Arc<str> = name.into().into();
            text::check_name("the name of a key", &name)?;
            if named.iter().any(|key| key.name == name) {
                return Err(ConfigError::new(format!(
                    "two keys have the name {name:?}: give each key its own name"
                )));
            }
            named.push(Key { name, secret });
        }
        if named.is_empty() {
            return Err(ConfigError::new("no key was given: at least one is needed"));
        }
        Ok(Self::new(named))
    }

    /// The same keys, as the keys of this tenant.
    ///
    /// [`Verified::tenant`](crate::Verified::tenant) and
    /// [`Acceptance::tenant`](crate::Acceptance::tenant) return this name for a delivery that these keys
    /// verified. The name is part of [`Verified::identity`](crate::Verified::identity), so equal ids of two
    /// tenants are different deliveries. Give every tenant of a [key source](crate::tenants) its own name.
    ///
    /// ```
    /// use tower_webhook_auth::{Keys, Secret};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let keys = Keys::from(Secret::new("the secret of acme")?).of_tenant("acme");
    /// # let _ = keys;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn of_tenant(mut self, name: impl Into<String>) -> Self {
        self.tenant = Some(name.into().into());
        self
    }

    /// The same keys, as the keys of this tenant unless they have a tenant.
    #[cfg(feature = "tenant-cache")]
    pub(crate) fn or_of_tenant(mut self, name: &Arc<str>) -> Self {
        self.tenant.get_or_insert_with(|| Arc::clone(name));
        self
    }

    fn new(keys: Vec<Key>) -> Self {
        Self { keys, tenant: None }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.keys.iter()
    }
}

/// One key, named `default`.
impl From<Secret> for Keys {
    fn from(secret: Secret) -> Self {
        Self::new(vec![Key {
            name: "default".into(),
            secret,
        }])
    }
}

/// Several keys, named `key-1`, `key-2` and so on. An empty array does not compile.
impl<const N: usize> From<[Secret; N]> for Keys {
    fn from(secrets: [Secret; N]) -> Self {
        const { assert!(N > 0, "at least one key is needed") };
        let named = |(index, secret): (usize, Secret)| Key {
            name: format!("key-{}", index.saturating_add(1)).into(),
            secret,
        };
        Self::new(secrets.into_iter().enumerate().map(named).collect())
    }
}

/// The names of a provider and of its keys.
///
/// A delivery keeps only these, because an event may be held for longer than the key that verified
/// it.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Names {
    provider: Arc<str>,
    tenant: Option<Arc<str>>,
    keys: Vec<Arc<str>>,
    /// The names of the ways of the scheme, if it has several.
    ways: Option<Arc<[Arc<str>]>>,
    _padding: Padding,
}

/// Puts the fields before it and the memory after it into different cache lines.
#[derive(Clone, Default)]
pub(crate) struct Padding {
    _bytes: [u64; 16],
}

impl fmt::Debug for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Padding")
    }
}

impl Names {
    pub(crate) fn new(provider: &Arc<str>, keys: &Keys) -> Self {
        Self {
            provider: Arc::clone(provider),
            tenant: keys.tenant.clone(),
            keys: keys.iter().map(|key| Arc::clone(&key.name)).collect(),
            ways: None,
            _padding: Padding::default(),
        }
    }

    /// The names for a key without an owner. A match with it proves nothing.
    pub(crate) fn of_placeholder(provider: &Arc<str>) -> Self {
        Self {
            provider: Arc::clone(provider),
            tenant: None,
            keys: Vec::new(),
            ways: None,
            _padding: Padding::default(),
        }
    }

    pub(crate) fn with_ways(mut self, ways: Option<&Arc<[Arc<str>]>>) -> Self {
        self.ways = ways.cloned();
        self
    }

    pub(crate) fn are_of_placeholder(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The names of the keys, in the order in which they are tried.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|name| &**name)
    }
}

/// The provider of a delivery, and which of its keys matched in which way.
#[derive(Clone)]
pub(crate) struct Origin {
    names: Arc<Names>,
    key: usize,
    way: usize,
}

impl Origin {
    pub(crate) fn new(names: Arc<Names>, key: usize) -> Self {
        Self { names, key, way: 0 }
    }

    /// The way of a scheme with several, and the places of its keys among all keys.
    pub(crate) fn set_way(&mut self, way: usize, places: &[usize]) {
        self.way = way;
        self.key = places.get(self.key).copied().unwrap_or(self.key);
    }

    /// The position of the way that matched.
    pub(crate) fn way(&self) -> usize {
        self.way
    }

    /// The name of the way that matched, if the scheme has several.
    pub(crate) fn way_name(&self) -> Option<&str> {
        self.names.ways.as_ref()?.get(self.way).map(|name| &**name)
    }

    pub(crate) fn provider(&self) -> &str {
        &self.names.provider
    }

    /// The tenant that the keys belong to, if a key source names one.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.names.tenant.as_deref()
    }

    pub(crate) fn key_name(&self) -> &str {
        self.names.keys.get(self.key).map_or("", |name| name)
    }
}
