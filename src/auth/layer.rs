//! What is decided when the middleware is built.

use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::{
    budget::MemoryBudget, observe::Observer, read::Limits, service::WebhookAuth, settings::Settings,
};
use crate::{
    clock::Clock,
    provider::{KeysHandle, Provider},
    rejection::Rejection,
};

const DEFAULT_MAX_BODY_BYTES: usize = 1024 * 1024;
const DEFAULT_BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Verifies each request before the inner service runs, and hands it the event.
///
/// The inner service gets `Request<Full<Bytes>>`: the exact bytes that were verified, with a
/// [`Verified<E>`](crate::Verified) in the request's extensions.
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::optimizely(Secret::new("wJ4mX9")?))
///     .max_body_bytes(64 * 1024)
///     .body_deadline(Duration::from_secs(5))
///     .memory_budget(16 * 1024 * 1024);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
///
/// # Among other layers
///
/// What stands outside of it sees strangers, what stands inside sees verified deliveries alone. So
/// limits that protect the handler belong inside; limits that bound the strangers, and whatever
/// traces or counts, outside. A layer that changes the request's body, such as tower-http's
/// `RequestDecompressionLayer`, belongs inside, since senders sign what they send. It belongs
/// outside only where a proxy of your own compresses what was signed before.
///
/// Inside, the request's body is `Full<Bytes>`; outside, the response's is
/// [`ResponseBody`](crate::ResponseBody). axum's `Router::layer`, tonic, warp and hyper take them as
/// they are. `axum::serve` around a layered router, and `tower::util::option_layer`, want axum's own
/// body back:
///
/// ```
/// # use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
/// use axum::{Router, body::Body, response::Response};
/// use tower::{ServiceBuilder, make::Shared};
///
/// # async fn serve(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
/// # let layer = WebhookAuthLayer::new(provider::optimizely(Secret::new("wJ4mX9")?));
/// let service = ServiceBuilder::new()
///     .map_response(|response: Response<_>| response.map(Body::new))
///     .layer(layer)
///     .service(Router::new());
/// axum::serve(listener, Shared::new(service)).await?;
/// # Ok(())
/// # }
/// ```
///
/// So does axum's `from_fn` inside of the layer in one `ServiceBuilder`, with `map_request` between
/// the two. In a call of `layer` of its own it needs nothing.
///
/// # gRPC
///
/// To a request of `application/grpc` a refusal is a gRPC status, such as `UNAUTHENTICATED`. The
/// body that is signed is the message in its frame. This is for methods that take one message: one
/// that takes a stream of them would wait for the stream's end, since there is no body to check
/// before.
///
/// # Logs
///
/// With feature `tracing` each refusal is a warning of target `tower_webhook_auth`, with the fields
/// `webhook.provider`, `webhook.reason` (the code of its
/// [`RejectionKind`](crate::RejectionKind::as_str)), `webhook.header` (a name, no value),
/// `webhook.body_bytes` and `webhook.suppressed`. Since strangers can cause refusals, all clones of
/// a layer together tell of 32 at once, and of one more for each second; `webhook.suppressed` is
/// how many were passed over before this one.
///
/// A span that is current outside of the layer, such as one of tower-http's `TraceLayer`, gets what
/// it declares of `webhook.provider` and `webhook.reason` for a refusal, and of `webhook.provider`,
/// `webhook.key` and `webhook.delivery_id` (if the signature covers it) for a delivery that was
/// accepted. It has to be the innermost span, and `TraceLayer`'s own declares none of them:
///
/// ```
/// use axum::extract::Request;
/// use tower_http::trace::TraceLayer;
/// use tracing::{field::Empty, info_span};
///
/// let trace = TraceLayer::new_for_http().make_span_with(|request: &Request| {
///     info_span!(
///         "request",
///         uri = %request.uri(),
///         webhook.provider = Empty,
///         webhook.reason = Empty,
///         webhook.key = Empty,
///         webhook.delivery_id = Empty,
///     )
/// });
/// # let _ = trace;
/// ```
#[must_use = "a layer does nothing until it is put around a service"]
pub struct WebhookAuthLayer<E> {
    settings: Arc<Settings<E>>,
}

impl<E> WebhookAuthLayer<E> {
    /// A layer for the deliveries of one sender.
    pub fn new(provider: Provider<E>) -> Self {
        let limits = Limits {
            body_bytes: provider.body_limit().unwrap_or(DEFAULT_MAX_BODY_BYTES),
            deadline: DEFAULT_BODY_DEADLINE,
            budget: None,
        };
        Self {
            settings: Arc::new(Settings {
                provider,
                limits,
                clock: Arc::new(SystemTime::now),
                on_rejection: None,
                expose_acceptance: false,
                observer: Arc::new(Observer::new()),
            }),
        }
    }

    /// A handle to exchange the keys while the service runs.
    #[must_use]
    pub fn keys(&self) -> KeysHandle {
        self.settings.provider.keys()
    }

    fn with(mut self, change: impl FnOnce(&mut Settings<E>)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// How many bytes a body may have. The default is 1 MiB, or what the provider says. A larger
    /// one is answered with 413: from its head if it declares its length, else when the limit is
    /// passed.
    ///
    /// axum's extractors `Bytes`, `String` and `Json` have a limit of their own, 2 MB, and a 413
    /// without a [`Rejection`] is theirs. Take [`Verified::body`](crate::Verified::body), or switch it
    /// off with `DefaultBodyLimit::disable()`: here the body is bounded already.
    pub fn max_body_bytes(self, bytes: usize) -> Self {
        self.with(|settings| settings.limits.body_bytes = bytes)
    }

    /// How long a body may take from its first wait to its last byte, all frames together. The
    /// default is 30 seconds. A slower one is answered with 408.
    ///
    /// The timer is tokio's: without feature `tokio`, or outside a tokio runtime, there is none.
    ///
    /// # Panics
    ///
    /// In a tokio runtime without its time driver, which `Builder::enable_time` enables, a request
    /// panics as soon as its body has to be waited for: as any other timer of tokio does.
    pub fn body_deadline(self, deadline: Duration) -> Self {
        self.with(|settings| settings.limits.deadline = deadline)
    }

    /// How many bytes all unverified bodies together may hold. There is no such limit by default. A
    /// request that needs more than what is left gets 503 with `Retry-After`.
    ///
    /// A number of bytes makes a budget for this layer and its clones. A [`MemoryBudget`] can be
    /// shared by several layers; its page says what is counted and what is not. Compared to a limit
    /// of connections, a budget lets many small deliveries pass next to a large one.
    pub fn memory_budget(self, budget: impl Into<MemoryBudget>) -> Self {
        let budget = budget.into();
        self.with(|settings| settings.limits.budget = Some(budget))
    }

    /// Answers refusals in your own way. The default is an `application/problem+json` constant with
    /// [`Rejection::status`], or for a gRPC request its status in gRPC's terms.
    ///
    /// Take care to answer all failed authentications alike: a stranger who can tell them apart
    /// learns what to try next. What there is of headers is yours to set, such as `Retry-After` for a
    /// 503, and gRPC requests are answered in this way too. To change some answers alone, or to make
    /// them with axum's `IntoResponse`, map the response in a layer outside, where the [`Rejection`] is
    /// in its extensions.
    ///
    /// ```
    /// use http::Response;
    /// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let layer = WebhookAuthLayer::new(provider::optimizely(Secret::new("wJ4mX9")?))
    ///     .on_rejection(|rejection| {
    ///         let mut response = Response::new("no\n");
    ///         *response.status_mut() = rejection.status();
    ///         response
    ///     });
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_rejection<B: Into<Bytes>>(
        self,
        respond: impl Fn(&Rejection) -> Response<B> + Send + Sync + 'static,
    ) -> Self {
        let respond = move |rejection: &Rejection| respond(rejection).map(Into::into);
        self.with(|settings| settings.on_rejection = Some(Arc::new(respond)))
    }

    /// The clock by which signed timestamps are judged, and by which the log's events are rationed.
    /// The default is the system's.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|settings| settings.clock = Arc::new(clock))
    }

    /// Puts an [`Acceptance`](crate::Acceptance) into the extensions of each response to a verified
    /// request, for the metrics and traces of layers outside. Refusals always carry their
    /// [`Rejection`]. Off by default, since it costs an allocation or two.
    pub fn expose_acceptance(self) -> Self {
        self.with(|settings| settings.expose_acceptance = true)
    }
}

impl<S, E> Layer<S> for WebhookAuthLayer<E> {
    type Service = WebhookAuth<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        WebhookAuth::new(inner, Arc::clone(&self.settings))
    }
}

impl<E> Clone for WebhookAuthLayer<E> {
    fn clone(&self) -> Self {
        Self {
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<E> fmt::Debug for WebhookAuthLayer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAuthLayer")
            .field("settings", &self.settings)
            .finish()
    }
}
