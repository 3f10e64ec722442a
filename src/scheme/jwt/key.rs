//! [`JwtKey`]: a key, prepared for the algorithms of a scheme.

#[cfg(any(feature = "ecdsa-p256", feature = "ed25519"))]
use std::sync::Arc;

use hmac::{Hmac, Mac};
#[cfg(any(feature = "ecdsa-p256", feature = "rsa"))]
use sha2::Digest;
use sha2::{Sha256, Sha384, Sha512};
use smallvec::SmallVec;
use zeroize::Zeroizing;

#[cfg(any(feature = "ecdsa-p256", feature = "ed25519"))]
use super::public;
#[cfg(feature = "rsa")]
use crate::scheme::rsa::{RsaHash, RsaKey};
use crate::{
    error::ConfigError,
    scheme::{
        key::KeyText,
        mac::{Algorithm, hmac},
    },
    secret::Secret,
};

/// The algorithms of [RFC 7518 section 3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1) that a scheme
/// can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtAlgorithm {
    #[cfg(feature = "ed25519")]
    EdDsa,
    #[cfg(feature = "ecdsa-p256")]
    Es256,
    Hs256,
    Hs384,
    Hs512,
    #[cfg(feature = "rsa")]
    Rs256,
    #[cfg(feature = "rsa")]
    Rs384,
    #[cfg(feature = "rsa")]
    Rs512,
}

impl JwtAlgorithm {
    const ALL: &'static [Self] = &[
        #[cfg(feature = "ed25519")]
        Self::EdDsa,
        #[cfg(feature = "ecdsa-p256")]
        Self::Es256,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        #[cfg(feature = "rsa")]
        Self::Rs256,
        #[cfg(feature = "rsa")]
        Self::Rs384,
        #[cfg(feature = "rsa")]
        Self::Rs512,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "ed25519")]
            Self::EdDsa => "EdDSA",
            #[cfg(feature = "ecdsa-p256")]
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            #[cfg(feature = "rsa")]
            Self::Rs256 => "RS256",
            #[cfg(feature = "rsa")]
            Self::Rs384 => "RS384",
            #[cfg(feature = "rsa")]
            Self::Rs512 => "RS512",
        }
    }

    /// The algorithm of this name. The names are case-sensitive.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Whether sender and receiver have the same key.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// How many public keys one delivery may cost. `None` for a MAC.
    pub(super) fn most_keys(self) -> Option<usize> {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => None,
            #[cfg(feature = "rsa")]
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Some(8),
            #[cfg(any(feature = "ecdsa-p256", feature = "ed25519"))]
            _ => Some(16),
        }
    }

    /// The key of this algorithm in the secret, and its id.
    /// `None` for a public key of another algorithm.
    fn key(
        self,
        text: &KeyText,
        secret: &Secret,
    ) -> Result<Option<(Keyed, Option<String>)>, ConfigError> {
        let keyed = match self {
            Self::Hs256 => Keyed::Hs256(hmac(&symmetric(text, secret)?)),
            Self::Hs384 => Keyed::Hs384(Box::new(hmac(&symmetric(text, secret)?))),
            Self::Hs512 => Keyed::Hs512(Box::new(hmac(&symmetric(text, secret)?))),
            #[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
            _ => return self.public_key(text, secret),
        };
        Ok(Some((keyed, None)))
    }

    /// A key for a tenant that is not known. It is in the source code, so a match with it proves nothing.
    fn placeholder_key(self) -> Option<Keyed> {
        let key = [1; 32];
        Some(match self {
            Self::Hs256 => Keyed::Hs256(hmac(&key)),
            Self::Hs384 => Keyed::Hs384(Box::new(hmac(&key))),
            Self::Hs512 => Keyed::Hs512(Box::new(hmac(&key))),
            #[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
            _ => self.public_placeholder_key()?,
        })
    }
}

fn symmetric(text: &KeyText, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    text.decode(secret, Algorithm::HmacSha256)
}

/// A key for each algorithm of a scheme. The type of a key is that of its algorithm, so a public key is
/// never the secret of a MAC.
pub(crate) struct JwtKey {
    /// The id of the key. A key without an id may have signed every token.
    id: Option<String>,
    /// Empty for a key of another type than those of the scheme. A sender may publish one.
    keyed: SmallVec<[(JwtAlgorithm, Keyed); 1]>,
}

pub(super) enum Keyed {
    #[cfg(feature = "ed25519")]
    EdDsa(Arc<ed25519_dalek::VerifyingKey>),
    #[cfg(feature = "ecdsa-p256")]
    Es256(Arc<p256::ecdsa::VerifyingKey>),
    Hs256(Hmac<Sha256>),
    // These states are twice as large.
    Hs384(Box<Hmac<Sha384>>),
    Hs512(Box<Hmac<Sha512>>),
    #[cfg(feature = "rsa")]
    Rsa(RsaKey),
}

impl JwtKey {
    pub(super) fn new(
        algorithms: &[JwtAlgorithm],
        text: &KeyText,
        secret: &Secret,
    ) -> Result<Self, ConfigError> {
        let mut keyed = SmallVec::new();
        let mut id = None;
        for algorithm in algorithms {
            if let Some((key, named)) = algorithm.key(text, secret)? {
                keyed.push((*algorithm, key));
                id = named;
            }
        }
        Ok(Self { id, keyed })
    }

    /// Whether no algorithm of the scheme can use the key.
    pub(super) fn is_unusable(&self) -> bool {
        self.keyed.is_empty()
    }

    pub(super) fn placeholder(algorithms: &[JwtAlgorithm]) -> Self {
        let keyed = algorithms
            .iter()
            .filter_map(|algorithm| Some((*algorithm, algorithm.placeholder_key()?)));
        Self {
            id: None,
            keyed: keyed.collect(),
        }
    }

    /// Whether this key may have signed a token that names this key id.
    pub(super) fn may_be(&self, id: Option<&str>) -> bool {
        match (id, &self.id) {
            (Some(named), Some(id)) => named == id,
            _ => true,
        }
    }

    /// The Ed25519 key, if it is one.
    #[cfg(feature = "ed25519")]
    pub(super) fn ed25519(&self) -> Option<&ed25519_dalek::VerifyingKey> {
        self.keyed.iter().find_map(|(_, key)| match key {
            Keyed::EdDsa(key) => Some(&**key),
            _ => None,
        })
    }

    /// Whether the signature is that of `signed` under this key. A MAC is compared in constant time.
    pub(super) fn verifies(
        &self,
        algorithm: JwtAlgorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some((_, key)) = self.keyed.iter().find(|(known, _)| *known == algorithm) else {
            return false;
        };
        match key {
            #[cfg(feature = "ed25519")]
            Keyed::EdDsa(key) => public::ed25519_verifies(key, signed, signature),
            #[cfg(feature = "ecdsa-p256")]
            Keyed::Es256(key) => public::p256_verifies(key, &Sha256::digest(signed), signature),
            #[cfg(feature = "rsa")]
            Keyed::Rsa(key) => match algorithm {
                JwtAlgorithm::Rs384 => {
                    key.verifies(RsaHash::Sha384, &Sha384::digest(signed), signature)
                }
                JwtAlgorithm::Rs512 => {
                    key.verifies(RsaHash::Sha512, &Sha512::digest(signed), signature)
                }
                _ => key.verifies(RsaHash::Sha256, &Sha256::digest(signed), signature),
            },
            Keyed::Hs256(mac) => mac
                .clone()
                .chain_update(signed)
                .verify_slice(signature)
                .is_ok(),
            Keyed::Hs384(mac) => {
                let mac = (**mac).clone();
                mac.chain_update(signed).verify_slice(signature).is_ok()
            }
            Keyed::Hs512(mac) => {
                let mac = (**mac).clone();
                mac.chain_update(signed).verify_slice(signature).is_ok()
            }
        }
    }

    /// The algorithm and the MAC with which this key signs. `None` for a public key.
    #[cfg(feature = "testing")]
    pub(super) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        let (_, key) = self.keyed.first()?;
        Some(match key {
            Keyed::Hs256(mac) => mac
                .clone()
                .chain_update(signed)
                .finalize()
                .into_bytes()
                .to_vec(),
            Keyed::Hs384(mac) => {
                let mac = (**mac).clone();
                mac.chain_update(signed).finalize().into_bytes().to_vec()
            }
            Keyed::Hs512(mac) => {
                let mac = (**mac).clone();
                mac.chain_update(signed).finalize().into_bytes().to_vec()
            }
            #[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the time of a rejection tells whether a tenant exists.
    #[test]
    fn each_algorithm_has_a_key_for_tenants_that_are_not_known() {
        for algorithm in JwtAlgorithm::ALL {
            assert!(
                algorithm.placeholder_key().is_some(),
                "{}",
                algorithm.name()
            );
        }
    }
}
