//! [`CustomHead`]: the request head, read strictly.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, request::Parts};

use super::{CustomFacts, CustomRejection};
use crate::scheme::{SignedUrl, headers::single};

/// The request head, for [`CustomScheme::begin`](super::CustomScheme::begin).
#[derive(Clone, Copy)]
pub struct CustomHead<'a> {
    parts: &'a Parts,
    now: SystemTime,
    facts: &'a CustomFacts,
}

impl<'a> CustomHead<'a> {
    pub(in crate::scheme) fn new(
        parts: &'a Parts,
        now: SystemTime,
        facts: &'a CustomFacts,
    ) -> Self {
        Self { parts, now, facts }
    }

    /// The value of a header that must appear once. A value has at most 4 KiB.
    ///
    /// # Errors
    ///
    /// If the header is missing, appears several times, or is too long. The sender, a proxy and your code
    /// may disagree about which one of two values counts, so two equal values are an error too.
    pub fn header(&self, name: &HeaderName) -> Result<&'a HeaderValue, CustomRejection> {
        self.optional_header(name)?
            .ok_or_else(|| CustomRejection::header_missing(name))
    }

    /// The value of a header that may be absent. Apart from that it is read as by [`header`](Self::header).
    ///
    /// # Errors
    ///
    /// If the header appears several times or is too long.
    pub fn optional_header(
        &self,
        name: &HeaderName,
    ) -> Result<Option<&'a HeaderValue>, CustomRejection> {
        single(&self.parts.headers, name).map_err(CustomRejection::made)
    }

    /// The URL that the sender calls, as the sender knows it.
    ///
    /// # Errors
    ///
    /// If the path or query is a part of it, and contains a character that RFC 3986 does not allow.
    pub fn url(&self, url: &SignedUrl) -> Result<Vec<u8>, CustomRejection> {
        let mut bytes = Vec::new();
        url.write(self.parts, &mut |piece| bytes.extend_from_slice(piece))
            .map_err(CustomRejection::made)?;
        Ok(bytes)
    }

    /// Compares the time of signing in this header with the tolerance of
    /// [`CustomFacts::time_is_signed`]. Without a tolerance, every time passes.
    ///
    /// # Errors
    ///
    /// If the time is too far in the past or in the future.
    pub fn check_time(
        &self,
        header: &HeaderName,
        signed_at: SystemTime,
    ) -> Result<(), CustomRejection> {
        let tolerance = self.facts.tolerance();
        CustomRejection::check_time(Some(header), signed_at, self.now, tolerance)
    }

    /// The time at which the request arrived, from the clock of the layer.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.parts.method
    }

    /// The URI of the request. An untrusted client chooses it, and a proxy may change it: for a signed URL
    /// see [`url`](Self::url).
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        &self.parts.uri
    }

    /// All headers. [`header`](Self::header) is safer: `HeaderMap::get` returns the first of several values.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }
}

/// Prints no header: one of them may hold a secret.
impl std::fmt::Debug for CustomHead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomHead").finish_non_exhaustive()
    }
}
