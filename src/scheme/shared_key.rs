//! Shared keys in a header. Their digests are compared in constant time, before the body is read.
//!
//! A shared key proves that the caller knows it. It proves nothing about the body.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::Choice;
use zeroize::Zeroizing;

use super::{
    Kind, Scheme, headers,
    headers::Aliases,
    mac::{begins_with, wipe_stack},
};
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
    secret::Secret,
};

/// A sender that sends a shared key in a header.
///
/// The key proves that the caller knows it. It proves nothing about the body, and it has no time
/// limit: use TLS, because anyone who reads one request knows the key. A token that changes, such
/// as a JWT, is not a shared key.
///
/// ```
/// use tower_webhook_auth::SharedKeyScheme;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let key = SharedKeyScheme::new("X-Acme-Key").build()?;
/// let bearer = SharedKeyScheme::new("Authorization").bearer().build()?;
/// let basic = SharedKeyScheme::new("Authorization").basic().build()?; // the secret is `user:password`
/// # let _ = (key, bearer, basic);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct SharedKeyScheme {
    header: String,
    aliases: Vec<String>,
    credentials: Credentials,
}

#[derive(Clone, Copy, Debug)]
enum Credentials {
    Basic,
    Bearer,
    Verbatim,
}

impl SharedKeyScheme {
    /// The key is the whole value of this header.
    pub fn new(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            aliases: Vec::new(),
            credentials: Credentials::Verbatim,
        }
    }

    /// Another name for the header. The first name that is present counts.
    pub fn alias(mut self, header: impl Into<String>) -> Self {
        self.aliases.push(header.into());
        self
    }

    /// The key follows `Bearer ` ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)). It must be
    /// the same for all requests. A JWT is not the same for all requests.
    pub fn bearer(mut self) -> Self {
        self.credentials = Credentials::Bearer;
        self
    }

    /// `user:password` in base64 follows `Basic `
    /// ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)). The secret is `user:password`, not encoded.
    pub fn basic(mut self) -> Self {
        self.credentials = Credentials::Basic;
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// If a text is not the name of a header, or a header is named twice.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        Ok(Scheme(Kind::SharedKey(Arc::new(SharedKey {
            headers: Aliases::new(&self.header, &self.aliases)?,
            credentials: self.credentials,
        }))))
    }
}

/// A [`SharedKeyScheme`] that was checked.
#[derive(Clone, Debug)]
pub(crate) struct SharedKey {
    pub(super) headers: Aliases,
    credentials: Credentials,
}

impl SharedKey {
    pub(crate) fn key(&self, secret: &Secret) -> KeyDigest {
        let digest = self.digest_and_leave_traces(secret);
        wipe_stack();
        digest
    }

    /// The configured key is in the block that is hashed last, and optimised code leaves copies of this block
    /// on the stack.
    #[inline(never)]
    fn digest_and_leave_traces(&self, secret: &Secret) -> KeyDigest {
        match self.credentials {
            Credentials::Basic => {
                let encoded = Zeroizing::new(BASE64.encode(secret.as_bytes()));
                KeyDigest::of(encoded.as_bytes())
            }
            Credentials::Bearer | Credentials::Verbatim => KeyDigest::of(secret.as_bytes()),
        }
    }

    /// The key in the header.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<PresentedKey<'_>, Rejection> {
        let header = self.headers.pick(headers, None);
        let value = headers::single(headers, header)?
            .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, header))?;
        let key = self
            .strip(value.as_bytes())
            .ok_or_else(|| self.malformed(header, value.as_bytes()))?;
        Ok(PresentedKey {
            digest: KeyDigest::of(key),
            header,
        })
    }

    fn malformed(&self, header: &HeaderName, value: &[u8]) -> Rejection {
        let expected = ExpectedShape::fixed(match self.credentials {
            Credentials::Basic => Fixed::Basic,
            Credentials::Bearer | Credentials::Verbatim => Fixed::Bearer,
        });
        Rejection::malformed(header, expected, FoundShape::of_credentials(value))
    }

    /// The value without its prefix. The name of an authentication scheme is not case-sensitive,
    /// [RFC 9110 section 11.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.1).
    fn strip<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let scheme: &[u8] = match self.credentials {
            Credentials::Basic => b"basic ",
            Credentials::Bearer => b"bearer ",
            Credentials::Verbatim => b"",
        };
        let (head, key) = value.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(key)
    }

    /// The text before the key.
    pub(super) fn prefix(&self) -> &'static str {
        match self.credentials {
            Credentials::Basic => "Basic ",
            Credentials::Bearer => "Bearer ",
            Credentials::Verbatim => "",
        }
    }

    /// Marks the header as sensitive, so that inner layers do not print the key in it.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        for name in self.headers.iter() {
            headers::mark_sensitive(headers, name);
        }
    }

    /// The header as the sender writes it.
    #[cfg(feature = "testing")]
    pub(crate) fn write(
        &self,
        secret: &Secret,
    ) -> Result<(http::HeaderName, http::HeaderValue), ConfigError> {
        let value = match self.credentials {
            Credentials::Basic => [b"Basic ", BASE64.encode(secret.as_bytes()).as_bytes()].concat(),
            Credentials::Bearer => [b"Bearer ", secret.as_bytes()].concat(),
            Credentials::Verbatim => secret.as_bytes().to_vec(),
        };
        let mut value = http::HeaderValue::from_bytes(&Zeroizing::new(value))
            .map_err(|_| ConfigError::new("the secret has characters that a header cannot hold"))?;
        value.set_sensitive(true);
        Ok((self.headers.first().clone(), value))
    }
}

/// The key in a header, and the name of this header.
pub(crate) struct PresentedKey<'a> {
    pub(super) digest: KeyDigest,
    pub(super) header: &'a HeaderName,
}

/// The SHA-256 of a shared key. All digests have the same length, so the comparison does not show how
/// long the key is.
#[derive(Clone)]
pub(crate) struct KeyDigest(Zeroizing<[u8; 32]>);

impl KeyDigest {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(Zeroizing::new(Sha256::digest(key).into()))
    }

    pub(crate) fn matches(&self, other: &Self) -> Choice {
        begins_with(self.0.as_chunks().0, other.0.as_chunks().0)
    }
}
