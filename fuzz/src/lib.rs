//! Code that all targets use: the rules of a sender, a slow and simple reference that applies them
//! with other libraries than the crate, and the layer itself.

#[path = "../../tests/common/frames.rs"]
pub mod frames;
pub mod reference;
pub mod token;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, request::Parts};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service};
use tower_webhook_auth::{
    Encoding, Piece, Provider, Rejection, Scheme, Secret, SignatureScheme, SignedUrl, Timestamp,
    Verified, WebhookAuthLayer,
};

use self::frames::Frames;

pub const KEY: &str = "It's a Secret to Everybody";
pub const NOW: u64 = 1_712_109_260;

pub const SIGNATURE: HeaderName = HeaderName::from_static("acme-signature");
pub const SECOND_SIGNATURE: HeaderName = HeaderName::from_static("acme-signature-2");
pub const TIMESTAMP: HeaderName = HeaderName::from_static("acme-timestamp");
pub const ID: HeaderName = HeaderName::from_static("acme-id");
/// The list of the signed headers.
pub const LIST: HeaderName = HeaderName::from_static("acme-list");
pub const EXTRA: HeaderName = HeaderName::from_static("acme-extra");
pub const ORIGIN: &str = "https://example.com";

#[derive(Clone, Copy, Debug)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug)]
pub enum Unit {
    Seconds,
    Milliseconds,
    Rfc3339,
}

#[derive(Clone, Debug)]
pub struct Time {
    pub tag: Option<&'static str>,
    pub unit: Unit,
    pub tolerance: Option<Duration>,
    pub past_only: bool,
    pub now: Duration,
}

/// How a sender signs.
#[derive(Clone, Debug)]
pub struct Rules {
    pub hash: Hash,
    pub encoding: Encoding,
    pub two_headers: bool,
    pub item_separator: Option<char>,
    pub tags: Option<(char, &'static [&'static str])>,
    pub time: Option<Time>,
    pub pieces: Vec<Piece>,
    pub unescape_url: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hash: Hash::Sha256,
            encoding: Encoding::Hex,
            two_headers: false,
            item_separator: None,
            tags: None,
            time: None,
            pieces: vec![Piece::Body],
            unescape_url: false,
        }
    }
}

impl Time {
    pub fn seconds(tag: Option<&'static str>) -> Self {
        Self {
            tag,
            unit: Unit::Seconds,
            tolerance: Some(Duration::from_secs(300)),
            past_only: false,
            now: Duration::from_secs(NOW),
        }
    }
}

impl Rules {
    /// The scheme, and whether its body has to be marked by
    /// [`accept_movable_body_boundary`](SignatureScheme::accept_movable_body_boundary). `None` if the builder
    /// rejects it.
    pub fn scheme(&self) -> Option<(Scheme, bool)> {
        let mut scheme = match self.hash {
            Hash::Sha1 => SignatureScheme::hmac_sha1(SIGNATURE.as_str()),
            Hash::Sha256 => SignatureScheme::hmac_sha256(SIGNATURE.as_str()),
            Hash::Sha512 => SignatureScheme::hmac_sha512(SIGNATURE.as_str()),
        }
        .encoding(self.encoding)
        .signed(self.pieces.clone());
        let url = SignedUrl::origin(ORIGIN).expect("a URL");
        scheme = scheme.url(if self.unescape_url {
            url.hubspot_unescaped()
        } else {
            url
        });
        if self.two_headers {
            scheme = scheme.parallel_header(SECOND_SIGNATURE.as_str());
        }
        if let Some(separator) = self.item_separator {
            scheme = scheme.item_separator(separator);
        }
        if let Some((separator, accepted)) = self.tags {
            scheme = scheme.tags(separator, accepted.iter().copied());
        }
        if self.pieces.contains(&Piece::Id) {
            scheme = scheme.id_header(ID.as_str());
        }
        if let Some(time) = &self.time {
            let mut timestamp = match time.tag {
                Some(tag) => Timestamp::tag(tag),
                None => Timestamp::header(TIMESTAMP.as_str()),
            };
            timestamp = match time.unit {
                Unit::Seconds => timestamp,
                Unit::Milliseconds => timestamp.milliseconds(),
                Unit::Rfc3339 => timestamp.rfc3339(),
            };
            timestamp = match time.tolerance {
                Some(tolerance) => timestamp.tolerance(tolerance).accept_renewal(),
                None => timestamp.accept_any_age(),
            };
            scheme = scheme.timestamp(if time.past_only {
                timestamp.past_only()
            } else {
                timestamp
            });
        }
        match scheme.clone().build() {
            Ok(scheme) => Some((scheme, false)),
            Err(_) => Some((scheme.accept_movable_body_boundary().build().ok()?, true)),
        }
    }

    pub fn layer(&self) -> Option<WebhookAuthLayer<Bytes>> {
        let now = match &self.time {
            Some(time) => SystemTime::UNIX_EPOCH.checked_add(time.now)?,
            None => SystemTime::UNIX_EPOCH,
        };
        let (scheme, _) = self.scheme()?;
        Some(layer(scheme).clock(move || now))
    }

    /// Replaces every `$` in the headers with signatures by the genuine signature.
    pub fn sign(&self, head: &mut Parts, body: &[u8]) {
        let Some(tag) = reference::tag(self, head, body, reference::Separators::Ignored) else {
            return;
        };
        let text = reference::encode(self.encoding, &tag);
        for name in [SIGNATURE, SECOND_SIGNATURE] {
            if let Some(value) = head.headers.get_mut(name) {
                fill_in(value, text.as_bytes());
            }
        }
    }
}

/// The value, with every `$` replaced by `text`.
pub fn fill_in(value: &mut HeaderValue, text: &[u8]) {
    let filled: Vec<u8> = value
        .as_bytes()
        .iter()
        .flat_map(|byte| match byte {
            b'$' => text,
            byte => std::slice::from_ref(byte),
        })
        .copied()
        .collect();
    *value = HeaderValue::from_bytes(&filled).expect("two texts that can stand in a header");
}

pub fn layer(scheme: Scheme) -> WebhookAuthLayer<Bytes> {
    let secret = Secret::new(KEY).expect("a secret");
    WebhookAuthLayer::new(Provider::new("acme", scheme, secret).expect("a provider"))
}

/// An inner service that stores the requests that it gets.
#[derive(Clone, Default)]
struct Inner(Arc<Mutex<Vec<Request<Full<Bytes>>>>>);

impl Service<Request<Full<Bytes>>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.0.lock().expect("the lock").push(request);
        ready(Ok(Response::default()))
    }
}

/// Whether the layer accepts the request. It also asserts everything else that must be true.
pub fn accepts(layer: &WebhookAuthLayer<Bytes>, head: Parts, body: Frames, signed: &[u8]) -> bool {
    let inner = Inner::default();
    let response = finish(
        layer
            .layer(inner.clone())
            .call(Request::from_parts(head, body)),
    )
    .expect("an infallible service");
    let mut calls = std::mem::take(&mut *inner.0.lock().expect("the lock"));
    match response.extensions().get::<Rejection>() {
        None => {
            let request = calls.pop().expect("accepted, so passed on");
            assert!(calls.is_empty(), "passed on twice");
            let verified = request
                .extensions()
                .get::<Verified<Bytes>>()
                .expect("the proof");
            assert_eq!(verified.body(), signed);
            assert_eq!(whole(request.into_body()), signed);
            true
        }
        Some(rejection) => {
            assert!(calls.is_empty(), "passed on, though {rejection}");
            assert!(response.status().is_client_error());
            let text = whole(response.into_body());
            assert!(text.len() < 512, "a rejection has a short body");
            false
        }
    }
}

fn whole<B>(body: B) -> Bytes
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    finish(body.collect()).expect("a body in memory").to_bytes()
}

/// Polls in a loop, because nothing here waits for a timer.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("never ends");
}

/// A request's head with these headers; `None` if a request cannot have them.
pub fn head<'a>(headers: impl IntoIterator<Item = (HeaderName, &'a [u8])>) -> Option<Parts> {
    let (mut head, ()) = Request::new(()).into_parts();
    for (name, value) in headers {
        head.headers
            .append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(head)
}
