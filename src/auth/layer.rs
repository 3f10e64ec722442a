//! [`WebhookAuthLayer`] and its options.

use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::{
    budget::MemoryBudget, keys::DEFAULT_KEY_DEADLINE, observe::Observer, read::Limits,
    service::WebhookAuth, settings::Settings,
};
use crate::{
    clock::Clock,
    provider::{KeysHandle, Provider},
    rejection::Rejection,
    tenants::{KeySource, OwnKeys},
};

const DEFAULT_MAX_BODY_BYTES: usize = 1024 * 1024;
const DEFAULT_BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Verifies each request before the inner service runs, and gives it a typed event.
///
/// The inner service receives `Request<Full<Bytes>>`: exactly the bytes that were verified, with a
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
/// # Order of layers
///
/// - **Outer layers see all requests**, including those of untrusted clients. Put these layers
///   outside: traces, metrics, rate limits, limits of connections.
/// - **Inner layers see verified requests only.** Put the layers that protect the handler inside:
///   `Timeout`, `ConcurrencyLimit`, `LoadShed`, `Buffer`.
/// - **A layer that changes the request body belongs inside**, for example tower-http's
///   `RequestDecompressionLayer`: senders usually sign the bytes that they send. The guide
///   [`proxies`](crate::guide::proxies#compression) has the exceptions.
///
/// With axum, use `route_layer` on the routes of the webhooks. With `Router::layer`, unknown paths and
/// other methods get 401 instead of 404 or 405.
///
/// # Body types, `axum::serve` and `FromFn`
///
/// Inside, the type of the request body is `Full<Bytes>`. Outside, the type of the response body is
/// [`ResponseBody`](crate::ResponseBody). axum's `Router::layer`, tonic, warp, hyper and
/// [`server::serve`](crate::server::serve) accept both types. Three cases need one more line: `axum::serve` around
/// a layered router, `tower::util::option_layer`, and an inner `from_fn` in the same `ServiceBuilder` (the error is
/// "`Service<…>` is not implemented for `FromFn<…>`"). See the guide
/// [`services`](crate::guide::services#types-around-the-layer).
///
/// # A client that disconnects cancels the handler
///
/// When a client closes its connection, hyper (and so axum, tonic and warp) drops the future of the
/// request. The handler then stops at its next `.await`, although its delivery is verified. Spawn work that
/// must be finished: see the guide [`production`](crate::guide::production#respond-in-time).
///
/// # `Expect: 100-continue`
///
/// A client that sends `Expect: 100-continue` sends its body only after `100 Continue`. hyper sends it when the
/// layer polls the body. So this client can see whether the request head was enough to reject the request. From
/// this it can find out the clock and the time tolerance of the server. Neither is a secret.
///
/// # gRPC
///
/// A request of type `application/grpc` gets a rejection as a gRPC status, for example
/// `UNAUTHENTICATED`. The signed body is the message with its gRPC frame. This works for methods that
/// take one message. A method that takes a stream of messages would start only after the end of the
/// stream, because a body is verified as a whole.
///
/// # Logs
///
/// With feature `tracing` each rejection is an event of level `WARN` and target `tower_webhook_auth`:
///
/// | field | content |
/// | --- | --- |
/// | `webhook.provider` | the provider's name |
/// | `webhook.reason` | the stable code, see [`RejectionKind::as_str`](crate::RejectionKind::as_str) |
/// | `webhook.detail` | the message of the [`Rejection`]: what is wrong, what was expected and found |
/// | `webhook.diagnosis` | the cause, only with the option `diagnose` (feature `diagnosis`) |
/// | `webhook.header` | the name of the header at fault, if there is one |
/// | `webhook.tenant` | the tenant whose keys did not match, if they belong to a [tenant](crate::Keys::of_tenant) |
/// | `webhook.method`, `webhook.path` | of the request, escaped, at most 32 and 256 characters; no query |
/// | `webhook.body_bytes` | how many bytes of the body were read |
/// | `webhook.parse_error` | what is wrong with the body of `event_unparseable`: the field of an event of this crate, or the position in JSON; with [`log_parse_errors`](Self::log_parse_errors) the parser's message |
/// | `webhook.key_error` | the error of a [key source](Self::keys_from), for `keys_unavailable` |
/// | `webhook.suppressed` | how many events of this reason were not logged since the last one |
///
/// Untrusted clients can cause rejections, so the log has a rate limit. All clones of a layer log
/// at most 32 events of each reason in a burst, then one per second. A flood of one reason does not
/// hide another reason.
///
/// The current span at the layer, for example the span of an outer `TraceLayer`, gets the fields that
/// it declares:
///
/// - for a rejection: `webhook.provider` and `webhook.reason`;
/// - for an accepted delivery: `webhook.provider`, `webhook.key` and
///   [`webhook.body_is_signed`](crate::Verified::body_is_signed); `webhook.tenant` if the keys belong to a
///   [tenant](crate::Keys::of_tenant); `webhook.way` if the scheme has
///   [several ways](crate::Scheme::any_of); `webhook.delivery_id` if the signature covers it.
///
/// Only the innermost span gets these fields. The default span of `TraceLayer` declares none of them, so
/// make your own span:
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
///         webhook.body_is_signed = Empty,
///         webhook.tenant = Empty,
///         webhook.way = Empty,
///         webhook.delivery_id = Empty,
///     )
/// });
/// # let _ = trace;
/// ```
#[must_use = "a layer does nothing until it is put around a service"]
pub struct WebhookAuthLayer<E, K = OwnKeys> {
    settings: Arc<Settings<E, K>>,
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
                placeholder: provider.prepare_placeholder(),
                provider,
                source: Arc::new(OwnKeys),
                key_deadline: DEFAULT_KEY_DEADLINE,
                limits,
                clock: Arc::new(SystemTime::now),
                on_rejection: None,
                expose_acceptance: false,
                log_parse_errors: false,
                observer: Arc::new(Observer::new()),
                #[cfg(feature = "diagnosis")]
                diagnostics: None,
            }),
        }
    }
}

impl<E, K> WebhookAuthLayer<E, K> {
    /// A handle that replaces the keys of the provider while the service runs.
    #[must_use]
    pub fn keys(&self) -> KeysHandle {
        self.settings.provider.keys()
    }

    /// Takes the keys for each delivery from this source: keys of many tenants, which are selected by the
    /// path, the host, a header or the body. The module [`tenants`](crate::tenants) says how.
    ///
    /// The provider's own keys are used where the source selects [`Own`](crate::tenants::Selection::Own).
    /// All tenants share one limit for the log, and one memory budget.
    ///
    /// ```
    /// use std::{collections::HashMap, future::ready};
    /// use tower_webhook_auth::{Keys, Secret, WebhookAuthLayer, provider};
    /// use tower_webhook_auth::tenants::{Selection, Unverified};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let acme = Keys::from(Secret::new("the secret of acme")?).of_tenant("acme");
    /// let known = HashMap::from([("/webhooks/acme".to_owned(), acme)]);
    /// let layer = WebhookAuthLayer::new(provider::github(Secret::new("of no tenant")?)).keys_from(
    ///     move |delivery: Unverified<'_>| {
    ///         Selection::LookUp(ready(Ok(known.get(delivery.uri().path()).cloned())))
    ///     },
    /// );
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys_from<K2: KeySource>(self, source: K2) -> WebhookAuthLayer<E, K2> {
        WebhookAuthLayer {
            settings: Arc::new(self.settings.keys_from(source)),
        }
    }

    /// How long a look-up of a [key source](Self::keys_from) may take. The default is 5 seconds. After this
    /// time the delivery gets 503 with `Retry-After`.
    ///
    /// It is a timer of tokio. Without feature `tokio`, or outside of a tokio runtime, there is no deadline.
    pub fn key_deadline(self, deadline: Duration) -> Self {
        self.with(|settings| settings.key_deadline = deadline)
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings<E, K>)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// The largest body in bytes. The default is 1 MiB, or the limit of the provider. A larger body
    /// gets 413. If its length is declared, it is rejected before it is read, otherwise when it passes the limit.
    ///
    /// axum's extractors `Bytes`, `String` and `Json` have their own limit of 2 MB. A 413 without a
    /// [`Rejection`] comes from them. Use [`Verified::body`](crate::Verified::body) instead, or turn
    /// their limit off with `DefaultBodyLimit::disable()`, because this layer bounds the body already.
    pub fn max_body_bytes(self, bytes: usize) -> Self {
        self.with(|settings| settings.limits.body_bytes = bytes)
    }

    /// How long a body may take, from the first wait to the last byte, for all frames together. The
    /// default is 30 seconds. A slower body gets 408.
    ///
    /// It is a timer of tokio. Without feature `tokio`, or outside of a tokio runtime, there is no
    /// deadline.
    ///
    /// # Panics
    ///
    /// In a tokio runtime without its time driver (see `Builder::enable_time`), as any timer of tokio does. A
    /// request panics when it first waits for its body.
    pub fn body_deadline(self, deadline: Duration) -> Self {
        self.with(|settings| settings.limits.deadline = deadline)
    }

    /// How many bytes all unverified bodies together may hold. By default there is no such limit.
    /// A request that needs more than the rest of the budget gets 503 with `Retry-After`.
    ///
    /// A number of bytes makes a budget for this layer and its clones. A [`MemoryBudget`] can be
    /// shared by several layers; its page says what is counted and what is not. Unlike a limit of
    /// connections, a budget still accepts many small deliveries while it holds a large one.
    pub fn memory_budget(self, budget: impl Into<MemoryBudget>) -> Self {
        let budget = budget.into();
        self.with(|settings| settings.limits.budget = Some(budget))
    }

    /// Makes the responses to rejected requests. The default is a constant document of type
    /// `application/problem+json` with [`Rejection::status`], or a gRPC status for a gRPC request.
    ///
    /// Give all failed authentications the same response: a client that can distinguish them learns
    /// what to try next. The function must also set the headers, such as `Retry-After` for a 503,
    /// and it also makes the responses to gRPC requests. To change only some responses, or to use
    /// axum's `IntoResponse`, map the response in an outer layer, which finds the [`Rejection`] in
    /// its extensions.
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

    /// The clock with which signed timestamps are compared, and which limits the rate of the log.
    /// The default is the system's clock.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|settings| settings.clock = Arc::new(clock))
    }

    /// Puts an [`Acceptance`](crate::Acceptance) into the extensions of each response to a verified
    /// request, for the metrics and traces of outer layers. A response to a rejected request always has
    /// its [`Rejection`]. Off by default, because it costs one or two allocations.
    pub fn expose_acceptance(self) -> Self {
        self.with(|settings| settings.expose_acceptance = true)
    }

    /// Logs the parser's message when an authentic body is not the expected event (`event_unparseable`), as field
    /// `webhook.parse_error`. Without this option the field has the message of an [`EventError`](crate::EventError),
    /// which names the wrong field, or else only the line and column in the JSON. It needs feature `tracing`.
    ///
    /// **The message may quote the body**, for example `invalid type: string "alice@example.com",
    /// expected u64 at line 1 column 30`. The body is authentic, but may contain personal data. So this
    /// is off by default. The message is escaped, and cut after 512 characters.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
    ///
    /// #[derive(Deserialize)]
    /// struct Push {
    ///     r#ref: String,
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let github = provider::github(Secret::new("wJ4mX9")?).json::<Push>();
    /// let layer = WebhookAuthLayer::new(github).log_parse_errors();
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_parse_errors(self) -> Self {
        self.with(|settings| settings.log_parse_errors = true)
    }
}

impl<S, E, K> Layer<S> for WebhookAuthLayer<E, K> {
    type Service = WebhookAuth<S, E, K>;

    fn layer(&self, inner: S) -> Self::Service {
        WebhookAuth::new(inner, Arc::clone(&self.settings))
    }
}

impl<E, K> Clone for WebhookAuthLayer<E, K> {
    fn clone(&self) -> Self {
        Self {
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<E, K> fmt::Debug for WebhookAuthLayer<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAuthLayer")
            .field("settings", &self.settings)
            .finish()
    }
}
