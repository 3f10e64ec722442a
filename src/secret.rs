//! The secrets that senders and we share, and the names they go by.

use std::{env, fmt, fs, path::Path, sync::Arc};

use zeroize::Zeroizing;

use crate::error::ConfigError;

/// A secret: bytes that never print, are wiped when dropped, and are never empty.
///
/// ```
/// use tower_webhook_auth::Secret;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4")?;
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// assert!(Secret::new("").is_err());
/// assert!(Secret::new("from-a-file\n").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// A secret as the sender shows it.
    ///
    /// # Errors
    ///
    /// When it is empty or blank, when it begins or ends with white space, or holds a control
    /// character: an accident of copying, never a secret. With an empty secret anybody can sign;
    /// with a newline at its end nobody can.
    pub fn new(text: impl Into<String>) -> Result<Self, ConfigError> {
        // The bytes are moved, not copied, into what wipes them.
        let text = Zeroizing::new(text.into().into_bytes());
        let problem = match text.as_slice() {
            bytes if bytes.trim_ascii().is_empty() => "is empty or blank",
            bytes if bytes.trim_ascii_end().len() != bytes.len() => "ends with white space",
            bytes if bytes.trim_ascii_start().len() != bytes.len() => "begins with white space",
            bytes if bytes.iter().any(u8::is_ascii_control) => "holds a control character",
            _ => return Ok(Self(Arc::new(text))),
        };
        Err(ConfigError::new(format!("secret {problem}")))
    }

    /// A secret of any bytes, such as a key store hands out. Nothing is refused but emptiness.
    ///
    /// # Errors
    ///
    /// When there are no bytes, only blanks, or only zeros: HMAC pads a short key with zeros, and so
    /// cannot tell such a key from an empty one.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.trim_ascii().is_empty() {
            return Err(ConfigError::new("secret is empty or blank"));
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(ConfigError::new("secret is all zeros"));
        }
        Ok(Self(Arc::new(bytes)))
    }

    /// The secret in the environment variable `name`.
    ///
    /// # Errors
    ///
    /// When the variable is not set, is not UTF-8, or as [`Secret::new`] says.
    pub fn from_env(name: &str) -> Result<Self, ConfigError> {
        let text = env::var(name).map_err(|error| match error {
            env::VarError::NotPresent => {
                ConfigError::new(format!("environment variable {name} is not set"))
            }
            // The error of `env::var` carries the value: it is not kept.
            env::VarError::NotUnicode(_) => {
                ConfigError::new(format!("environment variable {name} is not UTF-8"))
            }
        })?;
        Self::new(text)
            .map_err(|error| ConfigError::new(format!("environment variable {name}: {error}")))
    }

    /// The secret in a file, as secret stores mount them. One newline at its end is cut.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not UTF-8, or as [`Secret::new`] says.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let describe = |problem: &str| ConfigError::new(format!("{}: {problem}", path.display()));
        let mut bytes = Zeroizing::new(
            fs::read(path).map_err(|error| describe("cannot be read").caused_by(error))?,
        );
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            describe("is not UTF-8")
        })?;
        Self::new(text).map_err(|error| describe(&error.to_string()))
    }

    /// The key that was decoded from another one's text.
    pub(crate) fn of_key(key: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(key))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// One or more named secrets, tried in order. Which one matched is reported by
/// [`Verified::key_name`](crate::Verified::key_name).
///
/// While a secret is exchanged, the old one and the new one both hold:
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
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: Arc<str>,
    pub(crate) secret: Secret,
}

impl Keys {
    /// Secrets with names of your own, in the order in which they are tried.
    ///
    /// # Errors
    ///
    /// When there is none, or when a name is empty or stands twice.
    pub fn named<N: Into<String>>(
        keys: impl IntoIterator<Item = (N, Secret)>,
    ) -> Result<Self, ConfigError> {
        let mut named: Vec<Key> = Vec::new();
        for (name, secret) in keys {
            let name: Arc<str> = name.into().into();
            if name.is_empty() {
                return Err(ConfigError::new("a key's name is empty"));
            }
            if named.iter().any(|key| key.name == name) {
                return Err(ConfigError::new(format!("two keys are named {:?}", &*name)));
            }
            named.push(Key { name, secret });
        }
        if named.is_empty() {
            return Err(ConfigError::new("no key"));
        }
        Ok(Self(named))
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.0.iter()
    }
}

/// One key, named `default`.
impl From<Secret> for Keys {
    fn from(secret: Secret) -> Self {
        Self(vec![Key {
            name: "default".into(),
            secret,
        }])
    }
}

/// Several keys, named `key-1`, `key-2` and so on. That there is at least one is checked when this
/// is compiled.
impl<const N: usize> From<[Secret; N]> for Keys {
    fn from(secrets: [Secret; N]) -> Self {
        const { assert!(N > 0, "at least one key is needed") };
        let named = |(index, secret): (usize, Secret)| Key {
            name: format!("key-{}", index.saturating_add(1)).into(),
            secret,
        };
        Self(secrets.into_iter().enumerate().map(named).collect())
    }
}

/// What a provider and its keys are called: all that a delivery keeps of them, since an event may be
/// held for longer than the key that verified it.
pub(crate) struct Names {
    provider: Arc<str>,
    tenant: Option<Arc<str>>,
    keys: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn new(provider: &Arc<str>, keys: &Keys) -> Self {
        Self {
            provider: Arc::clone(provider),
            // Keys that a provider holds itself have no tenant.
            tenant: None,
            keys: keys.iter().map(|key| Arc::clone(&key.name)).collect(),
        }
    }

    /// The keys' names, in the order in which they are tried.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|name| &**name)
    }
}

/// Where a delivery comes from: the provider, and which of its keys matched.
#[derive(Clone)]
pub(crate) struct Origin {
    names: Arc<Names>,
    key: usize,
}

impl Origin {
    pub(crate) fn new(names: Arc<Names>, key: usize) -> Self {
        Self { names, key }
    }

    pub(crate) fn provider(&self) -> &str {
        &self.names.provider
    }

    /// The tenant that the keys belong to, where a source of keys names one.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.names.tenant.as_deref()
    }

    pub(crate) fn key_name(&self) -> &str {
        self.names.keys.get(self.key).map_or("", |name| name)
    }
}
