//! [`JwtCheck`]: hashes the body of a token in a header, or verifies a token in the body.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Binding, Fixed, Judged, Jwt};
use crate::{
    rejection::{Rejection, RejectionKind},
    scheme::prepared::PreparedKeys,
    secret::Origin,
};

/// The check of one delivery whose request head passed.
pub(crate) struct JwtCheck {
    jwt: Arc<Jwt>,
    run: Run,
}

enum Run {
    Done,
    /// The token in the header is authentic. Its claim has the hash of the body.
    Hash {
        origin: Origin,
        judged: Judged,
        state: Sha256,
        is_empty: bool,
    },
    /// The token is in the body.
    InBody {
        keys: PreparedKeys,
        way: usize,
        url: Option<Vec<u8>>,
        now: SystemTime,
    },
}

/// What is proven after a token was verified.
pub(crate) struct JwtMatch {
    pub(crate) origin: Origin,
    pub(crate) is_bound: bool,
    pub(crate) id: Option<HeaderValue>,
    pub(crate) signed_at: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
    /// The claims that are handed on in place of the body.
    pub(crate) claims: Option<Bytes>,
}

impl JwtMatch {
    /// A token that does not cover the body, so it proves no id and no time of the delivery.
    pub(super) fn of_head(origin: Origin) -> Self {
        Self {
            origin,
            is_bound: false,
            id: None,
            signed_at: None,
            expires_at: None,
            claims: None,
        }
    }

    fn new(origin: Origin, judged: Judged, claims: Option<Bytes>) -> Self {
        Self {
            origin,
            is_bound: true,
            id: judged.id,
            signed_at: judged.signed_at,
            expires_at: judged.expires_at,
            claims,
        }
    }
}

impl JwtCheck {
    pub(super) fn of_hash(jwt: &Arc<Jwt>, origin: Origin, judged: Judged) -> Self {
        Self {
            jwt: Arc::clone(jwt),
            run: Run::Hash {
                origin,
                judged,
                state: Sha256::new(),
                is_empty: true,
            },
        }
    }

    pub(super) fn of_body(
        jwt: &Arc<Jwt>,
        keys: PreparedKeys,
        way: usize,
        url: Option<Vec<u8>>,
        now: SystemTime,
    ) -> Self {
        Self {
            jwt: Arc::clone(jwt),
            run: Run::InBody {
                keys,
                way,
                url,
                now,
            },
        }
    }

    /// Whether the token was in a header.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn is_of_header(&self) -> bool {
        matches!(self.run, Run::Hash { .. })
    }

    /// How many hash states [`update`](Self::update) feeds. A token in the body is hashed at its end.
    pub(crate) fn hashers(&self) -> usize {
        match self.run {
            Run::Hash { .. } => 1,
            Run::Done | Run::InBody { .. } => 0,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Run::Hash {
            state, is_empty, ..
        } = &mut self.run
        {
            state.update(bytes);
            *is_empty = *is_empty && bytes.is_empty();
        }
    }

    /// The verdict on the whole body. A second call is rejected.
    pub(crate) fn finish(&mut self, body: &[u8]) -> Result<JwtMatch, Rejection> {
        let jwt = &self.jwt;
        match std::mem::replace(&mut self.run, Run::Done) {
            Run::Done => Err(Rejection::new(RejectionKind::SignatureMismatch)),
            Run::Hash {
                origin,
                judged,
                state,
                is_empty,
            } => {
                let hash: [u8; 32] = state.finalize().into();
                let is_right = match (&jwt.rules.binding, judged.body) {
                    // The claim is absent exactly if the body is empty.
                    (
                        Binding::Hash {
                            absent_if_empty: true,
                            ..
                        },
                        Some(_),
                    ) if is_empty => false,
                    (_, Some(claimed)) => claimed.ct_eq(&hash).into(),
                    (_, None) => is_empty,
                };
                if !is_right {
                    let kind = RejectionKind::BodyHashMismatch;
                    return Err(match jwt.place.header() {
                        Some(header) => Rejection::header(kind, header),
                        None => Rejection::new(kind),
                    });
                }
                Ok(JwtMatch::new(origin, judged, None))
            }
            Run::InBody {
                keys,
                way,
                url,
                now,
            } => {
                let token = jwt.place.in_body(body);
                let token = token.ok_or_else(|| jwt.malformed(Fixed::Token, body))?;
                let (compact, algorithm) = jwt.take_apart(&token)?;
                let judged = jwt.judge(&compact, url.as_deref(), now)?;
                let origin = jwt.verify(&compact, algorithm, &keys, way)?;
                Ok(JwtMatch::new(origin, judged, Some(compact.payload.into())))
            }
        }
    }
}
