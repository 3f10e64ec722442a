//! The future of one request: read the body, verify it, call the inner service, or reject.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    budget::Share,
    deadline::Deadline,
    keys::{Next, poll_lookup},
    read::{Reader, bytes_per_poll},
    settings::Settings,
};
use crate::{
    error::BoxError,
    rejection::Rejection,
    response::ResponseBody,
    scheme::Check,
    tenants::{KeySource, OwnKeys},
    verified::Acceptance,
};

pin_project! {
    /// The future of [`WebhookAuth`](crate::WebhookAuth).
    ///
    /// If it is dropped at any point, it releases everything that it holds. It spawns nothing and
    /// boxes nothing.
    pub struct ResponseFuture<S, B, E, K = OwnKeys>
    where
        S: Service<Request<Full<Bytes>>>,
        K: KeySource,
    {
        #[pin]
        state: State<B, S::Future, E, K, K::Lookup>,
        inner_call: Option<InnerCall<S, E, K>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<B, F, E, K, L> {
        // The head says whose keys to use. The body is not polled before they are found.
        LookingUp {
            #[pin]
            lookup: L,
            #[pin]
            deadline: Deadline,
            reader: Option<Reader<B>>,
            arrived: SystemTime,
        },
        // The body says whose keys to use. It counts in the memory budget until the verdict.
        LookingUpByBody {
            #[pin]
            lookup: L,
            #[pin]
            deadline: Deadline,
            body: Bytes,
            share: Share,
            arrived: SystemTime,
        },
        // The keys that the body selected were found.
        Checking {
            check: Check,
            body: Bytes,
            checked: usize,
            share: Share,
        },
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
            settings: Arc<Settings<E, K>>,
        },
        Rejected {
            response: Option<Response<Bytes>>,
        },
    }
}

/// What the call of the inner service needs. It is kept outside of the states, because each move of
/// a request head copies about 200 bytes.
pub(crate) struct InnerCall<S, E, K> {
    pub(crate) head: Parts,
    pub(crate) inner: S,
    pub(crate) settings: Arc<Settings<E, K>>,
}

/// What follows from a verified delivery.
enum Verdict {
    Accepted(Option<Acceptance>),
    SetUp(Response<Bytes>),
}

impl<S, E: Send + Sync + 'static, K> InnerCall<S, E, K> {
    /// Gets the verdict about the whole body, and puts the event into the request's extensions.
    ///
    /// The claims of a token in the body take the place of the body: nothing else is proven.
    fn verify(&mut self, check: &mut Check, body: &mut Bytes) -> Result<Verdict, Rejection> {
        let proof = match check.finish(body) {
            Ok(proof) => proof,
            Err(rejection) => {
                let answer = self
                    .settings
                    .answer_without_key(&rejection, body, &self.head);
                return answer.map(Verdict::SetUp).ok_or(rejection);
            }
        };
        if let Some(answer) = self.settings.answer_signed(body) {
            return Ok(Verdict::SetUp(answer));
        }
        let head = &mut self.head;
        let is_opened = proof.claims.is_some();
        let verified = self
            .settings
            .provider
            .verified(proof, body.clone(), &mut head.headers)?;
        if is_opened {
            *body = verified.body().clone();
            describe_claims(&mut head.headers, body.len());
        }
        let acceptance = self.settings.accept(&verified);
        head.extensions.insert(verified);
        Ok(Verdict::Accepted(acceptance))
    }
}

/// The headers of a body that is the claims of a token.
fn describe_claims(headers: &mut HeaderMap, length: usize) {
    replace(
        headers,
        CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if headers.contains_key(CONTENT_LENGTH) {
        replace(headers, CONTENT_LENGTH, length.into());
    }
}

/// The same as `HeaderMap::insert`, which panics if the map is full. In a full map, a header that is absent stays
/// absent.
fn replace(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if headers.try_insert(&name, value.clone()).is_err() {
        let values = headers.iter_mut().filter(|(other, _)| **other == name);
        values.for_each(|(_, old)| old.clone_from(&value));
    }
}

impl<S, B, E, K> ResponseFuture<S, B, E, K>
where
    S: Service<Request<Full<Bytes>>>,
    K: KeySource,
{
    pub(crate) fn looking_up(
        lookup: K::Lookup,
        reader: Reader<B>,
        arrived: SystemTime,
        inner_call: InnerCall<S, E, K>,
    ) -> Self {
        Self {
            state: State::LookingUp {
                lookup,
                deadline: Deadline::new(inner_call.settings.key_deadline),
                reader: Some(reader),
                arrived,
            },
            inner_call: Some(inner_call),
        }
    }

    pub(crate) fn reading(reader: Reader<B>, check: Check, inner_call: InnerCall<S, E, K>) -> Self {
        Self {
            state: State::Reading { reader, check },
            inner_call: Some(inner_call),
        }
    }

    pub(crate) fn rejected(response: Response<Bytes>) -> Self {
        Self {
            state: State::Rejected {
                response: Some(response),
            },
            inner_call: None,
        }
    }
}

/// A value that a future keeps until it is used once. It is absent only if a future is polled after it was ready.
pub(crate) fn present<T>(value: Option<T>) -> Poll<T> {
    value.map_or(Poll::Pending, Poll::Ready)
}

impl<S, B, E, K, ResBody> Future for ResponseFuture<S, B, E, K>
where
    K: KeySource,
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
    B: Body,
    B::Error: Into<BoxError>,
    E: Send + Sync + 'static,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut state, inner_call) = (this.state, this.inner_call);
        loop {
            match state.as_mut().project() {
                StateProjection::LookingUp {
                    lookup,
                    deadline,
                    reader,
                    arrived,
                } => {
                    let found = ready!(poll_lookup(lookup, deadline, context));
                    let call = ready!(present(inner_call.as_ref()));
                    let reader = ready!(present(reader.take()));
                    match call.settings.begin_with(found, &call.head, *arrived) {
                        Ok(check) => state.set(State::Reading { reader, check }),
                        Err(rejection) => {
                            let response = call.settings.reject(rejection, Err(0), &call.head);
                            state.set(State::Rejected {
                                response: Some(response),
                            });
                        }
                    }
                }
                StateProjection::LookingUpByBody {
                    lookup,
                    deadline,
                    body,
                    share,
                    arrived,
                } => {
                    let found = ready!(poll_lookup(lookup, deadline, context));
                    let call = ready!(present(inner_call.as_mut()));
                    match call.settings.begin_with(found, &call.head, *arrived) {
                        Ok(check) => {
                            let (body, share) = (std::mem::take(body), share.take());
                            state.set(State::Checking {
                                check,
                                body,
                                checked: 0,
                                share,
                            });
                        }
                        Err(rejection) => {
                            let settings = &call.settings;
                            let response = settings.reject(rejection, Ok(body), &call.head);
                            state.set(State::Rejected {
                                response: Some(response),
                            });
                        }
                    }
                }
                StateProjection::Checking {
                    check,
                    body,
                    checked,
                    share: _,
                } => {
                    // A large body is hashed in pieces, so that the task gives the thread back.
                    let rest = body.get(*checked..).unwrap_or_default();
                    let piece = rest.get(..bytes_per_poll(check)).unwrap_or(rest);
                    check.update(piece);
                    *checked = checked.saturating_add(piece.len());
                    if *checked < body.len() {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    let call = ready!(present(inner_call.as_mut()));
                    let mut body = std::mem::take(body);
                    match call.verify(check, &mut body) {
                        Ok(Verdict::Accepted(acceptance)) => {
                            state.set(State::Readying { body, acceptance });
                        }
                        Ok(Verdict::SetUp(response)) => state.set(State::Rejected {
                            response: Some(response),
                        }),
                        Err(rejection) => {
                            let settings = &call.settings;
                            let response = settings.reject(rejection, Ok(&body), &call.head);
                            state.set(State::Rejected {
                                response: Some(response),
                            });
                        }
                    }
                }
                StateProjection::Reading { mut reader, check } => {
                    let read = ready!(reader.as_mut().poll_read(context, check));
                    let received = match &read {
                        Ok(body) => body.len(),
                        Err(_) => reader.as_mut().received(),
                    };
                    let call = ready!(present(inner_call.as_mut()));
                    if let Some(rejection) = check.take_failure() {
                        let body = read.as_ref().map_err(|_| received);
                        let settings = &call.settings;
                        let response = settings.answer_unsigned(rejection, body, &call.head);
                        state.set(State::Rejected {
                            response: Some(response),
                        });
                        continue;
                    }
                    if !K::OWN
                        && let (Check::Unkeyed { arrived }, Ok(body)) = (&*check, &read)
                    {
                        let (arrived, body) = (*arrived, body.clone());
                        match call.settings.select(&call.head, Some(&body), arrived) {
                            Ok(Next::LookUp(lookup)) => {
                                let share = reader.as_mut().take_share();
                                state.set(State::LookingUpByBody {
                                    lookup,
                                    deadline: Deadline::new(call.settings.key_deadline),
                                    body,
                                    share,
                                    arrived,
                                });
                            }
                            Ok(Next::Check(check)) => {
                                let share = reader.as_mut().take_share();
                                state.set(State::Checking {
                                    check,
                                    body,
                                    checked: 0,
                                    share,
                                });
                            }
                            Err(rejection) => {
                                let settings = &call.settings;
                                let response = settings.reject(rejection, Ok(&body), &call.head);
                                state.set(State::Rejected {
                                    response: Some(response),
                                });
                            }
                        }
                        continue;
                    }
                    let verified = match read {
                        Ok(mut body) => match call.verify(check, &mut body) {
                            Ok(verdict) => Ok((body, verdict)),
                            Err(rejection) => Err((rejection, Ok(body))),
                        },
                        Err(rejection) => Err((rejection, Err(received))),
                    };
                    // Leaving this state drops the request body and gives its budget back.
                    match verified {
                        Ok((body, Verdict::Accepted(acceptance))) => {
                            state.set(State::Readying { body, acceptance });
                        }
                        Ok((_, Verdict::SetUp(response))) => state.set(State::Rejected {
                            response: Some(response),
                        }),
                        Err((rejection, body)) => {
                            let body = body.as_ref().map_err(|received| *received);
                            let response = call.settings.reject(rejection, body, &call.head);
                            state.set(State::Rejected {
                                response: Some(response),
                            });
                        }
                    }
                }
                // Only a verified request waits for the inner service, and it waits on the clone
                // that is called. Most middleware reserves the inner service in its own
                // `poll_ready`. Here, an untrusted client could then hold a permit of an inner
                // `ConcurrencyLimit`, or a slot of an inner `Buffer`, until its body has arrived.
                // (This is `tower::util::Oneshot` without the five crates that it depends on.)
                StateProjection::Readying { body, acceptance } => {
                    let call = ready!(present(inner_call.as_mut()));
                    ready!(call.inner.poll_ready(context))?;
                    let mut call = ready!(present(inner_call.take()));
                    let body = Full::new(std::mem::take(body));
                    let future = call.inner.call(Request::from_parts(call.head, body));
                    let acceptance = acceptance.take();
                    state.set(State::Calling {
                        future,
                        acceptance,
                        settings: call.settings,
                    });
                }
                StateProjection::Calling {
                    future,
                    acceptance,
                    settings,
                } => {
                    let mut response = ready!(future.poll(context))?;
                    if let Some(acceptance) = acceptance.take() {
                        response.extensions_mut().insert(acceptance);
                    }
                    return Poll::Ready(Ok(settings.explain(response)));
                }
                StateProjection::Rejected { response } => {
                    let response = ready!(present(response.take()));
                    return Poll::Ready(Ok(response.map(ResponseBody::text)));
                }
            }
        }
    }
}

impl<S, B, E, K> fmt::Debug for ResponseFuture<S, B, E, K>
where
    S: Service<Request<Full<Bytes>>>,
    K: KeySource,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
