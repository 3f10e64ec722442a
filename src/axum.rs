//! [`Verified`] as an extractor for axum.

use std::convert::Infallible;

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    auth::{MissingLayer, observe},
    verified::Verified,
};

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        observe::layer_is_missing(&self);
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let mut response = status.into_response();
        // In production the response must not contain the names of types.
        if cfg!(debug_assertions) {
            response = (status, self.to_string()).into_response();
        }
        response.extensions_mut().insert(self);
        response
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
        let verified = parts.extensions.get().cloned();
        verified.ok_or_else(MissingLayer::of::<E>)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S, E> OptionalFromRequestParts<S> for Verified<E>
where
    S: Send + Sync,
    E: Send + Sync + 'static,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
