//! The gate at the head.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::{
    future::{ResponseFuture, Walk},
    read::Reader,
    settings::Settings,
};
use crate::{error::BoxError, rejection::Rejection, response::ResponseBody};

/// The middleware that [`WebhookAuthLayer`](crate::WebhookAuthLayer) puts around a service.
///
/// It is always ready: whoever sends too much is to be stopped by a layer outside of it, and the
/// inner service's own limits hold for verified requests alone.
pub struct WebhookAuth<S, E> {
    inner: S,
    settings: Arc<Settings<E>>,
}

impl<S, E> WebhookAuth<S, E> {
    pub(crate) fn new(inner: S, settings: Arc<Settings<E>>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, E, B, ResBody> Service<Request<B>> for WebhookAuth<S, E>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
    E: Send + Sync + 'static,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, E>;

    /// Always ready: the inner service is asked once a delivery is verified.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let settings = &self.settings;
        // The head first, the length after it: whoever presents a wrong key learns nothing of our limits.
        match settings.provider.begin(&head, &*settings.clock) {
            Err(rejection) => refused(settings, rejection, &head.headers),
            Ok(check) => match settings.limits.declared_length(&body, &head.headers) {
                Err(rejection) => refused(settings, rejection, &head.headers),
                Ok(declared) => ResponseFuture::reading(
                    Reader::new(body, declared, &settings.limits),
                    check,
                    Walk {
                        head,
                        inner: self.inner.clone(),
                        settings: Arc::clone(settings),
                    },
                ),
            },
        }
    }
}

fn refused<S, B, E>(
    settings: &Settings<E>,
    rejection: Rejection,
    request: &HeaderMap,
) -> ResponseFuture<S, B, E>
where
    S: Service<Request<Full<Bytes>>>,
{
    ResponseFuture::refused(settings.refuse(rejection, 0, request))
}

impl<S: Clone, E> Clone for WebhookAuth<S, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<S: fmt::Debug, E> fmt::Debug for WebhookAuth<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAuth")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}
