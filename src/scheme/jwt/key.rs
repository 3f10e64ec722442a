//! [`JwtKey`]: a key, prepared for the algorithms of a scheme.

use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384, Sha512};
use smallvec::SmallVec;
use zeroize::Zeroizing;

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
    Hs256,
    Hs384,
    Hs512,
}

impl JwtAlgorithm {
    const ALL: &'static [Self] = &[Self::Hs256, Self::Hs384, Self::Hs512];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
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
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => true,
        }
    }

    /// The key of this algorithm in the secret.
    fn key(self, text: &KeyText, secret: &Secret) -> Result<Keyed, ConfigError> {
        Ok(match self {
            Self::Hs256 => Keyed::Hs256(hmac(&symmetric(text, secret)?)),
            Self::Hs384 => Keyed::Hs384(Box::new(hmac(&symmetric(text, secret)?))),
            Self::Hs512 => Keyed::Hs512(Box::new(hmac(&symmetric(text, secret)?))),
        })
    }

    /// A key for a tenant that is not known. It is in the source code, so a match with it proves nothing.
    fn key_of_nobody(self) -> Option<Keyed> {
        let key = [1; 32];
        Some(match self {
            Self::Hs256 => Keyed::Hs256(hmac(&key)),
            Self::Hs384 => Keyed::Hs384(Box::new(hmac(&key))),
            Self::Hs512 => Keyed::Hs512(Box::new(hmac(&key))),
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
    keyed: SmallVec<[(JwtAlgorithm, Keyed); 1]>,
}

enum Keyed {
    Hs256(Hmac<Sha256>),
    // These states are twice as large.
    Hs384(Box<Hmac<Sha384>>),
    Hs512(Box<Hmac<Sha512>>),
}

impl JwtKey {
    pub(super) fn new(
        algorithms: &[JwtAlgorithm],
        text: &KeyText,
        secret: &Secret,
    ) -> Result<Self, ConfigError> {
        let keyed = algorithms
            .iter()
            .map(|algorithm| Ok((*algorithm, algorithm.key(text, secret)?)));
        Ok(Self {
            id: None,
            keyed: keyed.collect::<Result<_, ConfigError>>()?,
        })
    }

    pub(super) fn of_nobody(algorithms: &[JwtAlgorithm]) -> Self {
        let keyed = algorithms
            .iter()
            .filter_map(|algorithm| Some((*algorithm, algorithm.key_of_nobody()?)));
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
        })
    }
}
