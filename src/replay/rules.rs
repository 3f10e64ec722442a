//! The options of a guard, and what each delivery needs of them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use super::observe::Observer;
use crate::{
    clock::Clock,
    error::BoxError,
    identity::Identifying,
    rejection::{Rejection, RejectionKind},
    response,
    verified::Verified,
};

/// A marker in the extensions of a response, and with
/// [`call_with_duplicates`](super::ReplayGuardLayer::call_with_duplicates) also of the request: the
/// delivery was processed before.
///
/// ```
/// use tower_webhook_auth::replay::Duplicate;
///
/// fn is_duplicate<B>(response: &http::Response<B>) -> bool {
///     response.extensions().get::<Duplicate>().is_some()
/// }
/// # assert!(!is_duplicate(&http::Response::new(())));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate;

pub(super) type EventId<E> = dyn Fn(&E) -> Option<String> + Send + Sync;
pub(super) type Commits = dyn Fn(StatusCode, &HeaderMap) -> bool + Send + Sync;
pub(super) type Answer = dyn Fn(&HeaderMap) -> Response<Bytes> + Send + Sync;
pub(super) type OnRejection = dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync;

/// What happens to a delivery that is done.
#[derive(Clone)]
pub(super) enum Duplicates {
    Answer(Arc<Answer>),
    Call,
}

pub(super) struct Rules<E> {
    pub(super) provider: Arc<str>,
    pub(super) event_id: Option<Arc<EventId<E>>>,
    pub(super) commits: Arc<Commits>,
    pub(super) duplicates: Duplicates,
    pub(super) on_rejection: Option<Arc<OnRejection>>,
    pub(super) lease: Duration,
    pub(super) window: Duration,
    pub(super) store_deadline: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<Observer>,
}

/// How far the clocks of several machines that share a store may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// The longest wait that is suggested to a sender.
const MOST_RETRY_AFTER_SECONDS: u64 = 10;

impl<E> Rules<E> {
    /// The identity of the delivery, and for how long a store has to remember it. `None` for a delivery
    /// without an event id, which is not guarded.
    pub(super) fn identify(
        &self,
        webhook: &Verified<E>,
    ) -> Result<Option<(Identifying, Duration)>, Rejection> {
        if let Some(event_id) = &self.event_id {
            return Ok(event_id(webhook.event())
                .map(|id| (webhook.identifying_event(&id), self.keep(webhook, false))));
        }
        match webhook.identifying() {
            Some(identifying) => {
                let has_time = webhook.signed_id().is_none() && webhook.signed_at().is_some();
                Ok(Some((identifying, self.keep(webhook, has_time))))
            }
            None => Err(misconfigured(
                "the delivery was verified in a way that signs neither an id nor the body: use \
                 `ReplayGuardLayer::by_event_id`",
            )),
        }
    }

    /// The layer rejects a copy of a delivery with a signed time when the tolerance is over, or when it expires.
    /// So the delivery must not be forgotten earlier. If the time is part of the identity, the delivery need not
    /// be remembered for longer: a later attempt of the sender has another time, and so another identity.
    fn keep(&self, webhook: &Verified<E>, has_time: bool) -> Duration {
        let now = self.clock.now();
        let timed = webhook.signed_at().zip(webhook.tolerance());
        let left = timed.map(
            |(signed_at, tolerance)| match now.duration_since(signed_at) {
                Ok(age) => tolerance.saturating_sub(age),
                Err(ahead) => tolerance.saturating_add(ahead.duration()),
            },
        );
        let expires_in = webhook.expires_at();
        let expires_in = expires_in.map(|time| time.duration_since(now).unwrap_or_default());
        let accepted = left.or(expires_in);
        let accepted = accepted.map(|left| left.saturating_add(CLOCK_DIFFERENCE));
        match accepted {
            Some(accepted) if has_time => accepted,
            Some(accepted) => accepted.max(self.window),
            None => self.window,
        }
    }

    /// Makes the response to a rejected request. Outer layers find the rejection in its extensions.
    pub(super) fn reject(
        &self,
        rejection: Rejection,
        body_bytes: usize,
        request: &HeaderMap,
        retry_after: Option<Duration>,
    ) -> Response<Bytes> {
        let rejection = rejection.seen_by(&self.provider, body_bytes);
        self.observer.rejected(&rejection, &*self.clock);
        let mut response = match &self.on_rejection {
            Some(respond) => respond(&rejection),
            None => {
                let mut response = response::rejected(&rejection, request);
                let header = response.headers_mut().get_mut(RETRY_AFTER);
                if let (Some(header), Some(wait)) = (header, retry_after) {
                    // A part of a second counts as a whole second.
                    let seconds = wait.as_secs().saturating_add(1);
                    *header = HeaderValue::from(seconds.min(MOST_RETRY_AFTER_SECONDS));
                }
                response
            }
        };
        response.extensions_mut().insert(rejection);
        response
    }

    /// The response to a delivery that is done. `None` if the inner service makes it.
    pub(super) fn duplicate(&self, request: &HeaderMap) -> Option<Response<Bytes>> {
        self.observer.duplicate(&self.provider);
        match &self.duplicates {
            Duplicates::Answer(answer) => {
                let mut response = answer(request);
                response.extensions_mut().insert(Duplicate);
                Some(response)
            }
            Duplicates::Call => None,
        }
    }

    /// The handler is done, but the store did not record it.
    pub(super) fn not_settled(&self, error: &dyn std::fmt::Display, done: bool) {
        self.observer
            .not_settled(&self.provider, error, done, &*self.clock);
    }
}

/// A mistake in the program. It is found when the first delivery arrives.
pub(super) fn misconfigured(problem: impl Into<BoxError>) -> Rejection {
    Rejection::caused_by(RejectionKind::GuardMisconfigured, problem.into())
}

/// Any 2xx status is success, unless a gRPC status in the headers says otherwise. A gRPC error has HTTP
/// status 200.
pub(super) fn is_success(status: StatusCode, headers: &HeaderMap) -> bool {
    status.is_success()
        && headers
            .get("grpc-status")
            .is_none_or(|status| status.as_bytes() == b"0")
}

impl<E> Clone for Rules<E> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            event_id: self.event_id.clone(),
            commits: Arc::clone(&self.commits),
            duplicates: self.duplicates.clone(),
            on_rejection: self.on_rejection.clone(),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            ..*self
        }
    }
}
