//! How deliveries are authenticated, as data: bytes in, verdict out. It knows neither tower nor providers.
//!
//! A [`SignatureScheme`], a [`JwtScheme`] or a [`SharedKeyScheme`] is a description. `build()` checks it
//! and makes a [`Scheme`]. A [`CustomScheme`] is code. [`Scheme::any_of`] joins several. A scheme with its
//! `PreparedKeys` is an `Authenticator`: it judges a request head, and rejects it or begins a
//! `Check`. The check gets the body as it arrives, and ends with a `Proof`, which only this module
//! can make.

mod authenticator;
mod builder;
#[cfg(feature = "certificates")]
mod certificate;
mod check;
mod current;
mod custom;
mod encoding;
mod headers;
#[cfg(feature = "http-signatures")]
mod http_signature;
mod in_body;
mod jwt;
mod key;
mod mac;
mod prepared;
mod query;
#[cfg(feature = "rsa")]
mod rsa;
mod shared_key;
#[cfg(feature = "testing")]
mod sign;
mod signature;
mod signed;
mod signed_headers;
mod sorted_form;
#[cfg(feature = "diagnosis")]
mod suspect;
mod timestamp;
mod url;
mod ways;

// The documentation shows the methods of a type in the order of the modules, so `describe` is the last.
mod describe;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};

#[cfg(feature = "certificates")]
pub use self::certificate::CertificateTrust;
#[cfg(feature = "http-signatures")]
pub use self::http_signature::HttpSignatureScheme;
#[cfg(feature = "ed25519")]
pub(crate) use self::jwt::DetachedEdDsa;
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
pub use self::jwt::JwkSet;
pub(crate) use self::jwt::key_id;
#[cfg(feature = "testing")]
pub(crate) use self::sign::{Fresh, SigningKey};
pub(crate) use self::{
    authenticator::Authenticator,
    check::{Check, Proof},
    prepared::PreparedKeys,
    signature::trim_blanks,
    timestamp::check_tolerance,
};
pub use self::{
    builder::SignatureScheme,
    check::Authentication,
    custom::{CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme},
    describe::{Field, HeaderRole, Way, Window},
    encoding::Encoding,
    in_body::{BodyKeyScheme, BodyPiece, BodySignatureScheme, BodyValue},
    jwt::{JwtScheme, TokenPlace},
    key::KeyEncoding,
    query::QueryParameter,
    shared_key::SharedKeyScheme,
    signed::{BodyDigest, Piece},
    signed_headers::SignedHeaders,
    sorted_form::SortedForm,
    timestamp::Timestamp,
    url::SignedUrl,
};
use self::{
    builder::Signed,
    custom::Custom,
    in_body::{InBody, scheme_of_signature},
    jwt::Jwt,
    shared_key::SharedKey,
    ways::Ways,
};
#[cfg(feature = "certificates")]
pub(crate) use self::{
    certificate::CertifiedKey,
    rsa::{MOST_OPERATIONS as MOST_RSA_OPERATIONS, RsaDigest, RsaHash},
    timestamp::rfc3339,
};
#[cfg(feature = "handshake")]
pub(crate) use self::{mac::hmac, shared_key::KeyDigest};

/// How deliveries are authenticated. It is built from a [`SignatureScheme`], a [`JwtScheme`] or a
/// [`SharedKeyScheme`], or from several of them with [`any_of`](Self::any_of). [`custom`](Self::custom) makes
/// one of your own code.
#[derive(Clone, Debug)]
pub struct Scheme(Kind);

#[derive(Clone, Debug)]
enum Kind {
    AnyOf(Arc<Ways>),
    Custom(Arc<Custom>),
    Jwt(Arc<Jwt>),
    SharedKey(Arc<SharedKey>),
    Signature(Arc<Signed>),
}

impl Scheme {
    /// Whether a signature that matched in this way proves the value of this header.
    pub(crate) fn proves_header(&self, name: &HeaderName, way: usize) -> bool {
        match self.each_way().get(way).map(|way| &way.0) {
            Some(Kind::Signature(signed)) => signed.content.proven.headers.contains(name),
            _ => false,
        }
    }

    /// Whether a signature proves the value of this header, in every way.
    #[cfg(feature = "replay")]
    pub(crate) fn always_proves_header(&self, name: &HeaderName) -> bool {
        (0..self.each_way().len()).all(|way| self.proves_header(name, way))
    }

    /// Whether every delivery has a signature over the body, in every way.
    #[cfg(feature = "replay")]
    pub(crate) fn signs(&self) -> bool {
        self.each_way().iter().all(|way| match &way.0 {
            Kind::Custom(custom) => custom.facts.proves_body(),
            Kind::Jwt(jwt) => jwt.proves_body(),
            Kind::Signature(signed) => signed.content.covers_body(),
            Kind::AnyOf(_) | Kind::SharedKey(_) => false,
        })
    }

    /// Whether the signature proves an id, or the time when the delivery was signed, in every way.
    #[cfg(feature = "replay")]
    pub(crate) fn proves_id_or_time(&self) -> bool {
        self.each_way().iter().all(|way| match &way.0 {
            Kind::Custom(custom) => custom.facts.proves_id_or_time(),
            Kind::Jwt(jwt) => jwt.proves_id_or_time(),
            Kind::Signature(signed) => {
                let content = &signed.content;
                // Without the body, a repeated delivery may have another body.
                content.proven.id || (content.proven.timestamp && content.covers_body())
            }
            _ => false,
        })
    }

    /// How old a delivery may be that was verified in this way, if the signature proves its age.
    #[cfg(feature = "replay")]
    pub(crate) fn proven_tolerance(&self, way: usize) -> Option<Duration> {
        match &self.each_way().get(way)?.0 {
            Kind::Custom(custom) => custom.facts.tolerance(),
            Kind::Jwt(jwt) => jwt.tolerance(),
            Kind::Signature(signed) => {
                let tolerance = signed.timestamp.as_ref()?.tolerance;
                tolerance.filter(|_| signed.content.proven.timestamp)
            }
            Kind::AnyOf(_) | Kind::SharedKey(_) => None,
        }
    }

    /// Marks the headers that hold a shared key or a token as sensitive, and those of a scheme in code, which
    /// may.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        for way in self.each_way() {
            match &way.0 {
                Kind::Custom(custom) => custom.mark_sensitive(headers),
                Kind::Jwt(jwt) => jwt.mark_sensitive(headers),
                Kind::SharedKey(shared_key) => shared_key.mark_sensitive(headers),
                Kind::AnyOf(_) | Kind::Signature(_) => {}
            }
        }
    }

    /// The same scheme with another tolerance, in every way that has a signed time. `None` if no way has
    /// one.
    pub(crate) fn with_tolerance(&self, tolerance: Duration) -> Option<Self> {
        match &self.0 {
            Kind::AnyOf(ways) => {
                let changed: Vec<Option<Self>> = ways
                    .schemes
                    .iter()
                    .map(|way| way.with_tolerance(tolerance))
                    .collect();
                changed.iter().any(Option::is_some).then(|| {
                    let schemes = changed.into_iter().zip(&ways.schemes);
                    Self(Kind::AnyOf(Arc::new(Ways {
                        schemes: schemes
                            .map(|(changed, way)| changed.unwrap_or_else(|| way.clone()))
                            .collect(),
                        names: Arc::clone(&ways.names),
                    })))
                })
            }
            Kind::Custom(custom) => match &custom.in_body {
                Some(InBody::Signature(signed)) => {
                    signed.with_tolerance(tolerance).map(scheme_of_signature)
                }
                Some(InBody::Key(_)) | None => None,
            },
            Kind::SharedKey(_) => None,
            Kind::Jwt(jwt) => Some(Self(Kind::Jwt(Arc::new(jwt.with_tolerance(tolerance)?)))),
            Kind::Signature(signed) => {
                let signed = Signed::with_tolerance(signed, tolerance)?;
                Some(Self(Kind::Signature(Arc::new(signed))))
            }
        }
    }

    /// The scheme, without keys yet.
    pub(crate) fn authenticator(&self) -> Authenticator {
        Authenticator::new(self.clone())
    }
}
