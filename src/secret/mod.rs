//! [`Secret`] and [`Keys`]: the secrets that a sender and its receiver share.

mod keys;
mod pasted;
mod pem;

use std::{env, fmt, fs, path::Path, sync::Arc};

use zeroize::Zeroizing;

pub use self::keys::Keys;
pub(crate) use self::keys::{Names, Origin, Padding};
use crate::{error::ConfigError, text};

/// A secret. It is never printed, never empty, and overwritten in memory when its last clone is
/// dropped.
///
/// ```
/// use tower_webhook_auth::Secret;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4")?;
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
///
/// assert_eq!(Secret::new("").unwrap_err().to_string(), "secret is empty");
/// assert_eq!(
///     Secret::new("wJ4mX9\n").unwrap_err().to_string(),
///     "secret ends with a line break (U+000A): remove it, or use `Secret::verbatim` if it belongs \
///      to the secret",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Secret {
    bytes: Arc<Zeroizing<Vec<u8>>>,
    /// Everyone knows a public key, so it must never be the key of a MAC.
    is_public_key: bool,
}

impl Secret {
    /// A secret as the sender shows it.
    ///
    /// The text is checked for mistakes of copying, because such a secret would reject every
    /// delivery with `signature_mismatch`. Use [`verbatim`](Self::verbatim) for a secret that has one of
    /// these forms on purpose.
    ///
    /// # Errors
    ///
    /// - The text is empty, or has only white space and invisible characters.
    /// - It begins or ends with white space or an invisible character. That includes the no-break
    ///   space (U+00A0), the byte order mark (U+FEFF) and the zero-width characters (U+200B to U+200F).
    /// - It contains a control character, a soft hyphen (U+00AD), or one of U+180E, U+200B, U+2060 and
    ///   U+FEFF.
    /// - It is in quotation marks.
    /// - It is a placeholder that was not replaced: `${NAME}`, `$WEBHOOK_SECRET`, `$(command)`, `{{ name }}`, `<secret>`.
    /// - It begins with the name of a variable and `=`, as in a line of an environment file.
    /// - It is a PEM file: see [`from_pem`](Self::from_pem).
    ///
    /// The message names the mistake and, where there is one, the invisible character. It contains
    /// nothing else of the secret.
    pub fn new(text: impl Into<String>) -> Result<Self, ConfigError> {
        // `into_bytes` moves the text, so that there is no copy that is not overwritten.
        let mut text = Zeroizing::new(text.into());
        match pasted::mistake(&text) {
            Some(mistake) => Err(ConfigError::new(format!("secret {mistake}"))),
            None => Self::from_bytes(std::mem::take(&mut *text).into_bytes()),
        }
    }

    /// A secret exactly as given, without the checks of [`new`](Self::new).
    ///
    /// For a secret that has white space at an end, quotation marks around it, or a control character
    /// inside.
    ///
    /// ```
    /// use tower_webhook_auth::Secret;
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// assert!(Secret::new("'tis a secret'").is_err());
    /// let secret = Secret::verbatim("'tis a secret'")?;
    /// # let _ = secret;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes).
    pub fn verbatim(text: impl Into<String>) -> Result<Self, ConfigError> {
        Self::from_bytes(text.into().into_bytes())
    }

    /// A secret of any bytes, for example from a key store.
    ///
    /// # Errors
    ///
    /// - There are no bytes.
    /// - The bytes are text that has only white space and invisible characters.
    /// - All bytes are zero. HMAC pads a short key with zeros, so such a key is the same as an empty
    ///   one.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.is_empty() {
            return Err(ConfigError::new("secret is empty"));
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(ConfigError::new(
                "secret is all zeros: make a new one at the sender",
            ));
        }
        if str::from_utf8(&bytes).is_ok_and(text::is_blank) {
            return Err(ConfigError::new(
                "secret is blank: it has only white space and invisible characters",
            ));
        }
        Ok(Self::of_key(bytes))
    }

    /// The secret in the environment variable `name`.
    ///
    /// # Errors
    ///
    /// The variable is not set or is not UTF-8, or its value has one of the mistakes that
    /// [`new`](Self::new) lists. The message names the variable.
    pub fn from_env(name: &str) -> Result<Self, ConfigError> {
        let describe =
            |problem: &str| ConfigError::new(format!("environment variable {name}{problem}"));
        let text = env::var(name).map_err(|error| match error {
            env::VarError::NotPresent => describe(" is not set"),
            // The error of `env::var` contains the value, so it is not kept as the source.
            env::VarError::NotUnicode(value) => {
                drop(Zeroizing::new(value.into_encoded_bytes()));
                describe(" is not UTF-8")
            }
        })?;
        Self::new(text).map_err(|error| describe(&format!(": {error}")))
    }

    /// The secret in a file, as secret stores mount them. One line break at its end is cut.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not UTF-8, or its text has one of the mistakes that
    /// [`new`](Self::new) lists. The message names the file.
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

    /// A public key in PEM, or a certificate in PEM with those that signed it.
    ///
    /// It is the same as [`new`](Self::new) with the base64 text between the lines: a scheme reads it with
    /// [`KeyEncoding::Base64`](crate::KeyEncoding::Base64).
    ///
    /// ```
    /// use tower_webhook_auth::Secret;
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let key = Secret::from_pem(
    ///     "-----BEGIN PUBLIC KEY-----
    /// MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgB
    /// B7IsYOyf76ilExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==
    /// -----END PUBLIC KEY-----
    /// ",
    /// )?;
    /// # let _ = key;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Line breaks may be written as `\n`, as in environment files. Text outside of the blocks is ignored.
    ///
    /// # Errors
    ///
    /// - The text has no block, or a block that is not complete.
    /// - It is a private key. A receiver needs only the public key of the sender.
    /// - It has several public keys: make one secret of each.
    pub fn from_pem(text: impl AsRef<str>) -> Result<Self, ConfigError> {
        let secret = Self::from_bytes(pem::to_base64(text.as_ref())?)?;
        Ok(Self {
            is_public_key: true,
            ..secret
        })
    }

    /// A key that was decoded from the text of another secret.
    pub(crate) fn of_key(key: Zeroizing<Vec<u8>>) -> Self {
        Self {
            bytes: Arc::new(key),
            is_public_key: false,
        }
    }

    /// A public key as JSON.
    #[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
    pub(crate) fn of_public_key(json: &[u8]) -> Self {
        Self {
            bytes: Arc::new(Zeroizing::new(json.to_vec())),
            is_public_key: true,
        }
    }

    /// Whether this is a public key for sure. The text of another secret may be one, too.
    pub(crate) fn is_public_key(&self) -> bool {
        self.is_public_key
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
