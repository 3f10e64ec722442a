//! The walk of one request: reading, then calling, unless it is refused on the way.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{read::Reader, settings::Settings};
use crate::{
    error::BoxError, rejection::Rejection, response::ResponseBody, scheme::Check,
    verified::Acceptance,
};

pin_project! {
    /// The future of [`WebhookAuth`](crate::WebhookAuth).
    ///
    /// Dropped at any point it drops all that it held. Nothing is spawned, nothing is boxed.
    pub struct ResponseFuture<S, B, E>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        state: State<B, S::Future>,
        walk: Option<Walk<S, E>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<B, F> {
        Reading {
            #[pin]
            reader: Reader<B>,
            check: Check,
        },
        Readying {
            body: Bytes,
            acceptance: Option<Acceptance>,
        },
        Calling {
            #[pin]
            future: F,
            acceptance: Option<Acceptance>,
        },
        Refused {
            response: Option<Response<Bytes>>,
        },
    }
}

/// What goes along until the inner service is called. It stays where it is from state to state:
/// each move of a request's head is a copy of some 200 bytes.
pub(crate) struct Walk<S, E> {
    pub(crate) head: Parts,
    pub(crate) inner: S,
    pub(crate) settings: Arc<Settings<E>>,
}

impl<S, E: Send + Sync + 'static> Walk<S, E> {
    /// The whole body is there: the verdict, and the event for whoever comes behind us.
    fn verify(&mut self, check: &mut Check, body: &Bytes) -> Result<Option<Acceptance>, Rejection> {
        let proof = check.finish(body)?;
        let head = &mut self.head;
        let verified = self
            .settings
            .provider
            .verified(proof, body.clone(), &mut head.headers)?;
        let acceptance = self.settings.accept(&verified);
        head.extensions.insert(verified);
        Ok(acceptance)
    }
}

impl<S, B, E> ResponseFuture<S, B, E>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(crate) fn reading(reader: Reader<B>, check: Check, walk: Walk<S, E>) -> Self {
        Self {
            state: State::Reading { reader, check },
            walk: Some(walk),
        }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
            walk: None,
        }
    }
}

impl<S, B, E, ResBody> Future for ResponseFuture<S, B, E>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
    B: Body,
    B::Error: Into<BoxError>,
    E: Send + Sync + 'static,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut state, walk) = (this.state, this.walk);
        loop {
            match state.as_mut().project() {
                StateProjection::Reading { mut reader, check } => {
                    let read = ready!(reader.as_mut().poll_read(context, check));
                    let received = match &read {
                        Ok(body) => body.len(),
                        Err(_) => reader.received(),
                    };
                    let Some(walk) = walk else {
                        return Poll::Pending;
                    };
                    let verified = read.and_then(|body| {
                        let acceptance = walk.verify(check, &body)?;
                        Ok((body, acceptance))
                    });
                    // Leaving this state drops the request's body and gives its budget back.
                    match verified {
                        Ok((body, acceptance)) => state.set(State::Readying { body, acceptance }),
                        Err(rejection) => {
                            let headers = &walk.head.headers;
                            let response = walk.settings.refuse(rejection, received, headers);
                            state.set(State::Refused {
                                response: Some(response),
                            });
                        }
                    }
                }
                // Asked only now, and of our own clone. The usual way, to reserve the inner service
                // in our `poll_ready` and to call the instance that was ready, would let strangers
                // hold a permit of a `ConcurrencyLimit` or a slot of a `Buffer` in there for as
                // long as they take over a body. (This is `tower::util::Oneshot`, without the five
                // crates that it comes with.)
                StateProjection::Readying { body, acceptance } => {
                    if let Some(walk) = walk {
                        ready!(walk.inner.poll_ready(context))?;
                    }
                    let Some(mut walk) = walk.take() else {
                        return Poll::Pending;
                    };
                    let body = Full::new(std::mem::take(body));
                    let future = walk.inner.call(Request::from_parts(walk.head, body));
                    let acceptance = acceptance.take();
                    state.set(State::Calling { future, acceptance });
                }
                StateProjection::Calling { future, acceptance } => {
                    let mut response = ready!(future.poll(context))?;
                    if let Some(acceptance) = acceptance.take() {
                        response.extensions_mut().insert(acceptance);
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                StateProjection::Refused { response } => {
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(response.map(ResponseBody::refusal)));
                }
            }
        }
    }
}

impl<S, B, E> fmt::Debug for ResponseFuture<S, B, E>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
