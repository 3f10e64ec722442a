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

use crate::{
    error::BoxError, read::Reader, response::ResponseBody, scheme::Check, settings::Settings,
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
        state: State<S, S::Future, B, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B, E> {
        Reading {
            #[pin]
            reader: Reader<B>,
            // The largest part, a hash's state for each key: fed and asked where it is.
            check: Check,
            walk: Option<Walk<S, E>>,
        },
        Readying {
            inner: S,
            request: Option<Request<Full<Bytes>>>,
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

/// What goes along while a body is read.
pub(crate) struct Walk<S, E> {
    pub(crate) head: Parts,
    pub(crate) inner: S,
    pub(crate) settings: Arc<Settings<E>>,
}

impl<S, B, E> ResponseFuture<S, B, E>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(crate) fn reading(reader: Reader<B>, check: Check, walk: Walk<S, E>) -> Self {
        Self {
            state: State::Reading {
                reader,
                check,
                walk: Some(walk),
            },
        }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
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
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Reading {
                    mut reader,
                    check,
                    walk,
                } => {
                    let read = ready!(reader.as_mut().poll_read(context, check));
                    let received = match &read {
                        Ok(body) => body.len(),
                        Err(_) => reader.received(),
                    };
                    let Some(Walk {
                        mut head,
                        inner,
                        settings,
                    }) = walk.take()
                    else {
                        return Poll::Pending;
                    };
                    let verified = read.and_then(|body| {
                        let proof = check.finish(&body)?;
                        let verified =
                            settings
                                .provider
                                .verified(proof, body.clone(), &mut head.headers)?;
                        Ok((body, verified))
                    });
                    // Leaving this state drops the request's body and gives its budget back.
                    match verified {
                        Ok((body, verified)) => {
                            let acceptance = settings.accept(&verified);
                            head.extensions.insert(verified);
                            state.set(State::Readying {
                                inner,
                                request: Some(Request::from_parts(head, Full::new(body))),
                                acceptance,
                            });
                        }
                        Err(rejection) => {
                            let response = settings.refuse(rejection, received, &head.headers);
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
                StateProjection::Readying {
                    inner,
                    request,
                    acceptance,
                } => {
                    ready!(inner.poll_ready(context))?;
                    let Some(request) = request.take() else {
                        return Poll::Pending;
                    };
                    let future = inner.call(request);
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
