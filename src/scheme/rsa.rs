//! RSA PKCS#1 v1.5 signatures, [RFC 8017 section 8.2](https://www.rfc-editor.org/rfc/rfc8017#section-8.2),
//! with public keys only.

use std::sync::Arc;

use rsa::{
    BoxedUint, PublicKey,
    pkcs1::{self, RsaPublicKeyRef},
    pkcs8::{SubjectPublicKeyInfoRef, der::Decode},
};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::error::ConfigError;

/// [NIST SP 800-131A](https://csrc.nist.gov/pubs/sp/800/131/a/r2/final) disallows shorter keys.
const FEWEST_BITS: usize = 2048;

/// A longer key costs more work for each attempt. No sender is known to use one.
const MOST_BITS: usize = 4096;

/// How many operations one delivery may cost. With a key of 4,096 bits, an operation takes 0.6 ms.
pub(crate) const MOST_OPERATIONS: usize = 8;

/// How many bytes the longest signature has: as many as the modulus.
pub(crate) const LONGEST_SIGNATURE_BYTES: usize = MOST_BITS / 8;

/// How many bytes the shortest signature has.
pub(crate) const SHORTEST_SIGNATURE_BYTES: usize = FEWEST_BITS / 8;

/// What is hashed, and how. The hash is a part of the padded block, so it belongs to the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RsaHash {
    Sha1,
    Sha256,
    /// The signed message is itself the SHA-256 of the content.
    Sha256Twice,
    Sha384,
    Sha512,
}

/// A public key. A clone is one more reference.
#[derive(Clone)]
pub(crate) struct RsaKey(Arc<[PublicKey]>);

impl RsaKey {
    /// From the DER of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// If the bytes are another thing, or if the key is too short, too long or weak.
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, ConfigError> {
        const AGAIN: &str = "copy it from the sender again, all of it";
        match der {
            // SEQUENCE { SEQUENCE { [0] …: the version of a certificate.
            [0x30, 0x82, _, _, 0x30, 0x82, _, _, 0xa0, ..] => {
                return Err(ConfigError::new(
                    "this is a certificate, and the scheme needs the public key in it: run \
                     `openssl x509 -pubkey -noout`, and use its output",
                ));
            }
            // SEQUENCE { INTEGER 0: the version of a private key.
            [0x30, 0x82, _, _, 0x02, 0x01, 0x00, ..] => {
                return Err(ConfigError::new(
                    "this is a private key: a receiver needs only the public key of the sender; replace the \
                     private key, because it was copied",
                ));
            }
            [0x30, 0x82, _, _, 0x02, 0x82, ..] => {
                return Err(ConfigError::new(
                    "this is an RSA public key in the form of PKCS#1: run `openssl rsa -RSAPublicKey_in \
                     -pubout`, and use its output",
                ));
            }
            _ => {}
        }
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| {
            ConfigError::new(format!(
                "not a public key in SubjectPublicKeyInfo form: {AGAIN}"
            ))
        })?;
        if spki.algorithm.oid != pkcs1::ALGORITHM_OID {
            return Err(ConfigError::new(format!(
                "not an RSA key: its algorithm is {}, expected {} (rsaEncryption)",
                spki.algorithm.oid,
                pkcs1::ALGORITHM_OID,
            )));
        }
        let key = spki.subject_public_key.as_bytes();
        Self::from_pkcs1_der(key.unwrap_or_default()).map_err(|error| {
            error.unwrap_or_else(|| ConfigError::new(format!("not an RSA public key: {AGAIN}")))
        })
    }

    /// From the DER of an RSAPublicKey, as SubjectPublicKeyInfo wraps it. `None` is a key that cannot be read.
    pub(crate) fn from_pkcs1_der(der: &[u8]) -> Result<Self, Option<ConfigError>> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| None)?;
        Self::from_components(key.modulus.as_bytes(), key.public_exponent.as_bytes()).map_err(Some)
    }

    /// From the modulus and the exponent, as big-endian numbers.
    ///
    /// # Errors
    ///
    /// If the key is too short, too long or weak.
    pub(crate) fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, ConfigError> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let bits = bits(modulus);
        if bits < FEWEST_BITS {
            return Err(ConfigError::new(format!(
                "the RSA key has {bits} bits, expected at least {FEWEST_BITS}: shorter keys can be broken; ask \
                 the sender for a longer one"
            )));
        }
        if bits > MOST_BITS {
            return Err(ConfigError::new(format!(
                "the RSA key has {bits} bits, expected at most {MOST_BITS}"
            )));
        }
        // With the exponent 1, each message is its own signature. An even exponent is no RSA key.
        if exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
            return Err(ConfigError::new(
                "the public exponent of the RSA key is not an odd number above 2: under this key, signatures \
                 prove nothing",
            ));
        }
        let number = |bytes: &[u8]| {
            let bits = u32::try_from(bytes.len().saturating_mul(8)).ok()?;
            BoxedUint::from_be_slice(bytes, bits).ok()
        };
        let key = number(modulus)
            .zip(number(exponent))
            .and_then(|(modulus, exponent)| PublicKey::new(modulus, exponent).ok())
            .ok_or_else(|| {
                ConfigError::new(
                    "the RSA key is weak: its modulus is even, or its exponent has more than 33 bits",
                )
            })?;
        Ok(Self(Arc::new([key])))
    }

    /// Keys for a tenant that is not known: one for each usual length, so that a signature of any of these
    /// lengths costs as much as with another key. Their factors are known, so they prove nothing.
    pub(crate) fn placeholder() -> Option<Self> {
        let keys = [2048, 3072, 4096].map(|bits: usize| {
            let key = Self::from_components(&vec![0xff; bits / 8], &[1, 0, 1]).ok()?;
            key.0.first().cloned()
        });
        keys.into_iter().collect::<Option<_>>().map(Self)
    }

    /// Whether the signature over a message with this digest is valid. The whole padded block is compared. A
    /// signature that has not as many bytes as the modulus is rejected first, so it costs nothing.
    pub(crate) fn verifies(&self, hash: RsaHash, digest: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|key| {
            let verified = match hash {
                RsaHash::Sha1 => key.pkcs1v15_verify_prehash::<Sha1>(digest, signature),
                RsaHash::Sha256 => key.pkcs1v15_verify_prehash::<Sha256>(digest, signature),
                RsaHash::Sha256Twice => {
                    key.pkcs1v15_verify_prehash::<Sha256>(&Sha256::digest(digest), signature)
                }
                RsaHash::Sha384 => key.pkcs1v15_verify_prehash::<Sha384>(digest, signature),
                RsaHash::Sha512 => key.pkcs1v15_verify_prehash::<Sha512>(digest, signature),
            };
            verified.is_ok()
        })
    }
}

#[cfg(feature = "http-signatures")]
impl RsaKey {
    /// Whether the signature over a message with this SHA-512 digest is valid in RSASSA-PSS
    /// ([RFC 8017 section 8.1](https://www.rfc-editor.org/rfc/rfc8017#section-8.1)), with a salt of 64 bytes.
    pub(crate) fn verifies_pss_sha512(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.0
            .iter()
            .any(|key| key.pss_verify_prehash::<Sha512>(digest, signature).is_ok())
    }
}

fn without_leading_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

/// The length of a number without leading zeros, in bits.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    let unused = usize::try_from(unused).unwrap_or_default();
    number.len().saturating_mul(8).saturating_sub(unused)
}

/// The hash of a message, as it arrives.
#[derive(Clone)]
pub(crate) enum RsaDigest {
    Sha1(Sha1),
    Sha256(Sha256),
    /// Boxed, because these states are twice as large as the others.
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

impl RsaDigest {
    pub(crate) fn new(hash: RsaHash) -> Self {
        match hash {
            RsaHash::Sha1 => Self::Sha1(Sha1::new()),
            RsaHash::Sha256 | RsaHash::Sha256Twice => Self::Sha256(Sha256::new()),
            RsaHash::Sha384 => Self::Sha384(Box::default()),
            RsaHash::Sha512 => Self::Sha512(Box::default()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes that were added. It begins again with the empty message.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        match self {
            Self::Sha1(state) => state.finalize_reset().to_vec(),
            Self::Sha256(state) => state.finalize_reset().to_vec(),
            Self::Sha384(state) => state.finalize_reset().to_vec(),
            Self::Sha512(state) => state.finalize_reset().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rsa::traits::PublicKeyParts;

    use super::*;

    fn error(modulus: &[u8], exponent: &[u8]) -> String {
        match RsaKey::from_components(modulus, exponent) {
            Ok(_) => "no error".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn weak_keys_are_rejected_and_the_error_says_why() {
        let modulus = [0xff; 256];
        assert_eq!(error(&modulus, &[1, 0, 1]), "no error");
        assert_eq!(error(&modulus, &[0, 3]), "no error");
        for exponent in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0]] {
            assert!(error(&modulus, exponent).starts_with("the public exponent"));
        }
        assert!(error(&modulus, &[2, 0, 0, 0, 1]).starts_with("the RSA key is weak"));
        let mut even = modulus;
        even[255] = 0xfe;
        assert!(error(&even, &[1, 0, 1]).starts_with("the RSA key is weak"));
        let mut short = modulus;
        short[0] = 0x7f;
        assert!(error(&short, &[1, 0, 1]).starts_with("the RSA key has 2047 bits"));
        assert!(error(&[0; 300], &[1, 0, 1]).starts_with("the RSA key has 0 bits"));
        assert!(error(&[0xff; 513], &[1, 0, 1]).starts_with("the RSA key has 4104 bits"));
    }

    /// Otherwise the time of a rejection tells whether a tenant exists.
    #[test]
    fn the_placeholder_key_has_every_usual_length() {
        let key = RsaKey::placeholder().expect("a key");
        let lengths: Vec<_> = key.0.iter().map(PublicKeyParts::size).collect();
        assert_eq!(lengths, [256, 384, 512]);
    }
}
