//! JSON Web Tokens: a token in a header or in the body, whose claims bind it to the delivery.
//!
//! A token in a header is verified before the body is read. The body is hashed as it arrives, and its hash
//! is compared with a claim at its end. A token in the body is verified at the end of the body.

mod builder;
mod check;
mod claims;
mod compact;
mod describe;
#[cfg(feature = "ed25519")]
mod detached;
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
mod jwk;
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
mod jwks;
mod key;
mod members;
mod place;
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
mod public;
#[cfg(feature = "testing")]
mod sign;

use std::{sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, request::Parts};

pub(crate) use self::check::{JwtCheck, JwtMatch};
#[cfg(feature = "ed25519")]
pub(crate) use self::detached::DetachedEdDsa;
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
pub use self::jwks::JwkSet;
pub(crate) use self::key::JwtKey;
pub use self::{builder::JwtScheme, place::TokenPlace};
use self::{
    claims::{Binding, Judged, Rules},
    compact::{Compact, TokenHeader},
    key::JwtAlgorithm,
    members::Members,
    place::CheckedPlace,
};
use super::{
    check::{Check, Proof},
    headers::mark_sensitive,
    key::KeyText,
    prepared::{KeysOf, PreparedKeys},
};
use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
    secret::{Keys, Origin},
};

/// A [`JwtScheme`] that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    algorithms: Vec<JwtAlgorithm>,
    place: CheckedPlace,
    rules: Rules,
    pub(super) key: KeyText,
}

/// The id of the key that the token names. Any client can have written it.
pub(crate) fn key_id(
    place: TokenPlace,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Option<String> {
    let place = place.check().ok()?;
    let token = match place.in_head(headers).ok()? {
        Some(token) => token.to_vec(),
        None => place.in_body(body?)?,
    };
    let header = token.split(|byte| *byte == b'.').next()?;
    TokenHeader::read(header)?.key_id
}

/// What was read from a request head that passed.
pub(super) struct JwtHead<'a> {
    now: SystemTime,
    url: Option<Vec<u8>>,
    /// `None` if the token is in the body.
    token: Option<(Compact<'a>, JwtAlgorithm, Judged)>,
}

impl Jwt {
    /// Everything that the request head decides without a key.
    pub(super) fn read_head<'a>(
        &self,
        head: &'a Parts,
        clock: &dyn Clock,
    ) -> Result<JwtHead<'a>, Rejection> {
        let token = self.place.in_head(&head.headers)?;
        let (url, now) = (self.rules.url_text(head)?, clock.now());
        let token = match token {
            None => None,
            Some(token) => {
                let (compact, algorithm) = self.take_apart(token)?;
                let judged = self.judge(&compact, url.as_deref(), now)?;
                Some((compact, algorithm, judged))
            }
        };
        Ok(JwtHead { now, url, token })
    }

    /// The parts of a token whose algorithm is one of this scheme.
    fn take_apart<'a>(&self, token: &'a [u8]) -> Result<(Compact<'a>, JwtAlgorithm), Rejection> {
        let compact = Compact::read(token);
        let compact = compact.ok_or_else(|| self.malformed(Fixed::Token, token))?;
        let algorithm = compact.header.algorithm;
        let algorithm = algorithm
            .filter(|named| self.algorithms.contains(named))
            .ok_or_else(|| self.malformed(Fixed::TokenAlgorithm, token))?;
        Ok((compact, algorithm))
    }

    fn judge(
        &self,
        token: &Compact<'_>,
        url: Option<&[u8]>,
        now: SystemTime,
    ) -> Result<Judged, Rejection> {
        let claims = Members::read(&token.payload);
        let claims = claims.ok_or_else(|| self.malformed(Fixed::Token, token.signed))?;
        self.rules.judge(&claims, url, now, self.place.header())
    }

    fn malformed(&self, expected: Fixed, token: &[u8]) -> Rejection {
        let (expected, found) = (ExpectedShape::fixed(expected), FoundShape::of_token(token));
        Rejection::token(self.place.header(), expected, found)
    }

    /// Verifies a token in a header, and begins to hash the body.
    pub(super) fn start(
        self: &Arc<Self>,
        read: JwtHead<'_>,
        keys: PreparedKeys,
        way: usize,
    ) -> Result<Check, Rejection> {
        let JwtHead { now, url, token } = read;
        let Some((compact, algorithm, judged)) = token else {
            return Ok(Check::Jwt(Box::new(JwtCheck::of_body(
                self, keys, way, url, now,
            ))));
        };
        let origin = self.verify(&compact, algorithm, &keys, way)?;
        Ok(match self.rules.binding {
            Binding::Nothing => Check::Decided(Some(Proof::token(JwtMatch::of_head(origin)))),
            Binding::Hash { .. } | Binding::IsToken => {
                Check::Jwt(Box::new(JwtCheck::of_hash(self, origin, judged)))
            }
        })
    }

    /// The key that signed the token.
    fn verify(
        &self,
        token: &Compact<'_>,
        algorithm: JwtAlgorithm,
        prepared: &PreparedKeys,
        way: usize,
    ) -> Result<Origin, Rejection> {
        let KeysOf::Jwt(keys) = prepared.of_way(way)? else {
            return Err(Rejection::new(RejectionKind::KeysUnavailable));
        };
        let names = &prepared.names;
        let id = token.header.key_id.as_deref();
        let verifies = |key: &JwtKey| {
            key.may_be(id) && key.verifies(algorithm, token.signed, &token.signature)
        };
        keys.iter()
            .position(verifies)
            // A key without an owner has no name, and a match with it proves nothing.
            .filter(|_| !names.are_of_placeholder())
            .map(|key| Origin::new(Arc::clone(names), key))
            .ok_or_else(|| {
                let kind = RejectionKind::SignatureMismatch;
                Rejection::mismatch(kind, self.place.header(), Arc::clone(names))
            })
    }

    /// The keys that this way can decode. `took` is called for each key.
    pub(super) fn prepare(
        &self,
        provider: &Arc<str>,
        keys: &Keys,
        mut took: impl FnMut(usize, Option<ConfigError>),
    ) -> Result<Vec<JwtKey>, ConfigError> {
        // A vector that grows would leave copies of the keys in memory that is not wiped.
        let mut prepared = Vec::with_capacity(keys.iter().len());
        for (place, key) in keys.iter().enumerate() {
            match self.key(&key.secret) {
                Ok(key) => {
                    prepared.push(key);
                    took(place, None);
                }
                Err(error) => {
                    let name = &key.name;
                    let error = ConfigError::new(format!("{provider}: key {name:?}: {error}"));
                    took(place, Some(error));
                }
            }
        }
        let usable = prepared.iter().filter(|key| !key.is_unusable()).count();
        if usable == 0 && !prepared.is_empty() {
            return Err(ConfigError::new(format!(
                "{provider}: no key is for the algorithm {}: check the algorithm in the sender's settings",
                self.algorithm_names(),
            )));
        }
        let most = self
            .algorithms
            .iter()
            .filter_map(|one| one.most_keys())
            .min();
        if let Some(most) = most.filter(|most| usable > *most) {
            return Err(ConfigError::new(format!(
                "{provider}: {usable} public keys, but at most {most} are tried for a delivery: remove those \
                 that are no longer used",
            )));
        }
        Ok(prepared)
    }

    fn algorithm_names(&self) -> String {
        let names: Vec<_> = self.algorithms.iter().map(|one| one.name()).collect();
        names.join(" or ")
    }

    fn key(&self, secret: &crate::secret::Secret) -> Result<JwtKey, ConfigError> {
        JwtKey::new(&self.algorithms, &self.key, secret)
    }

    /// A key that is not secret. Verifying with it costs as much as with any other key.
    pub(super) fn placeholder_key(&self) -> JwtKey {
        JwtKey::placeholder(&self.algorithms)
    }

    /// Whether each verification costs more than a MAC.
    pub(super) fn is_expensive(&self) -> bool {
        self.algorithms.iter().any(|one| !one.is_symmetric())
    }

    /// Whether the request head decides whether the token is authentic.
    pub(super) fn is_in_head(&self) -> bool {
        self.place.header().is_some()
    }

    pub(super) fn header(&self) -> Option<&HeaderName> {
        self.place.header()
    }

    /// Whether every byte of the body that is handed on is proven.
    pub(super) fn proves_body(&self) -> bool {
        !matches!(self.rules.binding, Binding::Nothing)
    }

    #[cfg(feature = "replay")]
    pub(super) fn proves_id_or_time(&self) -> bool {
        self.proves_body() && (self.rules.id.is_some() || self.rules.max_age.is_some())
    }

    /// How old a delivery may be.
    #[cfg(feature = "replay")]
    pub(super) fn tolerance(&self) -> Option<std::time::Duration> {
        let (_, max_age) = self.rules.max_age.as_ref().filter(|_| self.proves_body())?;
        Some(*max_age)
    }

    /// The same scheme with another age. `None` if the time of signing is not required.
    pub(super) fn with_tolerance(&self, tolerance: std::time::Duration) -> Option<Self> {
        let mut jwt = self.clone();
        jwt.rules.max_age.as_mut()?.1 = tolerance;
        Some(jwt)
    }

    /// Marks the header as sensitive: until it expires, a token is as good as a key.
    pub(super) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        if let Some(name) = self.place.header() {
            mark_sensitive(headers, name);
        }
    }
}
