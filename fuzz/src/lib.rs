//! Code that all targets use: the rules of a sender, a slow and simple reference that applies them
//! with other libraries than the crate, and the layer itself.

#[path = "../../tests/common/frames.rs"]
pub mod frames;
pub mod multipart;
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
    Encoding, Piece, Provider, Rejection, ResponseBody, Scheme, Secret, SignatureScheme, SignedUrl,
    Timestamp, Verified, WebhookAuthLayer, tenants::KeySource,
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
    HttpDate,
    Milliseconds,
    Rfc3339,
    Rfc3339WithoutZone,
    Seconds,
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
    /// The signature header may come up to four times.
    pub repeatable: bool,
    /// What separates groups, each with a timestamp.
    pub groups: Option<char>,
    pub item_separator: Option<char>,
    /// Items without a tag are signatures.
    pub untagged: bool,
    pub tags: Option<(char, &'static [&'static str])>,
    /// The first item is the timestamp.
    pub time_first: bool,
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
            repeatable: false,
            groups: None,
            item_separator: None,
            untagged: false,
            tags: None,
            time_first: false,
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
        match self.tags {
            Some((separator, _)) if self.untagged => {
                scheme = scheme.untagged_signatures(separator);
            }
            Some((separator, accepted)) => {
                scheme = scheme.tags(separator, accepted.iter().copied());
            }
            None => {}
        }
        if let Some(separator) = self.groups {
            scheme = scheme.group_separator(separator);
        }
        if self.repeatable {
            scheme = scheme.repeatable_header();
        }
        if self.pieces.contains(&Piece::Id) {
            scheme = scheme.id_header(ID.as_str());
        }
        if let Some(time) = &self.time {
            let mut timestamp = match time.tag {
                Some(tag) => Timestamp::tag(tag),
                None if self.time_first => Timestamp::first_item(),
                None => Timestamp::header(TIMESTAMP.as_str()),
            };
            timestamp = match time.unit {
                Unit::HttpDate => timestamp.http_date(),
                Unit::Milliseconds => timestamp.milliseconds(),
                Unit::Rfc3339 => timestamp.rfc3339(),
                Unit::Rfc3339WithoutZone => timestamp.rfc3339_without_zone(),
                Unit::Seconds => timestamp,
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
        for (name, value) in &mut head.headers {
            if [SIGNATURE, SECOND_SIGNATURE].contains(name) {
                fill_in(value, text.as_bytes());
            }
        }
    }
}

/// The value, with every `$` replaced by `text`.
pub fn fill_in(value: &mut HeaderValue, text: &[u8]) {
    let filled = replaced(value.as_bytes(), b'$', text);
    *value = HeaderValue::from_bytes(&filled).expect("two texts that a header can contain");
}

/// The bytes, with every `mark` replaced by `text`.
pub fn replaced(bytes: &[u8], mark: u8, text: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == mark).collect();
    parts.join(text)
}

/// The lines of an input. A line that is absent is empty.
pub struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// The first byte of the input as a number, counted from `!`, and the lines after it. `None` for an empty input.
    pub fn after_choice(input: &'a [u8]) -> Option<(usize, Self)> {
        let (choice, rest) = input.split_first()?;
        Some((usize::from(choice.wrapping_sub(b'!')), Self(rest)))
    }

    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let line = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        line
    }

    /// Everything after the lines that were read.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Whether the reference rejects the texts that must be rejected. A reference that is not strict also signs such texts.
/// Otherwise no input has the genuine signature of such a text, and a missing check is never found.
#[derive(Clone, Copy, Debug)]
pub struct Strict(pub bool);

/// The time at which each request arrives.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The proof, if the provider accepts the request. A rejection must not show the genuine signature.
pub fn verify<E>(
    provider: &Provider<E>,
    head: &Parts,
    body: &[u8],
    genuine: &str,
) -> Option<Verified<E>> {
    match provider.verify(head, Bytes::copy_from_slice(body), now()) {
        Ok(verified) => Some(verified),
        Err(rejection) => {
            let shown = format!("{rejection} {rejection:?}");
            let is_hidden = genuine.is_empty() || !shown.contains(genuine);
            assert!(is_hidden, "a rejection shows the signature");
            None
        }
    }
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
    let (response, mut calls) = respond(layer, head, body);
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

/// The response of the layer, and the requests that the inner service got.
pub fn respond<K: KeySource>(
    layer: &WebhookAuthLayer<Bytes, K>,
    head: Parts,
    body: Frames,
) -> (
    Response<ResponseBody<Full<Bytes>>>,
    Vec<Request<Full<Bytes>>>,
) {
    let inner = Inner::default();
    let service = layer.layer(inner.clone());
    let response = { service }.call(Request::from_parts(head, body));
    let response = finish(response).expect("an infallible service");
    let calls = std::mem::take(&mut *inner.0.lock().expect("the lock"));
    (response, calls)
}

pub fn whole<B>(body: B) -> Bytes
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
