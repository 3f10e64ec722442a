//! The options of a layer, and what each request needs of them.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
#[cfg(feature = "axum")]
use http::StatusCode;
use http::{Response, request::Parts};

#[cfg(feature = "diagnosis")]
use super::diagnose::Diagnostics;
#[cfg(feature = "axum")]
use super::event_type::{EventTypeMismatch, MissingLayer};
use super::{observe::Observer, read::Limits};
use crate::{
    clock::Clock,
    provider::Provider,
    rejection::Rejection,
    response::{self, ResponseBody},
    scheme::PreparedKeys,
    tenants::OwnKeys,
    verified::{Acceptance, Verified},
};

pub(crate) type OnRejection = dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync;

/// Each request reads the settings, and changes the count of their references. The alignment puts the settings and
/// the count into different cache lines.
#[repr(align(128))]
pub(crate) struct Settings<E, K = OwnKeys> {
    pub(crate) provider: Provider<E>,
    pub(crate) source: Arc<K>,
    pub(crate) key_deadline: Duration,
    /// Judges heads before the source is asked.
    pub(crate) placeholder: PreparedKeys,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_rejection: Option<Arc<OnRejection>>,
    pub(crate) expose_acceptance: bool,
    pub(crate) log_parse_errors: bool,
    pub(crate) observer: Arc<Observer>,
    #[cfg(feature = "diagnosis")]
    pub(crate) diagnostics: Option<Arc<Diagnostics>>,
}

impl<E, K> Settings<E, K> {
    /// The same settings with another key source.
    pub(crate) fn keys_from<K2>(&self, source: K2) -> Settings<E, K2> {
        self.with_source(Arc::new(source))
    }

    fn with_source<K2>(&self, source: Arc<K2>) -> Settings<E, K2> {
        Settings {
            provider: self.provider.clone(),
            source,
            key_deadline: self.key_deadline,
            placeholder: self.placeholder.clone(),
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock),
            on_rejection: self.on_rejection.clone(),
            expose_acceptance: self.expose_acceptance,
            log_parse_errors: self.log_parse_errors,
            observer: Arc::clone(&self.observer),
            #[cfg(feature = "diagnosis")]
            diagnostics: self.diagnostics.clone(),
        }
    }

    /// Makes the response to a rejected request. Outer layers find the rejection in its extensions. `body`
    /// is the whole body, or how many bytes of it were read.
    pub(crate) fn reject(
        &self,
        rejection: Rejection,
        body: Result<&Bytes, usize>,
        head: &Parts,
    ) -> Response<Bytes> {
        let received = body.map_or_else(|received| received, Bytes::len);
        let rejection = rejection.seen_by(self.provider.shared_name(), received);
        let mut response = match &self.on_rejection {
            Some(respond) => respond(&rejection),
            None => response::rejected(&rejection, &head.headers),
        };
        // After the response was made, so that a diagnosis cannot get into it.
        #[cfg(feature = "diagnosis")]
        let rejection = self.diagnosed(rejection, body.ok(), head);
        self.observer
            .rejected(&rejection, head, self.log_parse_errors, &*self.clock);
        response.extensions_mut().insert(rejection);
        response
    }

    /// Records an accepted delivery. Returns the `Acceptance` for outer layers, if the owner
    /// enabled it.
    pub(crate) fn accept(&self, verified: &Verified<E>) -> Option<Acceptance> {
        self.observer.accepted(verified);
        self.expose_acceptance.then(|| verified.acceptance())
    }
}

#[cfg(feature = "axum")]
impl<E: 'static, K> Settings<E, K> {
    /// Wraps the response of the inner service. If a handler asked for another event type than
    /// this layer provides, the response gets an explanation.
    pub(crate) fn explain<B>(&self, response: Response<B>) -> Response<ResponseBody<B>> {
        let extensions = response.extensions();
        let Some(missing) = extensions.get::<MissingLayer>().copied() else {
            return response.map(ResponseBody::inner);
        };
        // An inner layer is nearer to the handler, and has explained it.
        if extensions.get::<EventTypeMismatch>().is_some() {
            return response.map(ResponseBody::inner);
        }
        let mismatch = EventTypeMismatch::new::<E>(self.provider.shared_name(), missing);
        self.observer.mismatched(&mismatch, &*self.clock);
        let is_error = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
        let mut response = if cfg!(debug_assertions) && is_error {
            response::with_text(response, mismatch.to_string())
        } else {
            response.map(ResponseBody::inner)
        };
        response.extensions_mut().insert(mismatch);
        response
    }
}

/// Without feature `axum` there is no extractor that could ask for another event type.
#[cfg(not(feature = "axum"))]
impl<E, K> Settings<E, K> {
    pub(crate) fn explain<B>(&self, response: Response<B>) -> Response<ResponseBody<B>> {
        response.map(ResponseBody::inner)
    }
}

impl<E, K> Clone for Settings<E, K> {
    fn clone(&self) -> Self {
        self.with_source(Arc::clone(&self.source))
    }
}

impl<E, K> fmt::Debug for Settings<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("provider", &self.provider)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
