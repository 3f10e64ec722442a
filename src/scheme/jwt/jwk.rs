//! [`Jwk`]: a public key as JSON, [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).

use data_encoding::BASE64URL_NOPAD;

use super::members::Members;
use crate::error::ConfigError;

/// A public key as JSON. Its numbers are decoded, and not yet checked.
pub(super) struct Jwk {
    /// The id of the key, `kid`.
    pub(super) id: Option<String>,
    /// The algorithm that the key is meant for, if it names one.
    pub(super) algorithm: Option<String>,
    pub(super) public: Public,
}

/// The numbers of a public key.
#[cfg_attr(
    not(all(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa")),
    allow(dead_code, reason = "each feature reads the numbers of its own keys")
)]
pub(super) enum Public {
    /// A point on the curve of this name.
    Ec {
        curve: String,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    /// A point on an Edwards curve of this name.
    Okp {
        curve: String,
        x: Vec<u8>,
    },
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl Jwk {
    /// Whether the text of a secret can be a key in this form.
    pub(super) fn is_likely(text: &[u8]) -> bool {
        text.trim_ascii_start().starts_with(b"{")
    }

    /// # Errors
    ///
    /// If the text is not a public key for signatures.
    pub(super) fn read(json: &[u8]) -> Result<Self, ConfigError> {
        let wrong = |what: String| Err(ConfigError::new(what));
        let Some(members) = Members::read(json) else {
            return wrong(
                "the key begins with '{' and is not a JSON object in which each name appears once: copy the \
                 JWK again, all of it"
                    .into(),
            );
        };
        let text = |name: &str| members.text(name).map(|text| text.into_owned());
        let number = |name: &str| {
            let decoded = members.text(name);
            let decoded = decoded.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
            decoded.ok_or_else(|| {
                ConfigError::new(format!(
                    "the JWK has no {name:?} in base64url without padding: copy it again, all of it"
                ))
            })
        };
        let kind = text("kty").unwrap_or_default();
        if kind == "oct" {
            return wrong(
                "the JWK is a symmetric key (\"kty\" is \"oct\"): a set of public keys must not contain one; \
                 use the decoded `k` as the secret of a MAC"
                    .into(),
            );
        }
        if members.has("d") {
            return wrong(
                "the JWK is a private key: a receiver needs only the public key of the sender; replace the \
                 private key, because it was copied"
                    .into(),
            );
        }
        if let Some(purpose) = text("use").filter(|purpose| purpose != "sig") {
            return wrong(format!(
                "the JWK is for another purpose: \"use\" is {purpose:?}, expected \"sig\""
            ));
        }
        let public = match kind.as_str() {
            "EC" => Public::Ec {
                curve: text("crv").unwrap_or_default(),
                x: number("x")?,
                y: number("y")?,
            },
            "OKP" => Public::Okp {
                curve: text("crv").unwrap_or_default(),
                x: number("x")?,
            },
            "RSA" => Public::Rsa {
                modulus: number("n")?,
                exponent: number("e")?,
            },
            other => {
                return wrong(format!(
                    "the JWK has the type {other:?}, expected \"EC\", \"OKP\" or \"RSA\""
                ));
            }
        };
        Ok(Self {
            id: text("kid"),
            algorithm: text("alg"),
            public,
        })
    }
}
