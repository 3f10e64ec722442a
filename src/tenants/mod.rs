//! Keys that are found for each delivery: one endpoint for many tenants.
//!
//! [`WebhookAuthLayer::keys_from`](crate::WebhookAuthLayer::keys_from) takes a [`KeySource`]. A
//! closure is one. It gets a delivery that is not verified yet, and selects the keys that the
//! layer must use:
//!
//! ```
//! use tower_webhook_auth::{BoxError, Keys, Secret, WebhookAuthLayer, provider};
//! use tower_webhook_auth::tenants::{Selection, Unverified};
//!
//! /// The keys of a tenant, from a database. `None`: there is no such tenant.
//! async fn find(tenant: String) -> Result<Option<Keys>, BoxError> {
//!     # Ok(None)
//! }
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let optimizely = provider::optimizely(Secret::new("wJ4mX9")?);
//! let layer = WebhookAuthLayer::new(optimizely).keys_from(|delivery: Unverified<'_>| {
//!     match delivery.uri().path().strip_prefix("/webhooks/") {
//!         Some(tenant) => Selection::LookUp(find(tenant.to_owned())),
//!         None => Selection::Unknown,
//!     }
//! });
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! With feature `tenant-cache`, `TenantKeys` is a source that loads the keys of a tenant when they are needed,
//! and remembers them.
//!
//! The guide [`tenants`](crate::guide::tenants) has complete programs.
//!
//! # When the source is asked
//!
//! 1. The layer judges the request head. It rejects a request that is wrong for every key: a
//!    header is missing, malformed or stale, or the declared length is larger than the limit. The
//!    source is not asked.
//! 2. The source sees the head. It can select the keys, or ask for the body with [`Selection::Body`].
//! 3. A look-up by the head is awaited before the layer reads the body.
//! 4. For [`Selection::Body`] the layer reads the body within its limits, and asks the source again. The body
//!    counts in the memory budget until the verdict.
//!
//! # An unknown tenant
//!
//! A delivery for an unknown tenant is verified with a placeholder key, which no signature
//! matches, and is rejected. The response has the same bytes as the response to a wrong signature,
//! and the layer does the same work. So a client cannot find out from the response who your
//! customers are. The time of the look-up depends on the source: see the guide.
//!
//! # Errors of the source
//!
//! An error, or a look-up that takes longer than
//! [`key_deadline`](crate::WebhookAuthLayer::key_deadline), gets 503 with `Retry-After`
//! ([`KeysUnavailable`](crate::RejectionKind::KeysUnavailable)), so that the sender tries again. The error is
//! the rejection's `source()`, and the log has it. It is not in the response.

#[cfg(feature = "tenant-cache")]
mod cache;
mod ids;

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "tenant-cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "tenant-cache")))]
pub use self::cache::{CacheLimits, TenantKeys, TenantKeysHandle, TenantLookup};

pub use self::ids::id_in_header;
#[cfg(feature = "certificates")]
pub use self::ids::{aws_sns_certificate, paypal_certificate};

use http::{Extensions, HeaderMap, Method, Uri, request::Parts};

use crate::{
    error::BoxError,
    scheme::{self, TokenPlace},
    secret::Keys,
};

/// A delivery that is not verified yet. Use it to select keys, and for nothing else: any client can have
/// written it.
#[derive(Clone, Copy)]
pub struct Unverified<'a> {
    head: &'a Parts,
    body: Option<&'a [u8]>,
}

impl<'a> Unverified<'a> {
    pub(crate) fn new(head: &'a Parts, body: Option<&'a [u8]>) -> Self {
        Self { head, body }
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.head.method
    }

    /// The URL of the request. Inside of an axum router that is nested, it lacks the prefix of the nesting.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        &self.head.uri
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.head.headers
    }

    /// What outer layers inserted into the request.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        &self.head.extensions
    }

    /// The whole body, after the source returned [`Selection::Body`]. `None` when the source is asked the
    /// first time.
    ///
    /// Read it with the parser that reads the event, for example with a derived `Deserialize`. A search for
    /// a text in the bytes can find another value than the parser does, for example in a body with two
    /// fields of one name.
    #[must_use]
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }
}

impl Unverified<'_> {
    /// The id of the key that the token of this delivery names, `kid`. `None` if there is no token in this place, or if
    /// it names no key.
    ///
    /// Use it to select one of the keys that the sender publishes. The id is not secret, and any client can have
    /// written it: bound the look-ups as the guide [`key_ids`](crate::guide::key_ids) shows.
    ///
    /// A token in the body is read after the source returned [`Selection::Body`].
    #[must_use]
    pub fn token_key_id(&self, place: impl Into<TokenPlace>) -> Option<String> {
        scheme::key_id(place.into(), &self.head.headers, self.body)
    }
}

/// The headers can contain a shared key, so they are not printed.
impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("method", &self.head.method)
            .field("path", &self.head.uri.path())
            .field("body_bytes", &self.body.map(<[u8]>::len))
            .finish_non_exhaustive()
    }
}

/// Selects the keys that the layer uses for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<F> {
    /// The body is needed to select the keys. The layer reads the body, and asks the source again.
    ///
    /// A client without a key can make the layer read a whole body and look up keys. So set
    /// [`max_body_bytes`](crate::WebhookAuthLayer::max_body_bytes) to what the sender needs, for example
    /// 64 KiB, and set a [`memory_budget`](crate::WebhookAuthLayer::memory_budget).
    ///
    /// A source that returns this for a second time is in error: the delivery gets 503.
    Body,
    /// The keys that this look-up finds. `Ok(None)` means that the tenant is unknown. An error means that the
    /// keys cannot be found now: the sender gets 503 and can send the delivery again.
    LookUp(F),
    /// The keys of the provider itself.
    Own,
    /// The tenant is unknown. The delivery is verified with a placeholder key, which no signature
    /// matches, and rejected.
    Unknown,
}

/// Selects the keys for each delivery. Closures implement it.
///
/// Implement it for your own type if the look-up is a named future. A closure that returns an
/// `async` block needs no box.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    note = "pass a closure `|delivery: Unverified<'_>| …` that returns a `Selection`, or a `TenantKeys`"
)]
pub trait KeySource: Send + Sync + 'static {
    /// The look-up of [`Selection::LookUp`].
    type Lookup: Future<Output = Result<Option<Keys>, BoxError>>;

    /// Whether the source always selects [`Selection::Own`]. The layer then has no code for look-ups.
    #[doc(hidden)]
    const OWN: bool = false;

    /// Selects the keys for a delivery.
    ///
    /// It must not block: the look-up is the part that may wait.
    fn select(&self, delivery: Unverified<'_>) -> Selection<Self::Lookup>;
}

impl<T, F> KeySource for T
where
    T: Fn(Unverified<'_>) -> Selection<F> + Send + Sync + 'static,
    F: Future<Output = Result<Option<Keys>, BoxError>>,
{
    type Lookup = F;

    fn select(&self, delivery: Unverified<'_>) -> Selection<F> {
        self(delivery)
    }
}

/// The keys of the provider itself, for every delivery. This is the source of a layer without
/// [`keys_from`](crate::WebhookAuthLayer::keys_from).
#[derive(Clone, Copy, Debug)]
pub struct OwnKeys;

/// The look-up of [`OwnKeys`]. It has no value.
#[derive(Debug)]
pub struct NoLookup(Infallible);

impl Future for NoLookup {
    type Output = Result<Option<Keys>, BoxError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {}
    }
}

impl KeySource for OwnKeys {
    type Lookup = NoLookup;
    const OWN: bool = true;

    fn select(&self, _: Unverified<'_>) -> Selection<NoLookup> {
        Selection::Own
    }
}
