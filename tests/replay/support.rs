//! A handler that counts its calls, a guarded service, a clock, and a store that is told what to do.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_webhook_auth::{
    BoxError, Identity, Provider, Rejection, RejectionKind, ResponseBody, Secret, WebhookAuthLayer,
    provider,
    replay::{Claimed, Duplicate, Owner, ReplayGuardLayer, ReplayStore},
    testing::Signer,
};

pub(crate) type Answer = Response<Full<Bytes>>;
pub(crate) type Handler = BoxCloneSyncService<Request<Full<Bytes>>, Answer, BoxError>;
pub(crate) type Guarded = BoxCloneSyncService<
    Request<Full<Bytes>>,
    Response<ResponseBody<ResponseBody<Full<Bytes>>>>,
    BoxError,
>;
pub(crate) type Reply = Response<ResponseBody<ResponseBody<Full<Bytes>>>>;

pub(crate) fn secret() -> Secret {
    Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret")
}

pub(crate) fn github() -> Provider<Bytes> {
    provider::github(secret())
}

pub(crate) fn signer<E>(provider: &Provider<E>) -> Signer {
    Signer::new(provider, &secret()).expect("a signer")
}

/// A delivery of GitHub.
pub(crate) fn delivery(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    signer(&github()).request(body)
}

/// A handler with a status for each call, and the number of its calls.
pub(crate) fn handler(
    status: impl Fn(usize) -> u16 + Clone + Send + Sync + 'static,
) -> (Handler, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = service_fn(move |request: Request<Full<Bytes>>| {
        let status = status(counted.fetch_add(1, Ordering::SeqCst));
        let duplicate = request.extensions().get::<Duplicate>().is_some();
        async move {
            Ok(Response::builder()
                .status(status)
                .header("x-duplicate", duplicate.to_string())
                .body(Full::new("done".into()))?)
        }
    });
    (BoxCloneSyncService::new(handler), calls)
}

/// A handler that returns the same future for each call.
pub(crate) fn handler_of<F>(future: impl Fn() -> F + Clone + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Result<Answer, BoxError>> + Send + 'static,
{
    BoxCloneSyncService::new(service_fn(move |_| future()))
}

/// The handler behind the guard behind the layer.
pub(crate) fn guarded<E, St, S>(
    provider: Provider<E>,
    guard: ReplayGuardLayer<E, St>,
    handler: S,
) -> Guarded
where
    E: Send + Sync + 'static,
    St: ReplayStore,
    S: Service<Request<Full<Bytes>>, Response = Answer, Error = BoxError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    BoxCloneSyncService::new((WebhookAuthLayer::new(provider), guard).layer(handler))
}

pub(crate) fn by_body<St: ReplayStore>(store: St) -> ReplayGuardLayer<Bytes, St> {
    ReplayGuardLayer::by_body(&github(), store).expect("a guard")
}

pub(crate) async fn send(service: &Guarded, request: Request<Full<Bytes>>) -> Reply {
    service.clone().oneshot(request).await.expect("a response")
}

pub(crate) async fn status(service: &Guarded, request: Request<Full<Bytes>>) -> u16 {
    send(service, request).await.status().as_u16()
}

pub(crate) fn kind<B>(response: &Response<B>) -> Option<RejectionKind> {
    response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::kind)
}

pub(crate) fn is_duplicate<B>(response: &Response<B>) -> bool {
    response.extensions().get::<Duplicate>().is_some()
}

/// A monotonic clock that the test sets.
#[derive(Clone)]
pub(crate) struct Time(Arc<Mutex<Instant>>);

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        *self.0.lock().expect("no panic") += Duration::from_secs(seconds);
    }

    pub(crate) fn now(&self) -> Instant {
        *self.0.lock().expect("no panic")
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A store that responds as it is told, and writes down what it was asked.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) claim: Arc<dyn Fn() -> Boxed<Claimed> + Send + Sync>,
    pub(crate) settle: Arc<dyn Fn() -> Boxed<()> + Send + Sync>,
    pub(crate) log: Arc<Mutex<Vec<&'static str>>>,
    pub(crate) kept: Arc<Mutex<Option<Duration>>>,
}

impl Scripted {
    pub(crate) fn granting() -> Self {
        Self {
            claim: Arc::new(|| Box::pin(async { Ok(Claimed::Granted) })),
            settle: Arc::new(|| Box::pin(async { Ok(()) })),
            log: Arc::default(),
            kept: Arc::default(),
        }
    }

    pub(crate) fn claim<F>(mut self, claim: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Claimed, BoxError>> + Send + 'static,
    {
        self.claim = Arc::new(move || Box::pin(claim()));
        self
    }

    pub(crate) fn settle<F>(mut self, settle: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.settle = Arc::new(move || Box::pin(settle()));
        self
    }

    pub(crate) fn note(&self, what: &'static str) {
        self.log.lock().expect("no panic").push(what);
    }

    pub(crate) fn log(&self) -> Vec<&'static str> {
        self.log.lock().expect("no panic").clone()
    }
}

impl ReplayStore for Scripted {
    type Claim = Boxed<Claimed>;
    type Settle = Boxed<()>;

    fn claim(&self, _: Identity, _: Owner, _: Duration) -> Self::Claim {
        self.note("claim");
        (self.claim)()
    }

    fn commit(&self, _: Identity, _: Owner, keep: Duration) -> Self::Settle {
        self.note("commit");
        *self.kept.lock().expect("no panic") = Some(keep);
        (self.settle)()
    }

    fn release(&self, _: Identity, _: Owner) -> Self::Settle {
        self.note("release");
        (self.settle)()
    }

    fn abandon(&self, _: Identity, _: Owner) {
        self.note("abandon");
    }
}
