//! The service: takes the verified delivery out of the request, and begins.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    future::{Call, ResponseFuture},
    rules::{Rules, misconfigured},
    store::ReplayStore,
};
use crate::{event::type_name, rejection::Rejection, response::ResponseBody, verified::Verified};

/// The middleware that [`ReplayGuardLayer`](super::ReplayGuardLayer) puts around a service.
pub struct ReplayGuard<S, E, St> {
    inner: S,
    store: St,
    rules: Arc<Rules<E>>,
}

impl<S, E, St> ReplayGuard<S, E, St> {
    pub(super) fn new(inner: S, store: St, rules: Arc<Rules<E>>) -> Self {
        Self {
            inner,
            store,
            rules,
        }
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

impl<S, E, St, B, ResBody> Service<Request<B>> for ReplayGuard<S, E, St>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    E: Send + Sync + 'static,
    St: ReplayStore,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, E, St>;

    /// Always ready: the inner service is asked when the delivery is claimed.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let rules = &self.rules;
        let Some(webhook) = request.extensions().get::<Verified<E>>() else {
            let rejection = misplaced::<E>();
            return ResponseFuture::answered(rules.reject(rejection, 0, request.headers(), None));
        };
        let body_bytes = webhook.body().len();
        let identified = rules.identify(webhook);
        let call = Call {
            request,
            inner: self.inner.clone(),
        };
        match identified {
            Ok(Some((identifying, keep))) => ResponseFuture::guarded(
                call,
                Arc::clone(rules),
                self.store.clone(),
                identifying,
                keep,
                body_bytes,
            ),
            Ok(None) => ResponseFuture::unguarded(call),
            Err(rejection) => {
                let headers = call.request.headers();
                ResponseFuture::answered(rules.reject(rejection, body_bytes, headers, None))
            }
        }
    }
}

/// The guard found no delivery to guard.
fn misplaced<E: 'static>() -> Rejection {
    let event = type_name::<E>();
    misconfigured(format!(
        "the replay guard found no Verified<{event}> in the request: put ReplayGuardLayer inside of \
         WebhookAuthLayer, in axum with one call `route_layer((auth, guard))`; if it is inside, make \
         both from one provider, after `json`, `parse` or `fallible`"
    ))
}

impl<S: Clone, E, St: Clone> Clone for ReplayGuard<S, E, St> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            store: self.store.clone(),
            rules: Arc::clone(&self.rules),
        }
    }
}

impl<S: fmt::Debug, E, St: fmt::Debug> fmt::Debug for ReplayGuard<S, E, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard")
            .field("inner", &self.inner)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
