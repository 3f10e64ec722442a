//! The path of one request: claim, call, commit or release.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    rules::{Duplicate, Rules},
    store::{Claimed, Owner, ReplayStore},
};
use crate::{
    auth::{deadline::Deadline, future::present},
    error::BoxError,
    identity::{Identifying, Identity},
    rejection::{Rejection, RejectionKind},
    response::ResponseBody,
};

pin_project! {
    /// The future of [`ReplayGuard`](super::ReplayGuard).
    ///
    /// When it is dropped, the inner service's future is dropped first, and then the claim is given back.
    /// Nothing is spawned, nothing is boxed.
    pub struct ResponseFuture<S, B, E, St>
    where
        S: Service<Request<B>>,
        St: ReplayStore,
    {
        #[pin]
        state: State<S::Future, S::Response, S::Error, St>,
        // Declared after the state, so dropped after it: the handler has stopped when the claim is released.
        hold: Option<Hold<St>>,
        call: Option<Call<S, B>>,
        guard: Option<Guard<E, St>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, Res, Err, St: ReplayStore> {
        Identifying {
            identifying: Identifying,
        },
        Claiming {
            #[pin]
            claim: St::Claim,
            #[pin]
            deadline: Deadline,
            // Whether the inner service is ready already.
            ready: bool,
        },
        Readying {
            // Whether the inner service was not ready at once.
            waited: bool,
        },
        Calling {
            #[pin]
            future: F,
        },
        Settling {
            #[pin]
            settle: St::Settle,
            #[pin]
            deadline: Deadline,
            done: bool,
            result: Option<Result<Res, Err>>,
        },
        Answered {
            response: Option<Response<Bytes>>,
        },
    }
}

/// The request, and the service that takes it.
pub(super) struct Call<S, B> {
    pub(super) request: Request<B>,
    pub(super) inner: S,
}

/// What guards this call. An unguarded call has none.
struct Guard<E, St> {
    rules: Arc<Rules<E>>,
    store: St,
    /// How long the delivery is remembered when it is done.
    keep: Duration,
    body_bytes: usize,
    duplicate: bool,
}

/// A claim that is granted or may be granted. The value exists before the store is asked, because
/// a call can be dropped before it reads the response of a store that granted the claim.
struct Hold<St: ReplayStore> {
    store: St,
    delivery: Identity,
    owner: Owner,
    /// Whether to give the claim back when this is dropped.
    armed: bool,
}

impl<St: ReplayStore> Hold<St> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl<St: ReplayStore> Drop for Hold<St> {
    fn drop(&mut self) {
        if self.armed {
            self.store.abandon(self.delivery, self.owner);
        }
    }
}

impl<S, B, E, St> ResponseFuture<S, B, E, St>
where
    S: Service<Request<B>>,
    St: ReplayStore,
{
    pub(super) fn guarded(
        call: Call<S, B>,
        rules: Arc<Rules<E>>,
        store: St,
        identifying: Identifying,
        keep: Duration,
        body_bytes: usize,
    ) -> Self {
        Self {
            state: State::Identifying { identifying },
            hold: None,
            call: Some(call),
            guard: Some(Guard {
                rules,
                store,
                keep,
                body_bytes,
                duplicate: false,
            }),
        }
    }

    pub(super) fn unguarded(call: Call<S, B>) -> Self {
        Self {
            state: State::Readying { waited: false },
            hold: None,
            call: Some(call),
            guard: None,
        }
    }

    pub(super) fn answered(response: Response<Bytes>) -> Self {
        Self {
            state: State::Answered {
                response: Some(response),
            },
            hold: None,
            call: None,
            guard: None,
        }
    }
}

impl<E, St: ReplayStore> Guard<E, St> {
    /// What follows from the state of the delivery in the store.
    fn judge(&mut self, claimed: Result<Claimed, BoxError>, headers: &HeaderMap) -> Verdict {
        let reject = |kind: Rejection, retry_after| {
            let response = self
                .rules
                .reject(kind, self.body_bytes, headers, retry_after);
            Verdict::Answer(response)
        };
        match claimed {
            Ok(Claimed::Granted) => Verdict::Call,
            Ok(Claimed::InFlight(left)) => {
                reject(Rejection::new(RejectionKind::DeliveryInFlight), Some(left))
            }
            Ok(Claimed::Done) => {
                self.duplicate = true;
                self.rules
                    .duplicate(headers)
                    .map_or(Verdict::Call, Verdict::Answer)
            }
            Err(error) => reject(
                Rejection::caused_by(RejectionKind::ReplayStoreUnavailable, error),
                None,
            ),
        }
    }
}

enum Verdict {
    Answer(Response<Bytes>),
    Call,
}

impl<S, B, E, St, ResBody> Future for ResponseFuture<S, B, E, St>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    St: ReplayStore,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Identifying { identifying } => {
                    let Some(delivery) = identifying.advance() else {
                        // A large body takes several polls, so that timers of the runtime can fire.
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    };
                    let guard = ready!(present(this.guard.as_ref()));
                    let hold = this.hold.insert(Hold {
                        store: guard.store.clone(),
                        delivery,
                        owner: Owner::new(),
                        armed: true,
                    });
                    this.state.set(claiming(guard, hold, false));
                }
                StateProjection::Claiming {
                    claim,
                    deadline,
                    ready,
                } => {
                    let claimed = match claim.poll(context) {
                        Poll::Ready(claimed) => claimed,
                        Poll::Pending => {
                            ready!(deadline.poll(context));
                            Err(too_slow())
                        }
                    };
                    let guard = ready!(present(this.guard.as_mut()));
                    let call = ready!(present(this.call.as_mut()));
                    // A claim that failed may have been granted: only a clear response disarms.
                    if matches!(claimed, Ok(Claimed::Done | Claimed::InFlight(_)))
                        && let Some(hold) = this.hold.take()
                    {
                        hold.disarm();
                    }
                    let ready = *ready;
                    match guard.judge(claimed, call.request.headers()) {
                        Verdict::Answer(response) => {
                            // Gives a granted lease back.
                            drop(this.hold.take());
                            this.state.set(State::Answered {
                                response: Some(response),
                            });
                            continue;
                        }
                        Verdict::Call if guard.duplicate => {
                            call.request.extensions_mut().insert(Duplicate);
                        }
                        Verdict::Call => {}
                    }
                    if ready {
                        let mut call = ready!(present(this.call.take()));
                        let future = call.inner.call(call.request);
                        this.state.set(State::Calling { future });
                    } else {
                        this.state.set(State::Readying { waited: false });
                    }
                }
                // Our own clone is asked, and called. If the service were asked in our `poll_ready`, a
                // duplicate would hold a permit of a `ConcurrencyLimit` inside.
                StateProjection::Readying { waited } => {
                    let call = ready!(present(this.call.as_mut()));
                    let Poll::Ready(ready) = call.inner.poll_ready(context) else {
                        *waited = true;
                        return Poll::Pending;
                    };
                    // On an error the hold is dropped with this future.
                    ready?;
                    match (this.guard.as_ref(), this.hold.as_ref()) {
                        // The wait has used a part of the lease, or all of it.
                        (Some(guard), Some(hold)) if *waited => {
                            this.state.set(claiming(guard, hold, true));
                        }
                        _ => {
                            let mut call = ready!(present(this.call.take()));
                            let future = call.inner.call(call.request);
                            this.state.set(State::Calling { future });
                        }
                    }
                }
                StateProjection::Calling { future } => {
                    let mut result = ready!(future.poll(context));
                    let Some(guard) = this.guard.as_ref() else {
                        return Poll::Ready(
                            result.map(|response| response.map(ResponseBody::inner)),
                        );
                    };
                    if guard.duplicate
                        && let Ok(response) = &mut result
                    {
                        response.extensions_mut().insert(Duplicate);
                    }
                    let Some(hold) = this.hold.take() else {
                        return Poll::Ready(
                            result.map(|response| response.map(ResponseBody::inner)),
                        );
                    };
                    let done = result.as_ref().is_ok_and(|response| {
                        (guard.rules.commits)(response.status(), response.headers())
                    });
                    let settle = if done {
                        hold.store.commit(hold.delivery, hold.owner, guard.keep)
                    } else {
                        hold.store.release(hold.delivery, hold.owner)
                    };
                    if done {
                        // The work is done: from here on a drop must not give the claim back.
                        hold.disarm();
                    } else {
                        *this.hold = Some(hold);
                    }
                    let deadline = Deadline::new(guard.rules.store_deadline);
                    this.state.set(State::Settling {
                        settle,
                        deadline,
                        done,
                        result: Some(result),
                    });
                }
                // The sender gets the response of the inner service, even if the store fails.
                // After a 503 the sender would repeat a delivery that is done.
                StateProjection::Settling {
                    settle,
                    deadline,
                    done,
                    result,
                } => {
                    let settled = match settle.poll(context) {
                        Poll::Ready(settled) => settled,
                        Poll::Pending => {
                            ready!(deadline.poll(context));
                            Err(too_slow())
                        }
                    };
                    match settled {
                        Ok(()) => {
                            if let Some(hold) = this.hold.take() {
                                hold.disarm();
                            }
                        }
                        Err(error) => {
                            if let Some(guard) = this.guard.as_ref() {
                                guard.rules.not_settled(&*error, *done);
                            }
                            // One more try to release, in the background.
                            drop(this.hold.take());
                        }
                    }
                    let result = ready!(present(result.take()));
                    return Poll::Ready(result.map(|response| response.map(ResponseBody::inner)));
                }
                StateProjection::Answered { response } => {
                    let response = ready!(present(response.take()));
                    return Poll::Ready(Ok(response.map(ResponseBody::text)));
                }
            }
        }
    }
}

fn claiming<F, Res, Err, E, St: ReplayStore>(
    guard: &Guard<E, St>,
    hold: &Hold<St>,
    ready: bool,
) -> State<F, Res, Err, St> {
    State::Claiming {
        claim: hold
            .store
            .claim(hold.delivery, hold.owner, guard.rules.lease),
        deadline: Deadline::new(guard.rules.store_deadline),
        ready,
    }
}

fn too_slow() -> BoxError {
    "the replay store did not respond within the store deadline".into()
}

impl<S, B, E, St> fmt::Debug for ResponseFuture<S, B, E, St>
where
    S: Service<Request<B>>,
    St: ReplayStore,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
