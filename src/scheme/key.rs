//! Decodes the text of a secret to the bytes of the key.

use data_encoding::{HEXLOWER_PERMISSIVE, Specification};
use zeroize::Zeroizing;

use super::mac::Algorithm;
use crate::{error::ConfigError, secret::Secret, text};

/// The key of a MAC that is written in base64 has at least this many bytes.
///
/// Senders make such keys at random, with 24 bytes or more ([Standard
/// Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme)).
/// Nearly every short text is base64 too. Without this rule a text that was cut, or a placeholder such
/// as `whsec_this`, would be a key of 1 to 3 bytes, which an attacker can guess. Other encodings have
/// no minimum length: a text is rarely hexadecimal by accident, and the owner chooses a key that is text.
const SHORTEST_BASE64_KEY_BYTES: usize = 8;

/// How the key is written in the text of the secret.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyEncoding {
    /// Base64, padded or not. The key of a MAC must have at least 8 bytes.
    Base64,
    /// Base64 with the alphabet for URLs, padded or not. The key of a MAC must have at least 8 bytes.
    Base64Url,
    /// Hexadecimal digits.
    Hex,
    /// The text is the key.
    #[default]
    Text,
}

impl KeyEncoding {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hexadecimal digits",
            Self::Text => "the text of the secret",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct KeyText {
    pub(crate) prefix: Option<String>,
    /// What the sender appends to the decoded secret.
    pub(crate) suffix: Option<String>,
    pub(crate) encoding: KeyEncoding,
}

impl KeyText {
    /// Checks the prefix.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self.suffix.as_deref() {
            None => {}
            Some("") => {
                return Err(ConfigError::new(
                    "the key suffix is empty: do not call `key_suffix`",
                ));
            }
            Some(suffix) => text::check_name("the key suffix", suffix)?,
        }
        match self.prefix.as_deref() {
            None => Ok(()),
            Some("") => Err(ConfigError::new(
                "the key prefix is empty: do not call `key_prefix`",
            )),
            Some(prefix) => text::check_name("the key prefix", prefix),
        }
    }

    pub(crate) fn decode(
        &self,
        secret: &Secret,
        algorithm: Algorithm,
    ) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        if secret.is_public_key() && algorithm.is_symmetric() {
            return Err(ConfigError::new(
                "the secret is a public key, which everyone knows, and the scheme needs a secret that only the \
                 sender and you have",
            ));
        }
        let text = secret.as_bytes();
        let stripped = self
            .prefix
            .as_ref()
            .and_then(|prefix| text.strip_prefix(prefix.as_bytes()));
        let text = stripped.unwrap_or(text);
        let decoded = match self.encoding {
            KeyEncoding::Text => Some(text.to_vec()),
            KeyEncoding::Hex => HEXLOWER_PERMISSIVE.decode(text).ok(),
            KeyEncoding::Base64 => lenient_base64(text, "+/"),
            KeyEncoding::Base64Url => lenient_base64(text, "-_"),
        };
        let key =
            Zeroizing::new(decoded.ok_or_else(|| self.not_encoded(text, stripped.is_some()))?);
        if key.is_empty() {
            return Err(match &self.prefix {
                // The prefix of a preset is printed. A secret that is only a prefix is no secret.
                Some(_) => ConfigError::new(
                    "secret is empty after its prefix: copy it from the sender again, all of it",
                ),
                None => ConfigError::new("secret is empty"),
            });
        }
        // HMAC pads a short key with zeros: a key of zeros is the same as an empty one.
        if key.iter().all(|byte| *byte == 0) {
            return Err(ConfigError::new(
                "secret is all zeros: make a new one at the sender",
            ));
        }
        if matches!(self.encoding, KeyEncoding::Base64 | KeyEncoding::Base64Url)
            && algorithm.is_symmetric()
            && key.len() < SHORTEST_BASE64_KEY_BYTES
        {
            return Err(ConfigError::new(format!(
                "secret decodes to {} of at least {SHORTEST_BASE64_KEY_BYTES} bytes: copy it from the \
                 sender again, all of it",
                key.len(),
            )));
        }
        Ok(self.with_suffix(key))
    }

    /// The capacity is that of the whole key, so that no part of it is moved and left behind.
    fn with_suffix(&self, key: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
        let Some(suffix) = &self.suffix else {
            return key;
        };
        let bytes = key.len().saturating_add(suffix.len());
        let mut whole = Zeroizing::new(Vec::with_capacity(bytes));
        whole.extend_from_slice(&key);
        whole.extend_from_slice(suffix.as_bytes());
        whole
    }

    fn not_encoded(&self, text: &[u8], stripped: bool) -> ConfigError {
        // Supabase shows its secrets in this form, and some users copy it for other presets.
        if text.starts_with(b"v1,whsec_") {
            return ConfigError::new(
                "secret begins with \"v1,\": remove it, since the secret begins at \"whsec_\"",
            );
        }
        let mut message = format!("secret is not {}", self.encoding.title());
        if let Some(prefix) = &self.prefix {
            let place = if stripped {
                "after"
            } else {
                "and does not begin with"
            };
            message.push_str(&format!(" {place} the prefix {prefix:?}"));
        }
        if self.encoding == KeyEncoding::Base64 && text.iter().any(|byte| b"-_".contains(byte)) {
            message.push_str(": it contains '-' or '_', which base64 does not have");
        } else {
            message.push_str(": copy it from the sender again, all of it");
        }
        ConfigError::new(message)
    }
}

/// Some senders give keys without padding and with spare bits set, and their own libraries accept
/// them (Standard Webhooks, `test_signature_verification_with_unpadded_secret`). A signature is
/// decoded strictly because a client chooses it. A key comes from the owner.
fn lenient_base64(text: &[u8], last_two: &str) -> Option<Vec<u8>> {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    specification.symbols.push_str(last_two);
    specification.check_trailing_bits = false;
    let encoding = specification.encoding().ok()?;
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let unpadded = text
        .get(..text.len().saturating_sub(padding))
        .unwrap_or_default();
    encoding.decode(unpadded).ok()
}
