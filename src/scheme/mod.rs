//! How a delivery proves itself, as data: bytes in, verdict out. Knows neither tower nor providers.
//!
//! A [`SignatureScheme`] or a [`SharedKeyScheme`] is a description; built, it is a [`Scheme`]. With its
//! keys that is an `Authenticator`, which looks at a request's head and either refuses it or begins a
//! `Check`. The check is fed with the body as it arrives, and its end is a `Proof`, which nobody else
//! can make.

mod authenticator;
mod builder;
mod check;
mod describe;
mod headers;
mod key;
mod mac;
mod shared_key;
#[cfg(feature = "testing")]
mod sign;
mod signature;
mod signed;
mod timestamp;
mod url;

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

#[cfg(feature = "testing")]
pub(crate) use self::sign::SigningKey;
pub(crate) use self::{
    authenticator::Authenticator,
    check::{Check, Proof},
};
use self::{authenticator::Keyed, builder::Signed, shared_key::SharedKey};
pub use self::{
    builder::SignatureScheme,
    check::Authentication,
    describe::{HeaderRole, Way, Window},
    key::KeyEncoding,
    shared_key::SharedKeyScheme,
    signature::Encoding,
    signed::Piece,
    timestamp::Timestamp,
    url::SignedUrl,
};
#[cfg(feature = "handshake")]
pub(crate) use self::{mac::hmac, shared_key::KeyDigest};

/// How a delivery proves itself: built from a [`SignatureScheme`] or a [`SharedKeyScheme`].
#[derive(Clone, Debug)]
pub struct Scheme(Kind);

#[derive(Clone, Debug)]
enum Kind {
    SharedKey(Arc<SharedKey>),
    Signature(Arc<Signed>),
}

impl Scheme {
    /// Whether a signature proves the value of this header.
    pub(crate) fn proves_header(&self, name: &HeaderName) -> bool {
        match &self.0 {
            Kind::SharedKey(_) => false,
            Kind::Signature(signed) => signed.content.proven.headers.contains(name),
        }
    }

    /// Whether a delivery has a signature.
    #[cfg(feature = "replay")]
    pub(crate) fn signs(&self) -> bool {
        match &self.0 {
            Kind::SharedKey(_) => false,
            Kind::Signature(_) => true,
        }
    }

    /// Whether the signature proves an id, or the time when the delivery was signed.
    #[cfg(feature = "replay")]
    pub(crate) fn proves_id_or_time(&self) -> bool {
        match &self.0 {
            Kind::SharedKey(_) => false,
            Kind::Signature(signed) => signed.content.proven.id || signed.content.proven.timestamp,
        }
    }

    /// How old a delivery may be, if the signature proves its age.
    #[cfg(feature = "replay")]
    pub(crate) fn tolerance(&self) -> Option<std::time::Duration> {
        match &self.0 {
            Kind::SharedKey(_) => None,
            Kind::Signature(signed) => {
                let timestamp = signed.timestamp.as_ref()?;
                timestamp
                    .tolerance
                    .filter(|_| signed.content.proven.timestamp)
            }
        }
    }

    /// Marks what came in the head and is itself a secret.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        if let Kind::SharedKey(shared_key) = &self.0 {
            shared_key.mark_sensitive(headers);
        }
    }

    /// The scheme, ready for its keys.
    pub(crate) fn authenticator(&self) -> Authenticator {
        match &self.0 {
            Kind::SharedKey(scheme) => {
                Authenticator::SharedKey(Arc::new(Keyed::without_keys(scheme)))
            }
            Kind::Signature(scheme) => {
                Authenticator::Signature(Arc::new(Keyed::without_keys(scheme)))
            }
        }
    }
}
