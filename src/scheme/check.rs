//! What the body decides: hashed as it comes, judged when it ends.

use std::{sync::Arc, time::SystemTime};

use http::HeaderValue;
use smallvec::SmallVec;

use super::{
    authenticator::Keyed,
    builder::Signed,
    mac::{Candidates, Verifier},
};
use crate::rejection::{Rejection, RejectionKind};

/// What is still to be proven about one delivery whose head passed.
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate for every request"
)]
pub(crate) enum Check {
    /// The head was proof enough.
    Decided(Proof),
    /// The body is signed.
    Signature(SignatureCheck),
}

pub(crate) struct SignatureCheck {
    pub(super) keyed: Arc<Keyed<Signed, Verifier>>,
    pub(super) verifiers: SmallVec<[Verifier; 1]>,
    pub(super) candidates: Candidates,
    pub(super) after_body: Vec<u8>,
    pub(super) id: Option<(HeaderValue, bool)>,
    pub(super) timestamp: Option<SystemTime>,
}

impl Check {
    /// Decided by a shared key, which says nothing of an id or a time.
    pub(super) fn shared_key(key_name: &Arc<str>) -> Self {
        Self::Decided(Proof {
            key_name: Arc::clone(key_name),
            authentication: Authentication::SharedKey,
            id: None,
            timestamp: None,
            _private: (),
        })
    }

    /// Takes in a piece of the body as it arrives.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Self::Signature(check) = self {
            for verifier in &mut check.verifiers {
                verifier.update_body(bytes);
            }
        }
    }

    /// The verdict over the whole body: the bytes given to [`update`](Self::update), in one piece.
    ///
    /// To be asked once: the hashes end with it, where they are, since moving them costs.
    pub(crate) fn finish(&mut self, body: &[u8]) -> Result<Proof, Rejection> {
        match self {
            Self::Decided(proof) => Ok(proof.clone()),
            Self::Signature(check) => check.finish(body),
        }
    }
}

impl SignatureCheck {
    fn finish(&mut self, body: &[u8]) -> Result<Proof, Rejection> {
        let matching = self
            .verifiers
            .iter_mut()
            .position(|verifier| {
                verifier
                    .matches(&self.candidates, body, &self.after_body)
                    .into()
            })
            .and_then(|index| self.keyed.keys.get(index))
            .ok_or_else(|| Rejection::new(RejectionKind::SignatureMismatch))?;
        Ok(Proof {
            key_name: Arc::clone(&matching.0),
            authentication: Authentication::Signature,
            id: self.id.take(),
            timestamp: self.timestamp,
            _private: (),
        })
    }
}

/// How a delivery was authenticated.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// By a shared key: the caller knew it. Nothing of what was sent is covered.
    SharedKey,
    /// By a signature over the body.
    Signature,
}

/// That a key matched. Its last field is private to this file: nobody else can make one.
#[derive(Clone)]
pub(crate) struct Proof {
    pub(crate) key_name: Arc<str>,
    pub(crate) authentication: Authentication,
    /// The delivery's id, and whether the signature covers it.
    pub(crate) id: Option<(HeaderValue, bool)>,
    /// The signed time.
    pub(crate) timestamp: Option<SystemTime>,
    _private: (),
}
