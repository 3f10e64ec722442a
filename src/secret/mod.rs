//! The secrets that senders and we share, and the names they go by.

mod keys;

use std::{env, fmt, fs, path::Path, sync::Arc};

use zeroize::Zeroizing;

pub use self::keys::Keys;
pub(crate) use self::keys::{Names, Origin};

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
