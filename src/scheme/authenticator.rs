//! What the head decides: who may send a body at all.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use smallvec::SmallVec;

use super::{
    builder::Signed,
    check::{Authentication, Check, SignatureCheck},
    headers::{is_readable_id, single},
    mac::Verifier,
    shared_key::{KeyDigest, SharedKey},
    signature::Presented,
    signed::Facts,
};
use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
    secret::{Keys, Names, Secret},
};

/// A scheme, and the keys that hold now. A clone is one more reference to both.
#[derive(Clone)]
pub(crate) enum Authenticator {
    SharedKey(Arc<Keyed<SharedKey, KeyDigest>>),
    Signature(Arc<Keyed<Signed, Verifier>>),
}

/// A scheme, and what it makes of the keys that hold now: `None` while they are withdrawn.
pub(crate) struct Keyed<S, K> {
    scheme: Arc<S>,
    current: RwLock<Option<KeySet<K>>>,
}

/// Keys in the order in which they are tried, as the scheme uses them, and their names.
struct KeySet<K> {
    keys: Vec<K>,
    names: Arc<Names>,
}

impl Authenticator {
    /// Puts these keys in the place of those that hold now: what is costly about them is done here,
    /// once. On an error those that hold now go on holding.
    pub(crate) fn replace(&self, provider: &Arc<str>, keys: &Keys) -> Result<(), ConfigError> {
        match self {
            Self::SharedKey(keyed) => {
                keyed.replace(provider, keys, |secret| Ok(keyed.scheme.key(secret)))
            }
            Self::Signature(keyed) => {
                if let Some(most) = keyed.scheme.algorithm.most_operations()
                    && keys.iter().len() > most
                {
                    return Err(ConfigError::new(format!(
                        "{} public keys, but at most {most} are tried for a delivery: remove those that \
                         are no longer used",
                        keys.iter().len(),
                    )));
                }
                keyed.replace(provider, keys, |secret| keyed.scheme.verifier(secret))
            }
        }
    }

    /// Takes all keys away.
    pub(crate) fn withdraw(&self) {
        match self {
            Self::SharedKey(keyed) => keyed.set(None),
            Self::Signature(keyed) => keyed.set(None),
        }
    }

    /// The names of the keys that hold now, in the order in which they are tried.
    pub(crate) fn key_names(&self) -> Vec<String> {
        match self {
            Self::SharedKey(keyed) => keyed.names(),
            Self::Signature(keyed) => keyed.names(),
        }
    }

    /// All that can be decided from the head. What passes begins to read the body.
    pub(crate) fn begin(&self, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
        match self {
            Self::SharedKey(keyed) => keyed.begin(&head.headers),
            Self::Signature(keyed) => keyed.begin(head, clock),
        }
    }
}

impl<S, K> Keyed<S, K> {
    pub(super) fn without_keys(scheme: &Arc<S>) -> Self {
        Self {
            scheme: Arc::clone(scheme),
            current: RwLock::new(None),
        }
    }

    fn replace(
        &self,
        provider: &Arc<str>,
        keys: &Keys,
        prepare: impl Fn(&Secret) -> Result<K, ConfigError>,
    ) -> Result<(), ConfigError> {
        // Room for all at once: a vector that grows leaves what it held in memory that nobody wipes.
        let mut prepared = Vec::with_capacity(keys.iter().len());
        for key in keys.iter() {
            let named =
                |error| ConfigError::new(format!("{provider}: key {:?}: {error}", key.name));
            prepared.push(prepare(&key.secret).map_err(named)?);
        }
        self.set(Some(KeySet {
            keys: prepared,
            names: Arc::new(Names::new(provider, keys)),
        }));
        Ok(())
    }

    // Only whole values are exchanged under the lock: a poisoned one holds nothing half done.

    fn set(&self, keys: Option<KeySet<K>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Looks at the keys that hold now. They are locked meanwhile, so no code of the user's, such as
    /// a clock, may run in `look`: it could want to exchange them.
    fn with_keys<T>(
        &self,
        look: impl FnOnce(&KeySet<K>) -> Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            Some(keys) => look(keys),
            None => Err(Rejection::new(RejectionKind::KeysUnavailable)),
        }
    }

    fn names(&self) -> Vec<String> {
        self.with_keys(|keys| Ok(keys.names.keys().map(String::from).collect()))
            .unwrap_or_default()
    }
}

impl Keyed<SharedKey, KeyDigest> {
    fn begin(&self, headers: &HeaderMap) -> Result<Check, Rejection> {
        let presented = self.scheme.read(headers)?;
        self.with_keys(|KeySet { keys, names }| {
            keys.iter()
                .position(|key| key.matches(&presented).into())
                .map(|index| Check::shared_key(Arc::clone(names), index))
                .ok_or_else(|| Rejection::new(RejectionKind::KeyMismatch))
        })
    }
}

impl Keyed<Signed, Verifier> {
    fn begin(&self, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
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
        let mut after_body = Vec::new();
        content.write(&content.after_body, head, &facts, &mut |bytes| {
            after_body.extend_from_slice(bytes.unwrap_or_default());
        })?;
        self.with_keys(|KeySet { keys, names }| {
            let operations = keys.len().saturating_mul(candidates.len());
            if scheme
                .algorithm
                .most_operations()
                .is_some_and(|most| operations > most)
            {
                let name = scheme.signature.names.first();
                return Err(Rejection::header(RejectionKind::TooManySignatures, name));
            }
            let mut verifiers: SmallVec<[Verifier; 1]> =
                keys.iter().map(|key| key.start(&candidates)).collect();
            content.write(&content.before_body, head, &facts, &mut |bytes| {
                for verifier in &mut verifiers {
                    verifier.update_piece(bytes);
                }
            })?;
            Ok(Check::Signature(SignatureCheck {
                verifiers,
                names: Some(Arc::clone(names)),
                candidates,
                after_body,
                id: id.map(|(_, value)| (value.clone(), content.proven.id)),
                timestamp: timestamp.filter(|_| content.proven.timestamp),
                authentication: Authentication::by(scheme.algorithm),
            }))
        })
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
        timestamp
            .judge(signed, clock)
            .map_err(|(kind, detail)| reject(kind).with_detail(detail))?;
        Ok(Some((written, signed)))
    }
}
