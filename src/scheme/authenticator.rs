//! [`Authenticator`]: a scheme with the keys that are valid now. It judges the request head.

use std::{sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE, request::Parts};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::{
    Kind, Scheme,
    builder::Signed,
    check::{Authentication, Check, InPlaceOfBody, SignatureCheck},
    current::Current,
    headers::{is_readable_id, single},
    mac::{Algorithm, Candidates},
    prepared::{KeysOf, Prepared, PreparedKeys},
    shared_key::{PresentedKey, SharedKey},
    signature::Presented,
    signed::{Facts, SignedBody},
    sorted_form::ContentType,
};
use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
    secret::{Keys, Names},
};

/// A scheme, and the keys that are valid now. A clone is one more reference to both.
#[derive(Clone)]
pub(crate) struct Authenticator {
    scheme: Scheme,
    current: Arc<Current>,
}

impl Authenticator {
    pub(super) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            current: Arc::default(),
        }
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// An authenticator with another scheme that has the same keys, such as the same scheme with another
    /// tolerance. When the keys are replaced in one, they are replaced in both.
    pub(crate) fn with_scheme(&self, scheme: Scheme) -> Self {
        Self {
            scheme,
            current: Arc::clone(&self.current),
        }
    }

    /// Replaces the keys. The expensive work for a key is done here, once. After an error the old
    /// keys stay valid.
    pub(crate) fn replace(&self, provider: &Arc<str>, keys: &Keys) -> Result<(), ConfigError> {
        self.current
            .set(Some(&self.scheme.prepare(provider, keys)?));
        Ok(())
    }

    /// Removes all keys.
    pub(crate) fn withdraw(&self) {
        self.current.set(None);
    }

    /// The names of the valid keys, in the order in which they are tried.
    pub(crate) fn key_names(&self) -> Vec<String> {
        self.current
            .get()
            .map_or_else(Vec::new, |keys| keys.names())
    }

    /// Judges the request head, and begins a check with the keys that are valid now.
    pub(crate) fn begin(&self, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
        self.scheme.begin(head, clock, self)
    }
}

/// Keys to begin a check with.
///
/// They are asked for after the head was judged. They are not locked while the check begins, since code of
/// the user, such as a scheme in code, may replace them.
pub(super) trait Lend {
    fn lend(&self) -> Result<PreparedKeys, Rejection>;
}

impl Lend for Authenticator {
    fn lend(&self) -> Result<PreparedKeys, Rejection> {
        self.current.get().ok_or_else(unavailable)
    }
}

impl Lend for PreparedKeys {
    fn lend(&self) -> Result<PreparedKeys, Rejection> {
        Ok(self.clone())
    }
}

fn unavailable() -> Rejection {
    Rejection::new(RejectionKind::KeysUnavailable)
}

impl Scheme {
    /// Keys in the form that this scheme uses.
    ///
    /// # Errors
    ///
    /// If a key is not written as the scheme requires.
    pub(crate) fn prepare(
        &self,
        provider: &Arc<str>,
        keys: &Keys,
    ) -> Result<PreparedKeys, ConfigError> {
        PreparedKeys::new(self, provider, keys)
    }

    /// Keys that accept nothing, and with which verifying costs the same as with one real key.
    pub(crate) fn prepare_placeholder(&self, provider: &Arc<str>) -> PreparedKeys {
        PreparedKeys::placeholder(self, provider)
    }

    /// Judges the request head without a tenant's key. It rejects only what no key could change.
    pub(crate) fn judge(
        &self,
        placeholder: &PreparedKeys,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<(), Rejection> {
        match self.begin_with(placeholder, head, clock) {
            // A shared key or a token that can be read may belong to any tenant.
            Err(rejection) if !self.presents_a_key(head, clock) => Err(rejection),
            _ => Ok(()),
        }
    }

    /// Whether some key could verify a request with this head.
    #[cfg(any(feature = "diagnosis", feature = "testing"))]
    pub(crate) fn fits(&self, head: &Parts, clock: &dyn Clock) -> bool {
        let placeholder = self.prepare_placeholder(&Arc::from("any"));
        self.judge(&placeholder, head, clock).is_ok()
    }

    fn presents_a_key(&self, head: &Parts, clock: &dyn Clock) -> bool {
        self.each_way().iter().any(|way| match &way.0 {
            Kind::Custom(custom) => {
                custom.facts.head_is_enough && custom.read_head(head, clock).is_ok()
            }
            Kind::Jwt(jwt) => jwt.is_in_head() && jwt.read_head(head, clock).is_ok(),
            Kind::SharedKey(shared) => shared.read(&head.headers).is_ok(),
            Kind::Signature(_) | Kind::AnyOf(_) => false,
        })
    }

    /// Judges the request head, and begins a check with these keys. They must be prepared by this scheme.
    pub(crate) fn begin_with(
        &self,
        keys: &PreparedKeys,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<Check, Rejection> {
        self.begin(head, clock, keys)
    }

    fn begin(&self, head: &Parts, clock: &dyn Clock, keys: &impl Lend) -> Result<Check, Rejection> {
        match &self.0 {
            Kind::Custom(scheme) => {
                let read = scheme.read_head(head, clock)?;
                let keys = keys.lend()?;
                Check::custom(scheme, read, &keys.names, keys.of_way(0)?)
            }
            Kind::Jwt(scheme) => {
                let read = scheme.read_head(head, clock)?;
                scheme.start(read, keys.lend()?, 0)
            }
            Kind::SharedKey(scheme) => {
                let presented = scheme.read(&head.headers)?;
                let keys = keys.lend()?;
                scheme.start(&presented, &keys.names, keys.of_way(0)?)
            }
            Kind::Signature(scheme) => {
                let mut read = scheme.nothing_read();
                scheme.read_head(head, clock, &mut read)?;
                scheme.start(&mut read, head, keys.lend()?, 0)
            }
            Kind::AnyOf(ways) => ways.begin(head, clock, keys),
        }
    }
}

impl Prepared {
    pub(super) fn of_way(&self, way: usize) -> Result<&KeysOf, Rejection> {
        let way = self.ways.get(way).ok_or_else(unavailable)?;
        Ok(&way.keys)
    }
}

impl SharedKey {
    /// Compares the presented key. The head is all that is needed.
    pub(super) fn start(
        &self,
        presented: &PresentedKey<'_>,
        names: &Arc<Names>,
        keys: &KeysOf,
    ) -> Result<Check, Rejection> {
        let KeysOf::SharedKey(keys) = keys else {
            return Err(unavailable());
        };
        keys.iter()
            .position(|key| key.matches(&presented.digest).into())
            .map(|index| Check::shared_key(Arc::clone(names), index))
            .ok_or_else(|| {
                let kind = RejectionKind::KeyMismatch;
                Rejection::mismatch(kind, presented.header, Arc::clone(names))
            })
    }
}

/// What was read from a request head.
pub(super) struct SignedHead<'a> {
    presented: Presented<'a>,
    id: Option<(&'a HeaderName, &'a HeaderValue)>,
    written: &'a [u8],
    timestamp: Option<SystemTime>,
    after_body: Box<[u8]>,
}

impl Signed {
    pub(super) fn nothing_read(&self) -> SignedHead<'_> {
        SignedHead {
            presented: self.signature.nothing_presented(),
            id: None,
            written: &[],
            timestamp: None,
            after_body: Box::default(),
        }
    }

    /// Everything that the request head decides without a key. Only after `Ok` is everything read.
    pub(super) fn read_head<'a>(
        &'a self,
        head: &'a Parts,
        clock: &dyn Clock,
        read: &mut SignedHead<'a>,
    ) -> Result<(), Rejection> {
        let headers = &head.headers;
        for (name, value) in &self.required {
            let present = single(headers, name)?
                .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
            if present.as_bytes() != value.as_bytes() {
                return Err(Rejection::malformed(
                    name,
                    ExpectedShape::fixed(Fixed::RequiredValue),
                    FoundShape::of_other_value(),
                ));
            }
        }
        let presented = &mut read.presented;
        self.signature.read(head, self.algorithm, presented)?;
        self.check_content_type(headers)?;
        let (tagged, family) = (presented.timestamp, presented.family);
        read.id = self.id(headers, family)?;
        if let Some((written, timestamp)) = self.timestamp(headers, tagged, family, clock)? {
            read.written = written;
            read.timestamp = Some(timestamp);
        }
        // Few senders sign anything after the body.
        if !self.content.after_body.is_empty() {
            let mut after_body = Vec::new();
            self.content.write(
                &self.content.after_body,
                head,
                &read.facts(),
                &mut |bytes| after_body.extend_from_slice(bytes.unwrap_or_default()),
            )?;
            read.after_body = after_body.into();
        }
        Ok(())
    }

    /// Begins to verify, with each key that was prepared for this way.
    pub(super) fn start(
        &self,
        read: &mut SignedHead<'_>,
        head: &Parts,
        prepared: PreparedKeys,
        way: usize,
    ) -> Result<Check, Rejection> {
        let KeysOf::Signature(keys) = prepared.of_way(way)? else {
            return Err(unavailable());
        };
        let has_too_many = |most| {
            let candidates = read.presented.candidates.len(self.algorithm);
            keys.len().saturating_mul(candidates) > most
        };
        if self.algorithm.most_operations().is_some_and(has_too_many) {
            let kind = RejectionKind::TooManySignatures;
            return Err(Rejection::header(kind, read.presented.header.1));
        }
        let content = &self.content;
        let mut check = SignatureCheck {
            verifiers: SmallVec::new(),
            keys: None,
            // A position that does not fit is that of no name, and the rejection then names no header.
            way: u16::try_from(way).unwrap_or(u16::MAX),
            header: u16::try_from(read.presented.header.0).unwrap_or(u16::MAX),
            candidates: Candidates::default(),
            in_place_of_body: match &content.body {
                SignedBody::Whole => None,
                other => Some(Box::new(InPlaceOfBody::new(other))),
            },
            after_body: std::mem::take(&mut read.after_body),
            id: read.id.map(|(_, value)| (value.clone(), content.proven.id)),
            timestamp: read.timestamp.filter(|_| content.proven.timestamp),
            authentication: Authentication::by(self.algorithm, content.covers_body()),
            body_is_signed: self.signs_body(),
        };
        // The hash states are made where they are stored, because moving them takes time.
        check.verifiers.reserve_exact(keys.len());
        for key in keys {
            check.verifiers.push(key.start(&read.presented.candidates));
        }
        if !content.before_body.is_empty() {
            content.write(&content.before_body, head, &read.facts(), &mut |bytes| {
                for verifier in &mut check.verifiers {
                    verifier.update_piece(bytes);
                }
            })?;
        }
        check.candidates = std::mem::take(&mut read.presented.candidates);
        check.keys = Some(prepared);
        Ok(Check::Signature(check))
    }

    /// Whether every byte of the body is proven.
    pub(super) fn signs_body(&self) -> bool {
        let content = &self.content;
        content.covers_body() && content.proven.body && self.algorithm != Algorithm::KeylessSha256
    }

    /// A sender that signs forms in their own way signs other bodies in another way, or not at all.
    fn check_content_type(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let is_form = matches!(self.content.body, SignedBody::Form(_));
        if !is_form && !self.not_a_form {
            return Ok(());
        }
        match ContentType::of(headers)? {
            ContentType::Form if self.not_a_form => {}
            ContentType::Other if is_form => {}
            _ => return Ok(()),
        }
        Err(Rejection::malformed(
            &CONTENT_TYPE,
            ExpectedShape::fixed(match is_form {
                true => Fixed::Form,
                false => Fixed::NotAForm,
            }),
            FoundShape::of_other_type(),
        ))
    }

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
            // An id that is not signed proves nothing, so it may be absent.
            _ if !self.content.covers_id() => Ok(None),
            Some(value) => Err(Rejection::malformed(
                name,
                ExpectedShape::fixed(Fixed::Id),
                FoundShape::of_text(value.as_bytes()),
            )),
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
        let written =
            written.ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
        let runs_on = self.content.timestamp_runs_on();
        let signed = timestamp
            .read(written, runs_on)
            .ok_or_else(|| timestamp.malformed(name, written, runs_on))?;
        timestamp.judge(name, signed, clock)?;
        Ok(Some((written, signed)))
    }
}

impl InPlaceOfBody {
    fn new(body: &SignedBody) -> Self {
        match body {
            SignedBody::Digest(form) => Self::Digest(*form, Sha256::new()),
            SignedBody::Form(form) => Self::Form(form.clone()),
            SignedBody::Nothing | SignedBody::Whole => Self::Nothing,
        }
    }
}

impl SignedHead<'_> {
    fn facts(&self) -> Facts<'_> {
        Facts {
            id: self.id.map(|(name, value)| (name, value.as_bytes())),
            header: self.presented.header.1,
            tags: &self.presented.tags,
            timestamp: self.written,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::{
        scheme::{SharedKeyScheme, SignatureScheme},
        secret::Secret,
    };

    const TAG: &str = "4c1f2a9a6a4f5a2f1f7ff5a1b2a0d6c8e9f0a1b2c3d4e5f60718293a4b5c6d7e";

    fn head(name: &str, value: &str) -> Parts {
        let request = Request::builder().header(name, value).body(());
        request.expect("a request").into_parts().0
    }

    fn keys(text: &str) -> Keys {
        Secret::new(text).expect("a secret").into()
    }

    fn sign(key: &[u8], body: &[u8]) -> String {
        use hmac::Mac;
        let mut mac: hmac::Hmac<sha2::Sha256> = crate::scheme::mac::hmac(key);
        mac.update(body);
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    #[test]
    fn a_check_begins_with_the_keys_that_are_handed_in() {
        let scheme = SignatureScheme::hmac_sha256("x-signature").build();
        let scheme = scheme.expect("a scheme");
        let prepared = |text: &str| {
            let prepared = scheme.prepare(&"acme".into(), &keys(text));
            prepared.expect("a key")
        };
        let verdict = |keys: &PreparedKeys, signed_with: &str| {
            let head = head("x-signature", &sign(signed_with.as_bytes(), b"body"));
            let mut check = scheme
                .begin_with(keys, &head, &SystemTime::now)
                .expect("a signature that can be read");
            check.update(b"body");
            check
                .finish(b"body")
                .map(|proof| proof.origin.key_name().to_owned())
        };
        let (a, b) = (prepared("tenant-a-key"), prepared("tenant-b-key"));
        assert_eq!(verdict(&a, "tenant-a-key").as_deref().ok(), Some("default"));
        assert!(verdict(&a, "tenant-b-key").is_err());
        assert!(verdict(&b, "tenant-b-key").is_ok());
        let malformed = head("x-signature", "junk");
        assert!(scheme.begin_with(&a, &malformed, &SystemTime::now).is_err());
    }

    /// The key without an owner is in the source code. It must not verify anything.
    #[test]
    fn the_placeholder_key_costs_a_mac_and_accepts_nothing() {
        let scheme = SignatureScheme::hmac_sha256("x-signature").build();
        let scheme = scheme.expect("a scheme");
        let placeholder = scheme.prepare_placeholder(&"acme".into());
        for signature in [TAG.to_owned(), sign(&[1; 32], b"body")] {
            let head = head("x-signature", &signature);
            let mut check = scheme
                .begin_with(&placeholder, &head, &SystemTime::now)
                .expect("a signature that can be read");
            assert_eq!(check.hashers(), 1);
            check.update(b"body");
            let kind = check
                .finish(b"body")
                .map_err(|rejection| rejection.kind())
                .err();
            assert_eq!(kind, Some(RejectionKind::SignatureMismatch));
        }
        let shared = SharedKeyScheme::new("x-key").build().expect("a scheme");
        let placeholder = shared.prepare_placeholder(&"acme".into());
        let begun = shared.begin_with(&placeholder, &head("x-key", "k"), &SystemTime::now);
        let kind = begun.map_err(|rejection| rejection.kind()).err();
        assert_eq!(kind, Some(RejectionKind::KeyMismatch));
    }

    #[cfg(all(feature = "ed25519", feature = "ecdsa-p256"))]
    #[test]
    fn there_is_a_public_placeholder_key() {
        for scheme in [
            SignatureScheme::ed25519("x-signature"),
            SignatureScheme::ecdsa_p256("x-signature"),
        ] {
            let scheme = scheme.build().expect("a scheme");
            let placeholder = scheme.prepare_placeholder(&"acme".into());
            let way = placeholder.of_way(0).expect("one way");
            assert!(matches!(way, KeysOf::Signature(keys) if keys.len() == 1));
        }
    }

    #[test]
    fn keys_of_another_scheme_are_rejected() {
        let signature = SignatureScheme::hmac_sha256("x-signature").build();
        let shared = SharedKeyScheme::new("x-key").build().expect("a scheme");
        let keys = shared.prepare(&"acme".into(), &keys("wJ4mX9"));
        let head = head("x-signature", TAG);
        let begun =
            signature
                .expect("a scheme")
                .begin_with(&keys.expect("a key"), &head, &SystemTime::now);
        let kind = begun.map_err(|rejection| rejection.kind()).err();
        assert_eq!(kind, Some(RejectionKind::KeysUnavailable));
    }
}
