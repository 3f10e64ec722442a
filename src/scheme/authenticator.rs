//! What the head decides: who may send a body at all.

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use smallvec::SmallVec;

use super::{
    builder::Signed,
    check::{Check, SignatureCheck},
    headers::single,
    mac::Verifier,
    shared_key::{KeyDigest, SharedKey},
    signature::Presented,
    signed::Facts,
};
use crate::{
    clock::Clock,
    rejection::{Rejection, RejectionKind},
};

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
                Ok(Check::shared_key(&matching.0))
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
            id: id.map(|(_, value)| (value.clone(), self.content.proven.id)),
            timestamp: timestamp.filter(|_| self.content.proven.timestamp),
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
            .read(written, self.content.timestamp_runs_on())
            .ok_or_else(|| reject(RejectionKind::HeaderMalformed))?;
        if timestamp.tolerance.is_some() {
            timestamp.judge(signed, clock.now()).map_err(reject)?;
        }
        Ok(Some((written, signed)))
    }
}
