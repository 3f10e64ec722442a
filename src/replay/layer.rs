//! The options of the guard.

use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use tower_layer::Layer;

use super::{
    observe::Observer,
    rules::{Duplicates, EventId, Rules, is_success},
    service::ReplayGuard,
    store::ReplayStore,
};
use crate::{clock::Clock, error::ConfigError, provider::Provider, rejection::Rejection, response};

const DEFAULT_LEASE: Duration = Duration::from_secs(60);
const DEFAULT_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
const DEFAULT_STORE_DEADLINE: Duration = Duration::from_secs(1);

/// Calls the inner service once for each verified delivery.
///
/// The [module](super) says what happens to a delivery, and which constructor fits which sender. The
/// guard belongs **inside** of [`WebhookAuthLayer`](crate::WebhookAuthLayer), for the same type of events.
/// A request without a verified delivery gets 500 and never reaches the inner service.
///
/// ```
/// use std::time::Duration;
/// use http::StatusCode;
/// use tower_http::timeout::TimeoutLayer;
/// use tower_webhook_auth::replay::{MemoryStore, ReplayGuardLayer};
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let slack = provider::slack(Secret::new("wJ4mX9")?);
/// let guard = ReplayGuardLayer::new(&slack, MemoryStore::new(100_000))?
///     .lease(Duration::from_secs(30));
/// // For axum's `route_layer`, or for `Layer::layer`. The first one is the outermost.
/// let layers = (
///     WebhookAuthLayer::new(slack),
///     guard,
///     // The handler must end before the lease does.
///     TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(20)),
/// );
/// # let _: axum::routing::MethodRouter = axum::routing::post(|| async {}).route_layer(layers);
/// # Ok(())
/// # }
/// ```
///
/// # Limits between the layers
///
/// The inner service is asked whether it is ready when the delivery is claimed, so a duplicate
/// never waits for a permit of a `ConcurrencyLimit`. If the inner service is not ready at once,
/// the delivery is claimed again before the call, so that the handler has the whole lease.
///
/// # Logs
///
/// With feature `tracing` the guard logs a warning for each delivery in flight, and an error with the
/// cause for each failure of the store. The target is `tower_webhook_auth`, and the rate limit is that
/// of the layer. A failure after the handler has run does not change the response. A span that declares
/// `webhook.duplicate` gets this field for each delivery that was processed before.
///
/// # gRPC
///
/// A response whose header `grpc-status` is not 0 counts as failed. A status in the trailers, after a
/// stream of messages, is not seen. A duplicate gets `ALREADY_EXISTS`, since the guard cannot make the
/// message that the client expects; [`answer_duplicates`](Self::answer_duplicates) can.
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ReplayGuardLayer<E, St> {
    store: St,
    rules: Arc<Rules<E>>,
}

impl<E, St: ReplayStore> ReplayGuardLayer<E, St> {
    /// A guard for a sender that signs an id, or else the time.
    ///
    /// Two deliveries are the same if their [`Verified::identity`](crate::Verified::identity) is
    /// the same.
    ///
    /// # Errors
    ///
    /// When the sender's scheme proves neither an id nor a time. The error names the constructor to use.
    pub fn new(provider: &Provider<E>, store: St) -> Result<Self, ConfigError> {
        if provider.signs_id_or_time() {
            return Ok(Self::build(provider, store, None));
        }
        let advice = if provider.signs() {
            "`ReplayGuardLayer::by_body` if two events never have equal bodies, or \
             `ReplayGuardLayer::by_event_id`"
        } else {
            "`ReplayGuardLayer::by_event_id`"
        };
        Err(ConfigError::new(format!(
            "{:?} signs neither an id nor a time that tells two deliveries with equal bodies apart: use \
             {advice}",
            provider.name()
        )))
    }

    /// A guard for a sender that signs the body, and puts an id, a time or a revision into every body.
    ///
    /// Two deliveries with equal bodies are the same. **Two different events with equal bodies are the
    /// same too**, and the second one is lost. For example, a flag is switched on, off and on again, and the body
    /// says only "on". Where the signature also covers an id or a time, it is used as in
    /// [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// When the sender does not sign the body, as with a shared key.
    pub fn by_body(provider: &Provider<E>, store: St) -> Result<Self, ConfigError> {
        if provider.signs() {
            return Ok(Self::build(provider, store, None));
        }
        Err(ConfigError::new(format!(
            "{:?} does not sign the body: use `ReplayGuardLayer::by_event_id`",
            provider.name()
        )))
    }

    /// A guard for a sender that puts an id into each event.
    ///
    /// Two deliveries whose events have the same id are the same, also when the sender signs each attempt
    /// with a new time. The function sees only the event, so that an unsigned header cannot become the id by mistake.
    /// A delivery for which it returns `None` is not guarded: the inner service is called each time. That
    /// suits the set-up requests of Slack or Zoom, which expect a computed response each time.
    ///
    /// With a shared key, a client that knows the key can send any id.
    ///
    /// ```
    /// use tower_webhook_auth::replay::{MemoryStore, ReplayGuardLayer};
    /// use tower_webhook_auth::{Secret, provider};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Event {
    ///     id: String,
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let stripe = provider::stripe(Secret::new("whsec_wJ4mX9")?).json::<Event>();
    /// let store = MemoryStore::new(100_000);
    /// let guard = ReplayGuardLayer::by_event_id(&stripe, store, |event| Some(event.id.clone()));
    /// # let _ = guard;
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_event_id(
        provider: &Provider<E>,
        store: St,
        event_id: impl Fn(&E) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::build(provider, store, Some(Arc::new(event_id)))
    }

    fn build(provider: &Provider<E>, store: St, event_id: Option<Arc<EventId<E>>>) -> Self {
        Self {
            store,
            rules: Arc::new(Rules {
                provider: Arc::clone(provider.shared_name()),
                event_id,
                commits: Arc::new(is_success),
                duplicates: Duplicates::Answer(Arc::new(response::already_done)),
                on_rejection: None,
                lease: DEFAULT_LEASE,
                window: DEFAULT_WINDOW,
                store_deadline: DEFAULT_STORE_DEADLINE,
                clock: Arc::new(SystemTime::now),
                observer: Arc::new(Observer::new()),
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Rules<E>)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }

    /// How long a delivery belongs to one call. The default is 60 seconds.
    ///
    /// Choose a time that is longer than the handler may take, and put a timeout inside. After a crash of
    /// the process, other attempts of the sender get 503 until the lease ends. A handler that takes longer
    /// than the lease can run twice at the same time. With a lease of 0 this is true of every handler.
    pub fn lease(self, lease: Duration) -> Self {
        self.with(|rules| rules.lease = lease)
    }

    /// How long a delivery that is done is remembered. The default is 24 hours.
    ///
    /// A copy that arrives later calls the handler again. Choose a time that is longer than the sender
    /// repeats its attempts.
    ///
    /// A delivery whose time is signed is remembered at least until the provider's tolerance is over, and for
    /// one more minute, because clocks differ. Before that, the outer layer accepts a copy. If the time is part
    /// of the identity, the delivery is remembered for exactly this time, and `window` has no effect.
    pub fn remember_for(self, window: Duration) -> Self {
        self.with(|rules| rules.window = window)
    }

    /// The response to a delivery that was processed before. The default is an empty 200, and
    /// `ALREADY_EXISTS` for gRPC.
    ///
    /// It is 200 and not 204, because some senders repeat everything else. Adyen expects a certain body:
    ///
    /// ```
    /// use tower_webhook_auth::replay::{MemoryStore, ReplayGuardLayer};
    /// use tower_webhook_auth::{Secret, provider};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let adyen = provider::adyen(Secret::new("44782DEF547AAA06C910C43932B1EB0C")?)?;
    /// let guard = ReplayGuardLayer::by_body(&adyen, MemoryStore::new(100_000))?
    ///     .answer_duplicates(|_request_headers| http::Response::new("[accepted]"));
    /// # let _ = guard;
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer_duplicates<B: Into<Bytes>>(
        self,
        answer: impl Fn(&HeaderMap) -> Response<B> + Send + Sync + 'static,
    ) -> Self {
        let answer = move |request: &HeaderMap| answer(request).map(Into::into);
        self.with(|rules| rules.duplicates = Duplicates::Answer(Arc::new(answer)))
    }

    /// Calls the inner service for a delivery that was processed before, too. The extensions of the
    /// request then contain a [`Duplicate`](super::Duplicate).
    pub fn call_with_duplicates(self) -> Self {
        self.with(|rules| rules.duplicates = Duplicates::Call)
    }

    /// Which responses mean that the delivery is done. The default is any 2xx status, for gRPC with
    /// status 0. After any other response the next attempt of the sender calls the inner service again.
    pub fn commit_when(
        self,
        commits: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|rules| rules.commits = Arc::new(commits))
    }

    /// How long one step of the store may take. The default is one second.
    ///
    /// A claim that takes longer is a rejection with status 503. After the handler has run, a slow store
    /// delays the response by at most this time.
    ///
    /// It is a timer of tokio. Outside of a tokio runtime there is no deadline.
    pub fn store_deadline(self, deadline: Duration) -> Self {
        self.with(|rules| rules.store_deadline = deadline)
    }

    /// The response to a rejected request. The default is the one of
    /// [`WebhookAuthLayer`](crate::WebhookAuthLayer::on_rejection): a problem document with
    /// [`Rejection::status`], or a gRPC status.
    pub fn on_rejection<B: Into<Bytes>>(
        self,
        respond: impl Fn(&Rejection) -> Response<B> + Send + Sync + 'static,
    ) -> Self {
        let respond = move |rejection: &Rejection| respond(rejection).map(Into::into);
        self.with(|rules| rules.on_rejection = Some(Arc::new(respond)))
    }

    /// The clock with which signed times are compared, and which limits the rate of the log. The
    /// default is the system's. Use the clock of the outer layer.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|rules| rules.clock = Arc::new(clock))
    }
}

impl<S, E, St: Clone> Layer<S> for ReplayGuardLayer<E, St> {
    type Service = ReplayGuard<S, E, St>;

    fn layer(&self, inner: S) -> Self::Service {
        ReplayGuard::new(inner, self.store.clone(), Arc::clone(&self.rules))
    }
}

impl<E, St: Clone> Clone for ReplayGuardLayer<E, St> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            rules: Arc::clone(&self.rules),
        }
    }
}

impl<E, St: fmt::Debug> fmt::Debug for ReplayGuardLayer<E, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuardLayer")
            .field("provider", &self.rules.provider)
            .field("store", &self.store)
            .field("lease", &self.rules.lease)
            .field("remember_for", &self.rules.window)
            .finish_non_exhaustive()
    }
}
