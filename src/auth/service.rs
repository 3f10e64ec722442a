//! [`WebhookAuth`], the service: checks the request head.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::{
    future::{InnerCall, ResponseFuture},
    keys::Next,
    read::Reader,
    settings::Settings,
    setup,
};
use crate::{
    error::BoxError,
    rejection::Rejection,
    response::ResponseBody,
    scheme::Check,
    tenants::{KeySource, OwnKeys},
};

/// The middleware that [`WebhookAuthLayer`](crate::WebhookAuthLayer) puts around a service.
///
/// The service is always ready. Put a limit for all requests into an outer layer. The limits of
/// the inner service apply to verified requests only.
pub struct WebhookAuth<S, E, K = OwnKeys> {
    inner: S,
    settings: Arc<Settings<E, K>>,
}

impl<S, E, K> WebhookAuth<S, E, K> {
    pub(crate) fn new(inner: S, settings: Arc<Settings<E, K>>) -> Self {
        Self { inner, settings }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service and drops the middleware.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, E, K, B, ResBody> Service<Request<B>> for WebhookAuth<S, E, K>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
    E: Send + Sync + 'static,
    K: KeySource,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, E, K>;

    /// Always ready. The readiness of the inner service is awaited after the verification.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let settings = &self.settings;
        if !K::OWN {
            return select(settings, &self.inner, head, body);
        }
        // The length is checked after the head, so a client without the key learns nothing about
        // limits.
        match settings.provider.begin(&head, &*settings.clock) {
            Err(rejection) => match setup::reader(settings, &rejection, &head, body) {
                Ok(reader) => ResponseFuture::reading(
                    reader,
                    Check::failed(rejection),
                    InnerCall {
                        head,
                        inner: self.inner.clone(),
                        settings: Arc::clone(settings),
                    },
                ),
                Err(_) => rejected(settings, rejection, &head),
            },
            Ok(check) => match settings.limits.declared_length(&body, &head.headers) {
                Err(rejection) => rejected(settings, rejection, &head),
                Ok(declared) => ResponseFuture::reading(
                    Reader::new(body, declared, &settings.limits),
                    check,
                    InnerCall {
                        head,
                        inner: self.inner.clone(),
                        settings: Arc::clone(settings),
                    },
                ),
            },
        }
    }
}

/// The same with a key source. The source is asked only if some key could match the request head.
fn select<S, B, E, K>(
    settings: &Arc<Settings<E, K>>,
    inner: &S,
    head: Parts,
    body: B,
) -> ResponseFuture<S, B, E, K>
where
    S: Service<Request<Full<Bytes>>> + Clone,
    B: Body,
    K: KeySource,
{
    let inner_call = |head| InnerCall {
        head,
        inner: inner.clone(),
        settings: Arc::clone(settings),
    };
    let arrived = settings.clock.now();
    if let Err(rejection) = settings.judge(&head, arrived) {
        return match setup::reader(settings, &rejection, &head, body) {
            Ok(reader) => {
                ResponseFuture::reading(reader, Check::failed(rejection), inner_call(head))
            }
            Err(_) => rejected(settings, rejection, &head),
        };
    }
    let declared = match settings.limits.declared_length(&body, &head.headers) {
        Ok(declared) => declared,
        Err(rejection) => return rejected(settings, rejection, &head),
    };
    match settings.select(&head, None, arrived) {
        Err(rejection) => rejected(settings, rejection, &head),
        Ok(next) => {
            let reader = Reader::new(body, declared, &settings.limits);
            match next {
                Next::Check(check) => ResponseFuture::reading(reader, check, inner_call(head)),
                Next::LookUp(lookup) => {
                    ResponseFuture::looking_up(lookup, reader, arrived, inner_call(head))
                }
            }
        }
    }
}

fn rejected<S, B, E, K>(
    settings: &Settings<E, K>,
    rejection: Rejection,
    head: &Parts,
) -> ResponseFuture<S, B, E, K>
where
    S: Service<Request<Full<Bytes>>>,
    K: KeySource,
{
    ResponseFuture::rejected(settings.reject(rejection, Err(0), head))
}

impl<S: Clone, E, K> Clone for WebhookAuth<S, E, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<S: fmt::Debug, E, K> fmt::Debug for WebhookAuth<S, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAuth")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}
