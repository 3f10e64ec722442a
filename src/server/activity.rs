//! Whether a connection waits for the client, and since when.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

/// What one connection does. All its requests share it.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    /// How many requests wait for the service: for its response, or for more of a response body.
    working: usize,
    /// Since when we wait for the client, if `working` is 0.
    since: Instant,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            working: 0,
            since: Instant::now(),
        })))
    }

    /// How much of `limit` is left before the client has kept us waiting for too long. `None` means that
    /// the limit is reached. While the service works, the whole limit is left.
    pub(super) fn left_of(&self, limit: Duration) -> Option<Duration> {
        let state = self.lock();
        if state.working > 0 {
            // The limit counts from the end of the work. The next look is early enough for that.
            return Some(limit);
        }
        limit
            .checked_sub(state.since.elapsed())
            .filter(|left| !left.is_zero())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user runs under the lock, and each state is a valid one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many requests are in progress on all connections.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<AtomicUsize>);

impl Requests {
    pub(super) fn in_progress(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One request in progress, from the call of the service to the end of the response body.
struct InProgress {
    activity: Activity,
    requests: Requests,
    working: bool,
}

impl InProgress {
    fn new(activity: Activity, requests: Requests) -> Self {
        requests.0.fetch_add(1, Ordering::Relaxed);
        let mut this = Self {
            activity,
            requests,
            working: false,
        };
        this.waits_for_service();
        this
    }

    fn waits_for_service(&mut self) {
        if !self.working {
            self.working = true;
            let mut state = self.activity.lock();
            state.working = state.working.saturating_add(1);
        }
    }

    fn waits_for_client(&mut self) {
        let mut state = self.activity.lock();
        state.since = Instant::now();
        if self.working {
            self.working = false;
            state.working = state.working.saturating_sub(1);
        }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.waits_for_client();
        self.requests.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A service that reports its work to the connection.
pub(super) struct Watched<S> {
    inner: TowerToHyperService<S>,
    activity: Activity,
    requests: Requests,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, activity: Activity, requests: Requests) -> Self {
        Self {
            inner: TowerToHyperService::new(inner),
            activity,
            requests,
        }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Watched<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = Response<WatchedBody<B>>;
    type Error = S::Error;
    type Future =
        Watching<<TowerToHyperService<S> as hyper::service::Service<Request<Incoming>>>::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Watching {
            in_progress: Some(InProgress::new(
                self.activity.clone(),
                self.requests.clone(),
            )),
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    pub(super) struct Watching<F> {
        in_progress: Option<InProgress>,
        #[pin]
        inner: F,
    }
}

impl<F, B, E> Future for Watching<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<WatchedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context));
        let mut in_progress = this.in_progress.take();
        if let Some(in_progress) = &mut in_progress {
            in_progress.waits_for_client();
        }
        Poll::Ready(
            response.map(|response| response.map(|inner| WatchedBody { in_progress, inner })),
        )
    }
}

pin_project! {
    pub(super) struct WatchedBody<B> {
        in_progress: Option<InProgress>,
        #[pin]
        inner: B,
    }
}

impl<B: Body> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = this.inner.poll_frame(context);
        match &frame {
            Poll::Pending => {
                if let Some(in_progress) = this.in_progress {
                    in_progress.waits_for_service();
                }
            }
            // hyper asks for the next frame when the client can receive it.
            Poll::Ready(Some(Ok(_))) => {
                if let Some(in_progress) = this.in_progress {
                    in_progress.waits_for_client();
                }
            }
            Poll::Ready(None | Some(Err(_))) => *this.in_progress = None,
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
