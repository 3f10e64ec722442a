//! [`Verified`] as an extractor for axum.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{auth::observe, verified::Verified};

/// A handler asked for a [`Verified`] event, but its route has no
/// [`WebhookAuthLayer`](crate::WebhookAuthLayer) for events of that type.
///
/// It is answered with 500, and with feature `tracing` it is an error in the log: a layer that was
/// forgotten, or one for another type of event, is a mistake of ours, and the handler does not run. A
/// handler that stands on both kinds of routes takes `Option<Verified<E>>`.
#[derive(Clone, Copy, Debug)]
pub struct MissingLayer {
    event: &'static str,
}

impl std::fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let event = self.event;
        write!(
            f,
            "no WebhookAuthLayer for events of type {event} is around the route"
        )
    }
}

impl std::error::Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        observe::layer_is_missing(&self);
        // The sender is told nothing of our types.
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S, E> FromRequestParts<S> for Verified<E>
where
    S: Send + Sync,
    E: Send + Sync + 'static,
{
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        let event = std::any::type_name::<E>();
        let missing = MissingLayer { event };
        parts.extensions.get().cloned().ok_or(missing)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S, E> OptionalFromRequestParts<S> for Verified<E>
where
    S: Send + Sync,
    E: Send + Sync + 'static,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, std::convert::Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
