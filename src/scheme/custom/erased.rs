//! A [`CustomScheme`] behind a trait object, so that [`Scheme`](super::Scheme) has no type parameter.

use std::{
    any::{Any, type_name},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, request::Parts};

use super::{CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme};
use crate::{
    clock::Clock,
    error::{BoxError, ConfigError},
    rejection::{Rejection, RejectionKind},
    scheme::{check::Authentication, headers::mark_sensitive, in_body::InBody},
    secret::{Keys, Names, Secret},
};

/// The scheme of a user, and its facts.
pub(crate) struct Custom {
    pub(crate) facts: CustomFacts,
    type_name: &'static str,
    scheme: Box<dyn AnyScheme>,
    /// A scheme of this crate that reads the body.
    pub(crate) in_body: Option<InBody>,
    /// Makes the key for a tenant that is not known, for a scheme of this crate.
    placeholder: Option<Box<Placeholder>>,
    /// The scheme, if it is one of this crate that can sign.
    #[cfg(all(feature = "http-signatures", feature = "testing"))]
    pub(crate) signer: Option<crate::scheme::http_signature::HttpSignature>,
}

type Placeholder = dyn Fn() -> CustomKeys + Send + Sync;

/// The prepared keys of a scheme: a `Vec` of its own type of key.
#[derive(Clone)]
pub(crate) struct CustomKeys(Arc<dyn Any + Send + Sync>);

/// The check that a scheme made from a valid request head.
pub(crate) struct CustomRead {
    run: Box<dyn AnyCheck>,
    now: SystemTime,
}

/// The check of one delivery by a scheme of a user.
pub(crate) struct CustomRun {
    run: Box<dyn AnyCheck>,
    now: SystemTime,
    custom: Arc<Custom>,
    /// `None` after the first call of `finish`.
    names: Option<Arc<Names>>,
}

/// What is proven after a key matched.
pub(crate) struct CustomMatch {
    pub(crate) names: Arc<Names>,
    /// The position of the key.
    pub(crate) key: usize,
    pub(crate) claims: CustomClaims,
    pub(crate) custom: Arc<Custom>,
}

impl Custom {
    pub(in crate::scheme) fn new<S: CustomScheme>(scheme: S) -> Self {
        Self {
            facts: scheme.facts(),
            type_name: type_name::<S>(),
            scheme: Box::new(scheme),
            in_body: None,
            placeholder: None,
            #[cfg(all(feature = "http-signatures", feature = "testing"))]
            signer: None,
        }
    }

    /// A scheme of this crate that reads the body.
    pub(in crate::scheme) fn in_body<S: CustomScheme>(scheme: S, in_body: InBody) -> Self {
        Self {
            in_body: Some(in_body),
            ..Self::new(scheme)
        }
    }

    /// The same scheme with this key for a tenant that is not known. It is for a scheme for which the secret of
    /// [`prepare_placeholder`](Self::prepare_placeholder) is not a key.
    pub(in crate::scheme) fn with_placeholder<S: CustomScheme>(
        mut self,
        key: impl Fn() -> Option<S::Key> + Send + Sync + 'static,
    ) -> Self {
        let keys = move || CustomKeys(Arc::new(key().into_iter().collect::<Vec<_>>()));
        self.placeholder = Some(Box::new(keys));
        self
    }

    pub(crate) fn authentication(&self) -> Authentication {
        if self.facts.built_in.is_some() {
            return match self.facts.proves_body() {
                true => Authentication::Signature,
                false => Authentication::PartialSignature,
            };
        }
        self.in_body
            .as_ref()
            .map_or(Authentication::Custom, InBody::authentication)
    }

    /// The kind of the rejection if no key matches.
    fn mismatch(&self) -> RejectionKind {
        self.in_body
            .as_ref()
            .map_or(RejectionKind::SignatureMismatch, InBody::mismatch)
    }

    /// Prepares the keys that the scheme can decode, and calls `took` for each key.
    pub(crate) fn prepare(
        &self,
        provider: &Arc<str>,
        keys: &Keys,
        mut took: impl FnMut(usize, Option<ConfigError>),
    ) -> CustomKeys {
        let named: Vec<_> = keys.iter().collect();
        let secrets: Vec<_> = named.iter().map(|key| &key.secret).collect();
        CustomKeys(self.scheme.prepare(&secrets, &mut |place, error| {
            let error = error.zip(named.get(place)).map(|(error, key)| {
                let (name, reason) = (&key.name, reason(&error, &key.secret));
                ConfigError::new(format!("{provider}: key {name:?}: {reason}"))
            });
            took(place, error);
        }))
    }

    /// A key that is not secret. Verifying with it costs as much as with any other key.
    pub(crate) fn prepare_placeholder(&self) -> CustomKeys {
        if let Some(placeholder) = &self.placeholder {
            return placeholder();
        }
        let secret = Secret::of_key(zeroize::Zeroizing::new(vec![1; 32]));
        CustomKeys(self.scheme.prepare(&[&secret], &mut |_, _| {}))
    }

    /// Everything that the request head decides without a key.
    pub(crate) fn read_head(
        &self,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<CustomRead, Rejection> {
        let now = clock.now();
        let begun = self.scheme.begin(&CustomHead::new(head, now, &self.facts));
        let run =
            begun.map_err(|rejection| rejection.of_scheme(self.mismatch(), self.header(), None))?;
        Ok(CustomRead { run, now })
    }

    /// Begins to verify with these keys. A scheme for which the head is enough is decided by
    /// [`CustomRun::finish`] at once.
    pub(crate) fn start(
        self: &Arc<Self>,
        read: CustomRead,
        names: &Arc<Names>,
        keys: &CustomKeys,
    ) -> Result<CustomRun, Rejection> {
        let CustomRead { mut run, now } = read;
        if !run.start(Arc::clone(&keys.0)) {
            return Err(Rejection::new(RejectionKind::KeysUnavailable));
        }
        Ok(CustomRun {
            run,
            now,
            custom: Arc::clone(self),
            names: Some(Arc::clone(names)),
        })
    }

    /// The header that a mismatch names.
    fn header(&self) -> Option<&HeaderName> {
        self.facts.headers().first()
    }

    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        for name in self.facts.headers() {
            mark_sensitive(headers, name);
        }
    }
}

/// Why a secret is not a key. The text of the user may quote the secret.
fn reason(error: &BoxError, secret: &Secret) -> String {
    let text = error.to_string();
    let quotes = std::str::from_utf8(secret.as_bytes()).is_ok_and(|secret| text.contains(secret));
    if quotes {
        return "the scheme cannot read the secret (its message contains the secret and is not \
                shown)"
            .into();
    }
    text
}

impl CustomRun {
    /// How many hash states [`update`](Self::update) feeds.
    pub(crate) fn hashers(&self) -> usize {
        self.run.hashers()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.run.update(bytes);
        }
    }

    /// The verdict on the whole body. A second call is rejected.
    pub(crate) fn finish(&mut self, body: &[u8]) -> Result<CustomMatch, Rejection> {
        let (kind, header) = (self.custom.mismatch(), self.custom.header());
        let Some(names) = self.names.take() else {
            return Err(CustomRejection::mismatch().of_scheme(kind, header, None));
        };
        let facts = &self.custom.facts;
        let verdict = self.run.finish(body).and_then(|(key, claims)| {
            // A placeholder key has no name. It costs as much as another key, and proves nothing.
            let is_complete = (!facts.id || claims.id.is_some())
                && (facts.tolerance.is_none() || claims.signed_at.is_some())
                && !names.are_of_placeholder();
            if !is_complete {
                return Err(CustomRejection::mismatch());
            }
            if let Some(signed_at) = claims.signed_at {
                CustomRejection::check_time(None, signed_at, self.now, facts.tolerance)?;
            }
            Ok((key, claims))
        });
        let (key, mut claims) =
            verdict.map_err(|rejection| rejection.of_scheme(kind, header, Some(&names)))?;
        claims.signed_at = claims.signed_at.filter(|_| facts.tolerance.is_some());
        Ok(CustomMatch {
            names,
            key,
            claims,
            custom: Arc::clone(&self.custom),
        })
    }
}

/// It prints the name of the type, and not its value: a scheme may hold a secret.
impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("type", &self.type_name)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

type AnyKeys = Arc<dyn Any + Send + Sync>;

trait AnyScheme: Send + Sync {
    /// `took` gets the position of each secret, and the error of one that is not a key.
    fn prepare(
        &self,
        secrets: &[&Secret],
        took: &mut dyn FnMut(usize, Option<BoxError>),
    ) -> AnyKeys;

    fn begin(&self, head: &CustomHead<'_>) -> Result<Box<dyn AnyCheck>, CustomRejection>;
}

trait AnyCheck: Send + Sync {
    /// `false` if the keys belong to another scheme.
    fn start(&mut self, keys: AnyKeys) -> bool;
    fn hashers(&self) -> usize;
    fn update(&mut self, bytes: &[u8]);
    /// The position of the first key that matches.
    fn finish(&mut self, body: &[u8]) -> Result<(usize, CustomClaims), CustomRejection>;
}

impl<S: CustomScheme> AnyScheme for S {
    fn prepare(
        &self,
        secrets: &[&Secret],
        took: &mut dyn FnMut(usize, Option<BoxError>),
    ) -> AnyKeys {
        // A vector that grows would leave copies of the keys in memory that is not wiped.
        let mut keys: Vec<S::Key> = Vec::with_capacity(secrets.len());
        for (place, secret) in secrets.iter().enumerate() {
            match self.key(secret.as_bytes()) {
                Ok(key) => {
                    keys.push(key);
                    took(place, None);
                }
                Err(error) => took(place, Some(error)),
            }
        }
        Arc::new(keys)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<Box<dyn AnyCheck>, CustomRejection> {
        let check = CustomScheme::begin(self, head)?;
        Ok(Box::new(Checking { check, keys: None }))
    }
}

struct Checking<C: CustomCheck> {
    check: C,
    keys: Option<Arc<Vec<C::Key>>>,
}

impl<C: CustomCheck> AnyCheck for Checking<C> {
    fn start(&mut self, keys: AnyKeys) -> bool {
        let Ok(keys) = keys.downcast::<Vec<C::Key>>() else {
            return false;
        };
        self.check.start(&keys);
        self.keys = Some(keys);
        true
    }

    fn hashers(&self) -> usize {
        self.check.hashers()
    }

    fn update(&mut self, bytes: &[u8]) {
        self.check.update(bytes);
    }

    fn finish(&mut self, body: &[u8]) -> Result<(usize, CustomClaims), CustomRejection> {
        let keys = self.keys.take().ok_or_else(CustomRejection::mismatch)?;
        let claims = self.check.finish(body)?;
        let check = &mut self.check;
        keys.iter()
            .enumerate()
            .position(|(place, key)| check.matches(key, place))
            .map(|key| (key, claims))
            .ok_or_else(CustomRejection::mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{
        BodyKeyScheme, BodyPiece, BodySignatureScheme, KeyEncoding, Kind, Scheme, mac::Verifier,
        shared_key::KeyDigest,
    };

    /// How many keys a tenant has that is not known. `K` is the type of the keys of the scheme.
    fn placeholders<K: 'static>(scheme: Result<Scheme, ConfigError>) -> usize {
        let Kind::Custom(custom) = scheme.expect("a scheme").0 else {
            panic!("the scheme has another form");
        };
        let CustomKeys(keys) = custom.prepare_placeholder();
        let keys = keys.downcast_ref::<Vec<K>>().expect("keys of the scheme");
        keys.len()
    }

    /// Otherwise a delivery for such a tenant would cost less, and the time of the response would show which
    /// tenants there are.
    #[test]
    fn a_tenant_that_is_not_known_has_one_key_in_each_scheme_of_this_crate() {
        assert_eq!(
            placeholders::<KeyDigest>(BodyKeyScheme::json("/key").build()),
            1
        );
        for encoding in [KeyEncoding::Text, KeyEncoding::Hex, KeyEncoding::Base64] {
            let scheme = BodySignatureScheme::hmac_sha256("/signature")
                .signed([BodyPiece::value("/id")])
                .key_encoding(encoding);
            assert_eq!(placeholders::<Verifier>(scheme.build()), 1, "{encoding:?}");
        }
        #[cfg(feature = "ed25519")]
        {
            use crate::scheme::{DetachedEdDsa, jwt::JwtKey};

            let name = HeaderName::from_static("x-signature");
            let scheme = DetachedEdDsa {
                signature: name.clone(),
                time: name,
                tolerance: std::time::Duration::ZERO,
            };
            assert_eq!(placeholders::<JwtKey>(Ok(scheme.build())), 1);
        }
        #[cfg(feature = "http-signatures")]
        {
            use crate::scheme::{HttpSignatureScheme, http_signature::HttpKey};

            let schemes = [
                HttpSignatureScheme::hmac_sha256(),
                #[cfg(feature = "ecdsa-p256")]
                HttpSignatureScheme::ecdsa_p256_sha256(),
                #[cfg(feature = "ed25519")]
                HttpSignatureScheme::ed25519(),
                #[cfg(feature = "rsa")]
                HttpSignatureScheme::rsa_pss_sha512(),
                #[cfg(feature = "rsa")]
                HttpSignatureScheme::rsa_v1_5_sha256(),
            ];
            for scheme in schemes {
                let scheme = scheme.require(["date"]).build();
                assert_eq!(placeholders::<HttpKey>(scheme.clone()), 1, "{scheme:?}");
            }
        }
    }
}
