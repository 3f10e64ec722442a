//! What the head decides: who may send a body at all.

use std::{sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use smallvec::SmallVec;

use super::{
    builder::Signed,
    check::{Check, SignatureCheck},
    headers::{is_readable_id, single},
    mac::Verifier,
    shared_key::{KeyDigest, SharedKey},
    signature::Presented,
    signed::Facts,
};
use crate::{
    clock::Clock,
    rejection::{Rejection, RejectionKind},
};

/// A scheme with its keys. A clone is one more reference to the same.
#[derive(Clone)]
pub(crate) enum Authenticator {
    SharedKey(Arc<Keyed<SharedKey, KeyDigest>>),
    Signature(Arc<Keyed<Signed, Verifier>>),
}

/// A scheme, and what it makes of each key, by the key's name.
pub(crate) struct Keyed<S, K> {
    pub(super) scheme: Arc<S>,
    pub(super) keys: Vec<(Arc<str>, K)>,
}

impl<S, K> Keyed<S, K> {
    fn names(&self) -> Vec<String> {
        self.keys.iter().map(|(name, _)| name.to_string()).collect()
    }
}

impl Authenticator {
    /// The names of the keys, in the order in which they are tried.
    pub(crate) fn key_names(&self) -> Vec<String> {
        match self {
            Self::SharedKey(keyed) => keyed.names(),
            Self::Signature(keyed) => keyed.names(),
        }
    }

    /// All that can be decided from the head. What passes begins to read the body.
    pub(crate) fn begin(self, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
        match self {
            Self::SharedKey(keyed) => keyed.begin(&head.headers),
            Self::Signature(keyed) => keyed.begin(head, clock),
        }
    }
}

impl Keyed<SharedKey, KeyDigest> {
    fn begin(&self, headers: &HeaderMap) -> Result<Check, Rejection> {
        let presented = self.scheme.read(headers)?;
        let (name, _) = self
            .keys
            .iter()
            .find(|(_, key)| key.matches(&presented).into())
            .ok_or_else(|| Rejection::new(RejectionKind::KeyMismatch))?;
        Ok(Check::shared_key(name))
    }
}

impl Keyed<Signed, Verifier> {
    fn begin(self: Arc<Self>, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
        let scheme = &self.scheme;
        let headers = &head.headers;
        for (name, value) in &scheme.required {
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
        } = scheme.signature.read(headers, scheme.algorithm)?;
        let id = scheme.id(headers, family)?;
        let (written, timestamp) = match scheme.timestamp(headers, tagged, family, clock)? {
            Some((written, timestamp)) => (written, Some(timestamp)),
            None => (&[][..], None),
        };
        let facts = Facts {
            id: id.map(|(name, value)| (name, value.as_bytes())),
            timestamp: written,
        };

        let content = &scheme.content;
        let mut verifiers: SmallVec<[Verifier; 1]> = SmallVec::with_capacity(self.keys.len());
        for (_, verifier) in &self.keys {
            verifiers.push(verifier.clone());
        }
        content.write(&content.before_body, head, &facts, &mut |bytes| {
            for verifier in &mut verifiers {
                verifier.update_piece(bytes);
            }
        })?;
        let mut after_body = Vec::new();
        content.write(&content.after_body, head, &facts, &mut |bytes| {
            after_body.extend_from_slice(bytes.unwrap_or_default());
        })?;
        Ok(Check::Signature(SignatureCheck {
            verifiers,
            candidates,
            after_body,
            id: id.map(|(_, value)| (value.clone(), content.proven.id)),
            timestamp: timestamp.filter(|_| content.proven.timestamp),
            keyed: self,
        }))
    }
}

impl Signed {
    fn id<'a>(
        &'a self,
        headers: &'a HeaderMap,
        family: Option<usize>,
    ) -> Result<Option<(&'a HeaderName, &'a HeaderValue)>, Rejection> {
        let Some(names) = &self.id_headers else {
            return Ok(None);
        };
        let name = names.pick(headers, family);
        match single(headers, name)? {
            Some(value) if is_readable_id(value.as_bytes()) => Ok(Some((name, value))),
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
        let (name, written) = match &self.timestamp_headers {
            Some(names) => {
                let name = names.pick(headers, family);
                (name, single(headers, name)?.map(HeaderValue::as_bytes))
            }
            None => (self.signature.names.first(), tagged),
        };
        let reject = |kind| Rejection::header(kind, name);
        let written = written.ok_or_else(|| reject(RejectionKind::HeaderMissing))?;
        let signed = timestamp
            .read(written, self.content.timestamp_runs_on())
            .ok_or_else(|| reject(RejectionKind::HeaderMalformed))?;
        timestamp.judge(signed, clock).map_err(reject)?;
        Ok(Some((written, signed)))
    }
}
