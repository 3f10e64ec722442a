//! How a delivery proves itself, as data: bytes in, verdict out. Knows neither tower nor providers.
//!
//! A [`Scheme`] with its keys is an `Authenticator`. It looks at a request's head and either refuses
//! it or begins a `Check`. The check is fed with the body as it arrives, and its end is a [`Proof`],
//! which nothing outside this folder can make.

mod builder;
mod headers;
mod key;
mod mac;
mod shared_key;
#[cfg(feature = "testing")]
mod sign;
mod signature;
mod signed;
mod timestamp;

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use smallvec::SmallVec;

#[cfg(feature = "testing")]
pub(crate) use self::sign::SigningKey;
pub use self::{
    builder::SignatureScheme,
    key::KeyEncoding,
    shared_key::SharedKeyScheme,
    signature::Encoding,
    signed::{Piece, SignedUrl},
    timestamp::Timestamp,
};
use self::{
    builder::Signed,
    headers::single,
    mac::{Candidates, Verifier},
    shared_key::{KeyDigest, SharedKey},
    signature::Presented,
    signed::Facts,
};
use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
    secret::Keys,
};

/// How a delivery proves itself: built from a [`SignatureScheme`] or a [`SharedKeyScheme`].
#[derive(Clone, Debug)]
pub struct Scheme(Kind);

#[derive(Clone, Debug)]
enum Kind {
    SharedKey(Arc<SharedKey>),
    Signature(Arc<Signed>),
}

impl Scheme {
    /// Whether a signature covers the value of this header.
    pub(crate) fn covers_header(&self, name: &HeaderName) -> bool {
        match &self.0 {
            Kind::SharedKey(_) => false,
            Kind::Signature(signed) => signed.content.covers_header(name),
        }
    }

    /// Marks what came in the head and is itself a secret.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        if let Kind::SharedKey(shared_key) = &self.0 {
            shared_key.mark_sensitive(headers);
        }
    }

    /// The scheme with its keys: what is costly about them is done here, once.
    pub(crate) fn authenticator(&self, keys: &Keys) -> Result<Authenticator, ConfigError> {
        let named =
            |error: ConfigError, name: &str| ConfigError::new(format!("key {name:?}: {error}"));
        Ok(match &self.0 {
            Kind::SharedKey(scheme) => Authenticator::SharedKey {
                scheme: Arc::clone(scheme),
                keys: keys
                    .iter()
                    .map(|key| (Arc::clone(&key.name), scheme.key(&key.secret)))
                    .collect(),
            },
            Kind::Signature(scheme) => Authenticator::Signature {
                scheme: Arc::clone(scheme),
                keys: keys
                    .iter()
                    .map(|key| {
                        let verifier = scheme
                            .key
                            .decode(&key.secret)
                            .and_then(|bytes| scheme.algorithm.key(&bytes, &key.secret))
                            .map_err(|error| named(error, &key.name))?;
                        Ok((Arc::clone(&key.name), verifier))
                    })
                    .collect::<Result<_, ConfigError>>()?,
            },
        })
    }
}

/// A scheme with its keys.
pub(crate) enum Authenticator {
    SharedKey {
        scheme: Arc<SharedKey>,
        keys: Vec<(Arc<str>, KeyDigest)>,
    },
    Signature {
        scheme: Arc<Signed>,
        keys: Vec<(Arc<str>, Verifier)>,
    },
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator([redacted])")
    }
}

impl Authenticator {
    /// The names of the keys, in the order in which they are tried.
    pub(crate) fn key_names(&self) -> Vec<String> {
        match self {
            Self::SharedKey { keys, .. } => keys.iter().map(|(name, _)| name.to_string()).collect(),
            Self::Signature { keys, .. } => keys.iter().map(|(name, _)| name.to_string()).collect(),
        }
    }

    /// All that can be decided from the head. What passes begins to read the body.
    pub(crate) fn begin(
        self: &Arc<Self>,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<Check, Rejection> {
        match &**self {
            Self::SharedKey { scheme, keys } => {
                let presented = scheme.read(&head.headers)?;
                let matching = keys
                    .iter()
                    .find(|(_, key)| key.matches(&presented).into())
                    .ok_or_else(|| Rejection::new(RejectionKind::KeyMismatch))?;
                Ok(Check::Decided(Proof {
                    key_name: Arc::clone(&matching.0),
                    authentication: Authentication::SharedKey,
                    id: None,
                    timestamp: None,
                    _private: (),
                }))
            }
            Self::Signature { scheme, keys } => scheme.begin(self, keys, head, clock),
        }
    }
}

impl Signed {
    fn begin(
        &self,
        authenticator: &Arc<Authenticator>,
        keys: &[(Arc<str>, Verifier)],
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<Check, Rejection> {
        let headers = &head.headers;
        for (name, value) in &self.required {
            let present = single(headers, name)?
                .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
            if present.as_bytes() != value.as_bytes() {
                return Err(Rejection::header(RejectionKind::HeaderMalformed, name));
            }
        }
        let Presented {
            candidates,
            timestamp: tagged,
            family,
        } = self.signature.read(headers, self.algorithm)?;
        let id = self.id(headers, family)?;
        let (written, timestamp) = match self.timestamp(headers, tagged, family, clock)? {
            Some((written, timestamp)) => (written, Some(timestamp)),
            None => (&[][..], None),
        };
        let facts = Facts {
            id: id.map(|(name, value)| (name, value.as_bytes())),
            timestamp: written,
        };

        let mut check = SignatureCheck {
            authenticator: Arc::clone(authenticator),
            verifiers: SmallVec::with_capacity(keys.len()),
            candidates,
            after_body: Vec::new(),
            id: id.map(|(_, value)| (value.clone(), self.content.covers_id())),
            timestamp: timestamp.filter(|_| self.content.covers_timestamp()),
        };
        for (_, verifier) in keys {
            check.verifiers.push(verifier.clone());
        }
        self.content
            .write(&self.content.before_body, head, &facts, &mut |bytes| {
                for verifier in &mut check.verifiers {
                    match bytes {
                        Some(bytes) => verifier.update(bytes),
                        None => verifier.update_secret(),
                    }
                }
            })?;
        self.content
            .write(&self.content.after_body, head, &facts, &mut |bytes| {
                check
                    .after_body
                    .extend_from_slice(bytes.unwrap_or_default());
            })?;
        Ok(Check::Signature(check))
    }

    fn id<'a>(
        &'a self,
        headers: &'a HeaderMap,
        family: Option<usize>,
    ) -> Result<Option<(&'a HeaderName, &'a HeaderValue)>, Rejection> {
        let Some(name) = self
            .id_headers
            .as_ref()
            .and_then(|names| names.pick(headers, family))
        else {
            return Ok(None);
        };
        match single(headers, name)? {
            Some(value)
                if value.as_bytes().iter().all(u8::is_ascii_graphic) && !value.is_empty() =>
            {
                Ok(Some((name, value)))
            }
            // An id that is not signed proves nothing, present or not.
            _ if !self.content.covers_id() => Ok(None),
            Some(_) => Err(Rejection::header(RejectionKind::HeaderMalformed, name)),
            None => Err(Rejection::header(RejectionKind::HeaderMissing, name)),
        }
    }

    /// The timestamp as it is written, and as a time that is near enough to now.
    fn timestamp<'a>(
        &'a self,
        headers: &'a HeaderMap,
        tagged: Option<&'a [u8]>,
        family: Option<usize>,
        clock: &dyn Clock,
    ) -> Result<Option<(&'a [u8], SystemTime)>, Rejection> {
        let Some(timestamp) = &self.timestamp else {
            return Ok(None);
        };
        let from = self
            .timestamp_headers
            .as_ref()
            .and_then(|names| names.pick(headers, family))
            .or(self.signature.names.names().first());
        let reject = |kind| match from {
            Some(name) => Rejection::header(kind, name),
            None => Rejection::new(kind),
        };
        let written = match (&self.timestamp_headers, from) {
            (Some(_), Some(name)) => single(headers, name)?
                .map(HeaderValue::as_bytes)
                .ok_or_else(|| reject(RejectionKind::HeaderMissing))?,
            _ => tagged.ok_or_else(|| reject(RejectionKind::HeaderMissing))?,
        };
        let signed = timestamp
            .read(written)
            .ok_or_else(|| reject(RejectionKind::HeaderMalformed))?;
        if timestamp.tolerance.is_some() {
            timestamp.judge(signed, clock.now()).map_err(reject)?;
        }
        Ok(Some((written, signed)))
    }
}

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
    authenticator: Arc<Authenticator>,
    verifiers: SmallVec<[Verifier; 1]>,
    candidates: Candidates,
    after_body: Vec<u8>,
    id: Option<(HeaderValue, bool)>,
    timestamp: Option<SystemTime>,
}

impl Check {
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
            .and_then(|index| match &*self.authenticator {
                Authenticator::Signature { keys, .. } => keys.get(index),
                Authenticator::SharedKey { .. } => None,
            })
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

/// That a key matched. Its last field is private to this folder: nobody else can make one.
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
