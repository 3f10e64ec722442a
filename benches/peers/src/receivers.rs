//! The ways to receive a delivery. Each says whether it accepted it, and drops the response.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac, digest::block_api::EagerHash};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service};
use tower_http::limit::RequestBodyLimitLayer;
use tower_webhook_auth::{Keys, Provider, Secret, WebhookAuthLayer, provider};

use crate::{
    frames::Frames,
    rows::{KEY, NOW, WHSEC},
};

const LIMIT_BYTES: usize = 32 * 1024 * 1024;

pub type Receiver = Box<dyn Fn(Request<Frames>) -> bool>;

#[derive(Clone, Copy)]
pub enum Scheme {
    GitHub,
    GitHubSha1,
    StandardWebhooks,
    Stripe,
}

impl Scheme {
    /// This crate's provider. The event is the body as it came, as it is with the peers.
    pub fn provider(self) -> Provider<Bytes> {
        let keys = |text: &str| Keys::from(Secret::new(text).expect("a secret"));
        let raw = |body: &Bytes| Ok(body.clone());
        match self {
            Self::GitHub => provider::github(keys(KEY)).parse_with(raw),
            Self::GitHubSha1 => provider::github_sha1(keys(KEY)).parse_with(raw),
            Self::StandardWebhooks => provider::standard_webhooks(keys(WHSEC))
                .expect("a provider")
                .parse_with(raw),
            Self::Stripe => provider::stripe(keys(KEY)).parse_with(raw),
        }
    }

    pub fn layer(self) -> WebhookAuthLayer<Bytes> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        WebhookAuthLayer::new(self.provider())
            .max_body_bytes(LIMIT_BYTES)
            .clock(move || now)
    }

    pub fn ours(self) -> Receiver {
        receiver(self.layer().layer(Inner))
    }

    pub fn webhook_verify_layer(self) -> webhook_verify::tower::VerifyLayer<Bytes> {
        use webhook_verify::{Provider, VerifyOptions};
        let (provider, secret) = match self {
            Self::GitHub => (Provider::GitHub, KEY),
            Self::GitHubSha1 => (Provider::Custom(sha1_scheme()), KEY),
            Self::StandardWebhooks => (Provider::StandardWebhooks, WHSEC),
            Self::Stripe => (Provider::Stripe, KEY),
        };
        webhook_verify::tower::VerifyLayer::with_options(
            provider,
            webhook_verify::Secret::new(secret),
            VerifyOptions::default().with_clock(Some(Arc::new(Fixed))),
        )
    }

    pub fn webhook_verify(self) -> Receiver {
        receiver(self.webhook_verify_layer().layer(Inner))
    }

    /// With a limit in front of it, and an event behind it.
    pub fn webhook_verify_complete(self) -> Receiver {
        let verified = self.webhook_verify_layer().layer(WithEvent);
        receiver(RequestBodyLimitLayer::new(LIMIT_BYTES).layer(verified))
    }
}

/// webhook-verify has no preset for GitHub's SHA-1, so this is its own description of one.
fn sha1_scheme() -> webhook_verify::CustomScheme {
    webhook_verify::CustomScheme {
        hash: webhook_verify::HashAlg::Sha1,
        signature_header: "X-Hub-Signature",
        timestamp_header: None,
        encoding: webhook_verify::Encoding::Hex,
        prefix: Some("sha1="),
        signed_string: |_, body| body.to_vec(),
    }
}

struct Fixed;

impl webhook_verify::Clock for Fixed {
    fn now(&self) -> u64 {
        NOW
    }
}

pub fn tower_github_webhook() -> Receiver {
    receiver(tower_github_webhook::ValidateGitHubWebhookLayer::new(KEY).layer(Inner))
}

/// With a limit in front of it, and an event behind it.
pub fn tower_github_webhook_complete() -> Receiver {
    let layer = tower_github_webhook::ValidateGitHubWebhookLayer::new(KEY);
    receiver(RequestBodyLimitLayer::new(LIMIT_BYTES).layer(layer.layer(WithEvent)))
}

/// The smallest possible work: one MAC whose key is already prepared, and one comparison in constant time. It knows the
/// signature and the signed bytes before the body, so it reads no header. It keeps the frames without a copy.
pub fn floor<H>(key: &[u8], prefix: Vec<u8>, tag: Vec<u8>) -> Receiver
where
    H: EagerHash + 'static,
    Hmac<H>: Mac + KeyInit + Clone,
{
    let keyed = <Hmac<H> as KeyInit>::new_from_slice(key).expect("a key of any length");
    Box::new(move |request| {
        let mut mac = keyed.clone();
        Mac::update(&mut mac, &prefix);
        let (head, mut body) = request.into_parts();
        let mut kept: Vec<Bytes> = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) {
            if let Ok(data) = frame.into_data() {
                Mac::update(&mut mac, &data);
                kept.push(data);
            }
        }
        let accepted = mac.verify_slice(&tag).is_ok();
        let response = Response::new(Full::<Bytes>::default());
        drop((head, kept, response));
        accepted
    })
}

/// The service that every layer wraps. It drops the request and answers 200.
#[derive(Clone)]
pub struct Inner;

impl<B> Service<Request<B>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

/// Puts the event, which is the body, into the request's extensions, and calls [`Inner`].
#[derive(Clone)]
struct WithEvent;

impl WithEvent {
    fn add<B>(request: &mut Request<B>, body: Bytes) {
        request.extensions_mut().insert(Arc::new(body));
    }
}

impl Service<Request<Bytes>> for WithEvent {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let body = request.body().clone();
        Self::add(&mut request, body);
        Inner.call(request)
    }
}

impl Service<Request<Full<Bytes>>> for WithEvent {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> Self::Future {
        let mut context = Context::from_waker(Waker::noop());
        let frame = Pin::new(request.body_mut()).poll_frame(&mut context);
        let body = match frame {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            _ => Bytes::new(),
        };
        *request.body_mut() = Full::new(body.clone());
        Self::add(&mut request, body);
        Inner.call(request)
    }
}

fn receiver<S, B>(service: S) -> Receiver
where
    S: Service<Request<Frames>, Response = Response<B>> + Clone + 'static,
{
    Box::new(move |request| {
        let mut service = service.clone();
        let mut context = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut context).is_ready());
        let mut future = pin!(service.call(request));
        // A layer may give the task back although the body is there.
        loop {
            if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
                return answer.is_ok_and(|response| response.status() == StatusCode::OK);
            }
        }
    })
}
