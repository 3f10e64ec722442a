//! From the secret that a sender shows to the bytes that key the MAC.

use data_encoding::{HEXLOWER_PERMISSIVE, Specification};
use zeroize::Zeroizing;

use crate::{error::ConfigError, secret::Secret};

/// How a key is written in the secret's text.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyEncoding {
    /// Base64, padded or not.
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// Not at all: the text is the key.
    #[default]
    Text,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct KeyText {
    pub(crate) prefix: Option<String>,
    pub(crate) encoding: KeyEncoding,
}

impl KeyText {
    pub(crate) fn decode(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let text = secret.as_bytes();
        let text = self
            .prefix
            .as_ref()
            .and_then(|prefix| text.strip_prefix(prefix.as_bytes()))
            .unwrap_or(text);
        let key = match self.encoding {
            KeyEncoding::Text => text.to_vec(),
            KeyEncoding::Hex => HEXLOWER_PERMISSIVE
                .decode(text)
                .map_err(|_| ConfigError::new("secret is not in hexadecimal digits"))?,
            KeyEncoding::Base64 => lenient_base64(text)?,
        };
        let key = Zeroizing::new(key);
        if key.is_empty() {
            return Err(ConfigError::new("secret is empty behind its prefix"));
        }
        // HMAC pads a short key with zeros: to it, a key of zeros and an empty one are the same.
        if key.iter().all(|byte| *byte == 0) {
            return Err(ConfigError::new("secret is all zeros"));
        }
        Ok(key)
    }
}

/// Senders hand out keys without padding and with spare bits set, and their own libraries take
/// them (Standard Webhooks, `test_signature_verification_with_unpadded_secret`). Unlike a
/// signature, a key is not a stranger's to vary.
fn lenient_base64(text: &[u8]) -> Result<Vec<u8>, ConfigError> {
    let not_base64 = |_| ConfigError::new("secret is not base64");
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    specification.check_trailing_bits = false;
    let encoding = specification
        .encoding()
        .map_err(|_| ConfigError::new("no base64"))?;
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let unpadded = text
        .get(..text.len().saturating_sub(padding))
        .unwrap_or_default();
    encoding.decode(unpadded).map_err(not_base64)
}
