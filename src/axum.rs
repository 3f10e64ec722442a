//! [`Verified`] as an extractor for axum.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::verified::Verified;

/// A handler asked for a [`Verified`] event, but its route has no
/// [`WebhookAuthLayer`](crate::WebhookAuthLayer) for events of that type.
///
/// It is answered with 500: a layer that was forgotten is a mistake of ours, and the handler does
/// not run. A handler that stands on both kinds of routes takes `Option<Verified<E>>`.
#[derive(Clone, Copy, Debug)]
pub struct MissingLayer(());

impl std::fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no WebhookAuthLayer for this type of event is around the route")
    }
}

impl std::error::Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
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
        parts.extensions.get().cloned().ok_or(MissingLayer(()))
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
