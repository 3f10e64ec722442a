//! [`Check`]: hashes the body as it arrives, and gives the verdict at its end.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::{
    custom::{Custom, CustomMatch, CustomRead, CustomRun},
    jwt::{JwtCheck, JwtMatch},
    mac::{Algorithm, Candidates, Verifier},
    prepared::{KeysOf, PreparedKeys},
    signed::BodyDigest,
    sorted_form::SortedForm,
    ways::WayCheck,
};
use crate::{
    rejection::{Rejection, RejectionKind},
    secret::{Names, Origin},
};

/// The verification of one delivery whose request head passed.
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate for every request"
)]
pub(crate) enum Check {
    /// The head was enough. `None` after the first call of `finish`.
    Decided(Option<Proof>),
    /// The head was rejected, and the body is read for another purpose. `None` after it was taken.
    Failed(Option<Box<Rejection>>),
    /// Code of the user decides.
    Custom(CustomRun),
    /// A token proves the body, or is in the body. Boxed: few senders use one.
    Jwt(Box<JwtCheck>),
    /// The body is signed.
    Signature(SignatureCheck),
    /// Several ways are tried, in this order.
    AnyOf(Vec<WayCheck>),
    /// The head passed, and the body says whose keys to use. It proves nothing: another check begins when
    /// the keys are found. With the time when the head arrived.
    Unkeyed { arrived: SystemTime },
}

pub(crate) struct SignatureCheck {
    pub(super) verifiers: SmallVec<[Verifier; 1]>,
    /// `None` after the first call of `finish`.
    ///
    /// They also have the names for a rejection. A clone of each name for each delivery would write to
    /// memory that all threads share.
    pub(super) keys: Option<PreparedKeys>,
    pub(super) way: u16,
    /// The position of the header with the signatures among the names of the way.
    pub(super) header: u16,
    pub(super) candidates: Candidates,
    /// What is signed in place of the body. Few senders do this.
    pub(super) in_place_of_body: Option<Box<InPlaceOfBody>>,
    pub(super) after_body: Box<[u8]>,
    pub(super) id: Option<(HeaderValue, bool)>,
    pub(super) timestamp: Option<SystemTime>,
    pub(super) authentication: Authentication,
    pub(super) body_is_signed: bool,
}

/// What is signed in place of the body.
pub(super) enum InPlaceOfBody {
    Digest(BodyDigest, Sha256),
    Form(SortedForm),
    Nothing,
}

impl Check {
    /// A check that fails with this rejection for every body.
    pub(crate) fn failed(rejection: Rejection) -> Self {
        Self::Failed(Some(Box::new(rejection)))
    }

    /// The rejection of a check that fails for every body. `None` after the first call.
    pub(crate) fn take_failure(&mut self) -> Option<Rejection> {
        match self {
            Self::Failed(rejection) => rejection.take().map(|rejection| *rejection),
            _ => None,
        }
    }

    /// Decided by a shared key. It proves no id and no time.
    pub(super) fn shared_key(names: Arc<Names>, index: usize) -> Self {
        Self::Decided(Some(Proof {
            origin: Origin::new(names, index),
            authentication: Authentication::SharedKey,
            body_is_signed: false,
            id: None,
            timestamp: None,
            expires_at: None,
            claims: None,
            _private: (),
        }))
    }

    /// Begins a check by code of the user. If the head is enough, the check is decided at once.
    pub(super) fn custom(
        custom: &Arc<Custom>,
        read: CustomRead,
        names: &Arc<Names>,
        keys: &KeysOf,
    ) -> Result<Self, Rejection> {
        let KeysOf::Custom(keys) = keys else {
            return Err(Rejection::new(RejectionKind::KeysUnavailable));
        };
        let mut run = custom.start(read, names, keys)?;
        if custom.facts.head_is_enough {
            return Ok(Self::Decided(Some(Proof::custom(run.finish(b"")?))));
        }
        Ok(Self::Custom(run))
    }

    /// Whether a key signed the token in the header. The body may still be another one.
    #[cfg(feature = "diagnosis")]
    pub(super) fn is_of_authentic_token(&self) -> bool {
        matches!(self, Self::Jwt(check) if check.is_of_header())
    }

    /// How many hash states [`update`](Self::update) feeds: the cost of a byte of the body.
    pub(crate) fn hashers(&self) -> usize {
        match self {
            Self::Decided(_) | Self::Failed(_) | Self::Unkeyed { .. } => 0,
            Self::AnyOf(ways) => ways
                .iter()
                .fold(0, |sum, way| way.check.hashers().saturating_add(sum)),
            Self::Custom(run) => run.hashers(),
            Self::Jwt(check) => check.hashers(),
            Self::Signature(check) => match check.in_place_of_body.as_deref() {
                Some(InPlaceOfBody::Digest(..)) => 1,
                Some(InPlaceOfBody::Form(_) | InPlaceOfBody::Nothing) => 0,
                None => check.verifiers.iter().map(Verifier::hashers).sum(),
            },
        }
    }

    /// Adds a piece of the body as it arrives.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Decided(_) | Self::Failed(_) | Self::Unkeyed { .. } => {}
            Self::Custom(run) => run.update(bytes),
            Self::Jwt(check) => check.update(bytes),
            Self::Signature(check) => match check.in_place_of_body.as_deref_mut() {
                Some(InPlaceOfBody::Digest(_, digest)) => digest.update(bytes),
                Some(InPlaceOfBody::Form(_) | InPlaceOfBody::Nothing) => {}
                None => check.update_verifiers(bytes),
            },
            Self::AnyOf(ways) => {
                for way in ways {
                    way.check.update(bytes);
                }
            }
        }
    }

    /// The verdict on all bytes that [`update`](Self::update) was given. `body` is the same bytes.
    ///
    /// Call it once: it finishes the hashes in place, because moving them takes time. A second
    /// call is rejected.
    pub(crate) fn finish(&mut self, body: &[u8]) -> Result<Proof, Rejection> {
        match self {
            Self::Decided(proof) => proof
                .take()
                .ok_or_else(|| Rejection::new(RejectionKind::KeyMismatch)),
            Self::Failed(rejection) => Err(rejection.take().map_or_else(
                || Rejection::new(RejectionKind::SignatureMismatch),
                |rejection| *rejection,
            )),
            Self::Custom(run) => run.finish(body).map(Proof::custom),
            Self::Jwt(check) => check.finish(body).map(Proof::token),
            Self::Signature(check) => check.finish(body),
            Self::AnyOf(ways) => WayCheck::finish(ways, body),
            Self::Unkeyed { .. } => Err(Rejection::new(RejectionKind::KeysUnavailable)),
        }
    }
}

impl SignatureCheck {
    fn update_verifiers(&mut self, bytes: &[u8]) {
        for verifier in &mut self.verifiers {
            verifier.update(bytes);
        }
    }

    fn finish(&mut self, body: &[u8]) -> Result<Proof, Rejection> {
        let kind = RejectionKind::SignatureMismatch;
        let keys = self.keys.take().ok_or_else(|| Rejection::new(kind))?;
        let names = &keys.names;
        if let Some(in_place_of_body) = self.in_place_of_body.take() {
            match *in_place_of_body {
                InPlaceOfBody::Digest(form, digest) => {
                    self.update_verifiers(form.text(&digest.finalize()).as_bytes());
                }
                InPlaceOfBody::Form(form) => {
                    form.write(body, &mut |bytes| self.update_verifiers(bytes))?;
                }
                InPlaceOfBody::Nothing => {}
            }
        }
        let matching = self
            .verifiers
            .iter_mut()
            .position(|verifier| verifier.matches(&self.candidates, &self.after_body).into())
            // A key without an owner has no name. Verifying with it costs the same as with any
            // other key, and proves nothing.
            .filter(|_| !names.are_of_placeholder())
            .ok_or_else(|| {
                let header = keys.signature_header(self.way.into(), self.header.into());
                Rejection::mismatch(kind, header, Arc::clone(names))
            })?;
        Ok(Proof {
            origin: Origin::new(Arc::clone(names), matching),
            authentication: self.authentication,
            body_is_signed: self.body_is_signed,
            id: self.id.take(),
            timestamp: self.timestamp,
            expires_at: None,
            claims: None,
            _private: (),
        })
    }
}

/// How a delivery was authenticated. This determines what is proven about it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// By a shared key inside the body: the caller knows it. It proves nothing about the body. See
    /// [`BodyKeyScheme`](crate::BodyKeyScheme).
    BodyKey,
    /// By a [`CustomScheme`](crate::CustomScheme): code of the application, or of a crate that it
    /// uses. What is proven about the body is what that code says:
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed).
    Custom,
    /// By a SHA-256 digest that includes the secret but is not a MAC. It proves that the sender
    /// made the beginning of the body. An attacker who has seen a delivery can append bytes to it
    /// (length extension). See
    /// [`keyless_sha256_open_to_length_extension`](crate::SignatureScheme::keyless_sha256_open_to_length_extension).
    KeylessDigest,
    /// By a MAC or a public-key signature that covers only a part of the body, only values that are read from
    /// it, or nothing of it. The sender made the signed pieces. An attacker may have changed everything else. See
    /// [`accept_unsigned_body`](crate::SignatureScheme::accept_unsigned_body),
    /// [`SortedForm`](crate::SortedForm) and [`BodySignatureScheme`](crate::BodySignatureScheme).
    PartialSignature,
    /// By a shared key: the caller knows it. It proves nothing about the body.
    SharedKey,
    /// By a MAC or a public-key signature over the body.
    Signature,
    /// By a signed token that does not cover the body. The sender made it for this receiver. Until it expires,
    /// a person who has it can send any body with it. See
    /// [`JwtScheme::accept_unsigned_body`](crate::JwtScheme::accept_unsigned_body).
    Token,
}

impl Authentication {
    pub(super) fn by(algorithm: Algorithm, covers_body: bool) -> Self {
        match algorithm {
            Algorithm::KeylessSha256 => Self::KeylessDigest,
            _ if !covers_body => Self::PartialSignature,
            _ => Self::Signature,
        }
    }
}

/// The proof that a key matched. Its last field is private to this file, so that only this file can make
/// one.
pub(crate) struct Proof {
    pub(crate) origin: Origin,
    pub(crate) authentication: Authentication,
    /// Whether every byte of the body is proven.
    pub(crate) body_is_signed: bool,
    /// The delivery's id, and whether the signature covers it.
    pub(crate) id: Option<(HeaderValue, bool)>,
    /// The signed time.
    pub(crate) timestamp: Option<SystemTime>,
    /// The signed time from which on the delivery is rejected.
    #[cfg_attr(
        not(feature = "replay"),
        expect(dead_code, reason = "only the replay guard reads it")
    )]
    pub(crate) expires_at: Option<SystemTime>,
    /// The claims of a token in the body. They take the place of the body.
    pub(crate) claims: Option<Bytes>,
    _private: (),
}

impl Proof {
    fn custom(matched: CustomMatch) -> Self {
        let CustomMatch {
            names,
            key,
            claims,
            custom,
        } = matched;
        let facts = &custom.facts;
        Self {
            origin: Origin::new(names, key),
            authentication: custom.authentication(),
            body_is_signed: facts.proves_body(),
            id: claims.id.map(|id| (id, facts.proves_id())),
            timestamp: claims.signed_at,
            expires_at: None,
            claims: None,
            _private: (),
        }
    }

    pub(super) fn token(matched: JwtMatch) -> Self {
        let JwtMatch {
            origin,
            is_bound,
            id,
            signed_at,
            expires_at,
            claims,
        } = matched;
        Self {
            origin,
            authentication: match is_bound {
                true => Authentication::Signature,
                false => Authentication::Token,
            },
            body_is_signed: is_bound,
            id: id.map(|id| (id, true)),
            timestamp: signed_at,
            expires_at,
            claims,
            _private: (),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::{
        scheme::{Piece, SignatureScheme},
        secret::Secret,
    };

    /// After the first call, the state of a keyless digest is that of an empty message, which anyone can
    /// sign.
    #[test]
    fn a_second_call_of_finish_is_rejected() {
        const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
            .signed([Piece::Secret, Piece::Body])
            .build()
            .expect("a scheme");
        let authenticator = scheme.authenticator();
        let secret = Secret::new("wJ4mX9").expect("a secret");
        authenticator
            .replace(&"acme".into(), &secret.into())
            .expect("a key");
        let request = Request::builder().header("x-signature", OF_NOTHING);
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let begun = authenticator.begin(&head, &SystemTime::now);
        let mut check = begun.expect("a signature that can be read");
        assert!(check.finish(b"").is_err());
        assert!(check.finish(b"").is_err());
    }
}
