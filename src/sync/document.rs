//! A downloaded document, and what a source says about it.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::HeaderValue;

use crate::error::BoxError;

/// The validators of a document ([RFC 9110 section 8.8](https://www.rfc-editor.org/rfc/rfc9110#section-8.8)).
///
/// A source uses them to tell whether it has something newer.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`. It is sent back as `If-None-Match`.
    pub etag: Option<HeaderValue>,
    /// `Last-Modified`. It is sent back as `If-Modified-Since`.
    pub last_modified: Option<HeaderValue>,
}

/// A document as it was downloaded.
#[non_exhaustive]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The whole content.
    pub bytes: Bytes,
    /// The validators that came with them.
    pub validators: Validators,
}

impl Document {
    /// A document without validators.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            validators: Validators::default(),
        }
    }

    /// The same document with these validators.
    #[must_use]
    pub fn with_validators(mut self, validators: Validators) -> Self {
        self.validators = validators;
        self
    }
}

/// The bytes may be large and may hold an access token, so only their number is printed.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("bytes", &self.bytes.len())
            .field("validators", &self.validators)
            .finish()
    }
}

/// The answer of a source.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// The document did not change.
    NotModified,
    /// The document as it is now.
    New(Document),
}

/// A source did not answer, or its answer cannot be used.
///
/// Every error and every text converts into it, so `?` and `"text".into()` work.
#[derive(Debug)]
pub struct FetchError {
    retry_after: Option<Duration>,
    source: BoxError,
}

impl FetchError {
    /// Sets how long to wait before the next request, as the source demanded with `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The error itself. `FetchError` is not an `Error`, because every `Error` converts into it.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    pub(super) fn wait(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl<E: Into<BoxError>> From<E> for FetchError {
    fn from(error: E) -> Self {
        Self {
            retry_after: None,
            source: error.into(),
        }
    }
}

/// The message of the error and of each of its sources: an HTTP client often says only "connection error" first.
impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)?;
        let mut source = self.source.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
