//! Properties of all deliveries, tested with random ones.
//!
//! Signatures are made by `ring`, never by the code that verifies them.

mod common;
#[path = "common/frames.rs"]
mod frames;

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use futures_executor::block_on;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use proptest::{collection::vec, prelude::*, sample::Index};
use ring::hmac;
use tower::{Layer, Service, ServiceExt};
use tower_webhook_auth::{
    Encoding, KeyEncoding, Piece, Provider, Rejection, Scheme, Secret, SharedKeyScheme,
    SignatureScheme, Timestamp, Verified, WebhookAuthLayer,
};

use self::{
    common::Inner,
    frames::{Frames, Pieces, Step},
};

const SIGNATURE: &str = "acme-signature";
const TIMESTAMP: &str = "acme-timestamp";
const ID: &str = "acme-id";

const NOW: u64 = 1_712_109_260;

/// The ways to sign that differ in how they are read.
#[derive(Clone, Copy, Debug)]
enum Sender {
    /// As Optimizely: one tag, over the body alone.
    Body,
    /// As Standard Webhooks: a list in base64, over id, timestamp and body.
    Prefixed,
    /// As Stripe: the timestamp inside the signature's header.
    Tagged,
    /// As some do: timestamp and id after the body.
    Suffixed,
}

impl Sender {
    fn scheme(self) -> Scheme {
        let dot = || Piece::literal(".");
        match self {
            Self::Body => SignatureScheme::hmac_sha1(SIGNATURE).tags('=', ["sha1"]),
            Self::Prefixed => SignatureScheme::hmac_sha256(SIGNATURE)
                .encoding(Encoding::Base64)
                .item_separator(' ')
                .tags(',', ["v1"])
                .id_header(ID)
                .timestamp(Timestamp::header(TIMESTAMP))
                .signed([Piece::Id, dot(), Piece::Timestamp, dot(), Piece::Body]),
            Self::Tagged => SignatureScheme::hmac_sha256(SIGNATURE)
                .item_separator(',')
                .tags('=', ["v1"])
                .timestamp(Timestamp::tag("t"))
                .signed([Piece::Timestamp, dot(), Piece::Body]),
            Self::Suffixed => SignatureScheme::hmac_sha512(SIGNATURE)
                .id_header(ID)
                .timestamp(Timestamp::header(TIMESTAMP))
                .signed([Piece::Body, dot(), Piece::Timestamp, dot(), Piece::Id]),
        }
        .key_encoding(KeyEncoding::Hex)
        .build()
        .expect("a scheme")
    }

    fn signs_timestamp(self) -> bool {
        !matches!(self, Self::Body)
    }

    fn signs_id(self) -> bool {
        matches!(self, Self::Prefixed | Self::Suffixed)
    }
}

type Headers = Vec<(&'static str, Vec<u8>)>;

/// What a sender sends, before it is signed.
#[derive(Clone, Debug)]
struct Delivery {
    sender: Sender,
    key: Vec<u8>,
    id: String,
    timestamp: String,
    body: Vec<u8>,
}

impl Delivery {
    fn layer(&self) -> WebhookAuthLayer<Bytes> {
        let secret = Secret::new(HEXLOWER.encode(&self.key)).expect("a secret");
        let provider = Provider::new("acme", self.sender.scheme(), secret).expect("a provider");
        WebhookAuthLayer::new(provider).clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
    }

    fn tag(&self) -> Vec<u8> {
        let (algorithm, signed) = match self.sender {
            Sender::Body => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, vec![]),
            Sender::Prefixed => (
                hmac::HMAC_SHA256,
                format!("{}.{}.", self.id, self.timestamp).into_bytes(),
            ),
            Sender::Tagged => (
                hmac::HMAC_SHA256,
                format!("{}.", self.timestamp).into_bytes(),
            ),
            Sender::Suffixed => (hmac::HMAC_SHA512, vec![]),
        };
        let mut signed = [signed, self.body.clone()].concat();
        if let Sender::Suffixed = self.sender {
            signed.extend(format!(".{}.{}", self.timestamp, self.id).bytes());
        }
        let key = hmac::Key::new(algorithm, &self.key);
        hmac::sign(&key, &signed).as_ref().to_vec()
    }

    fn signature(&self, tag: &[u8]) -> String {
        match self.sender {
            Sender::Body => format!("sha1={}", HEXLOWER.encode(tag)),
            Sender::Prefixed => format!("v1,{}", BASE64.encode(tag)),
            Sender::Tagged => format!("t={},v1={}", self.timestamp, HEXLOWER.encode(tag)),
            Sender::Suffixed => HEXLOWER.encode(tag),
        }
    }

    fn headers(&self) -> Headers {
        vec![
            (SIGNATURE, self.signature(&self.tag()).into()),
            (TIMESTAMP, self.timestamp.clone().into()),
            (ID, self.id.clone().into()),
        ]
    }
}

fn request<B>(headers: &[(&'static str, Vec<u8>)], body: B) -> Request<B> {
    let mut request = Request::new(body);
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value).expect("a header's value"),
        );
    }
    request
}

/// Whether the inner service is called. The response and the event are asserted in both cases.
fn accepted(layer: &WebhookAuthLayer<Bytes>, request: Request<Frames>, signed: &[u8]) -> bool {
    let inner = Inner::default();
    let response = block_on(layer.layer(inner.clone()).oneshot(request)).expect("infallible");
    // `Inner` gives the extensions of its request back.
    let verified = response.extensions().get::<Verified<Bytes>>().cloned();
    match response.extensions().get::<Rejection>() {
        None => {
            assert_eq!(inner.calls(), 1);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(verified.expect("the proof").body(), signed);
            assert_eq!(block_on(common::collect(response.into_body())), signed);
            true
        }
        Some(rejection) => {
            assert_eq!(inner.calls(), 0);
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{rejection}");
            assert!(verified.is_none());
            false
        }
    }
}

prop_compose! {
    fn deliveries()(
        sender in prop_oneof![
            Just(Sender::Body),
            Just(Sender::Prefixed),
            Just(Sender::Tagged),
            Just(Sender::Suffixed),
        ],
        // Not of zeros alone: to HMAC that is no key.
        key in (1_u8.., vec(any::<u8>(), 0..150)).prop_map(|(first, rest)| [vec![first], rest].concat()),
        id in "[!-\\-/-~]{1,40}",
        age in -300_i64..=300,
        body in vec(any::<u8>(), 0..700),
    ) -> Delivery {
        let timestamp = NOW.checked_add_signed(-age).expect("a time").to_string();
        Delivery { sender, key, id, timestamp, body }
    }
}

/// Where to cut a body, what to put between the cuts.
fn cuts() -> impl Strategy<Value = Vec<(Index, Cut)>> {
    let cut = prop_oneof![
        3 => Just(Cut::Piece),
        3 => Just(Cut::Frame),
        1 => Just(Cut::EmptyFrame),
        1 => Just(Cut::Wait),
    ];
    vec((any::<Index>(), cut), 0..40)
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The frame goes on, in another place of the memory.
    Piece,
    Frame,
    EmptyFrame,
    Wait,
}

fn steps(body: &[u8], cuts: &[(Index, Cut)]) -> Vec<Step> {
    let mut cuts: Vec<(usize, Cut)> = cuts
        .iter()
        .map(|(at, cut)| (at.index(body.len() + 1), *cut))
        .collect();
    cuts.sort_by_key(|(at, _)| *at);
    let mut steps = Vec::new();
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, cut) in cuts {
        pieces.push(Bytes::copy_from_slice(&body[from..at]));
        from = at;
        if let Cut::Piece = cut {
            continue;
        }
        steps.push(Step::Data(pieces.drain(..).collect()));
        match cut {
            Cut::EmptyFrame => steps.push(Step::Data(Pieces::default())),
            Cut::Wait => steps.push(Step::Wait),
            Cut::Piece | Cut::Frame => {}
        }
    }
    pieces.push(Bytes::copy_from_slice(&body[from..]));
    steps.push(Step::Data(pieces.into_iter().collect()));
    steps
}

fn flipped(bytes: &[u8], at: Index) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let bit = at.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[derive(Clone, Copy, Debug)]
enum Flip {
    Body,
    Id,
    Key,
    SignatureBytes,
    SignatureText,
    Timestamp,
}

fn flips() -> impl Strategy<Value = Flip> {
    prop_oneof![
        Just(Flip::Body),
        Just(Flip::Id),
        Just(Flip::Key),
        Just(Flip::SignatureBytes),
        Just(Flip::SignatureText),
        Just(Flip::Timestamp),
    ]
}

/// The headers and the body of a delivery after one bit was flipped. `None` if the part is empty, if this
/// sender does not sign it, or if the result is not a header value.
fn tampered(genuine: &Delivery, flip: Flip, at: Index) -> Option<(Headers, Vec<u8>)> {
    let mut headers = genuine.headers();
    let mut body = genuine.body.clone();
    match flip {
        Flip::Body if body.is_empty() => return None,
        Flip::Body => body = flipped(&body, at),
        Flip::Id if !genuine.sender.signs_id() => return None,
        Flip::Id => headers[2].1 = flipped(&headers[2].1, at),
        Flip::Key => {
            let mut other = genuine.clone();
            other.key = flipped(&other.key, at);
            headers = other.headers();
        }
        Flip::SignatureBytes => {
            headers[0].1 = genuine.signature(&flipped(&genuine.tag(), at)).into();
        }
        Flip::SignatureText => {
            let text = flipped(&headers[0].1, at);
            // Digits of either case are the same signature.
            let digits = |text: &[u8]| match genuine.sender {
                Sender::Prefixed => text.to_vec(),
                _ => {
                    let from = text.len() - genuine.tag().len() * 2;
                    let (tag, digits) = text.split_at(from);
                    [tag, &digits.to_ascii_lowercase()].concat()
                }
            };
            if digits(&text) == digits(&headers[0].1) {
                return None;
            }
            headers[0].1 = text;
        }
        Flip::Timestamp if !genuine.sender.signs_timestamp() => return None,
        Flip::Timestamp => {
            let text = flipped(genuine.timestamp.as_bytes(), at);
            match genuine.sender {
                Sender::Tagged => {
                    let rest = headers[0].1.split_off("t=".len() + text.len());
                    headers[0].1 = [b"t=", text.as_slice(), &rest].concat();
                }
                _ => headers[1].1 = text,
            }
        }
    }
    headers
        .iter()
        .all(|(_, value)| HeaderValue::from_bytes(value).is_ok())
        .then_some((headers, body))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_verdict_does_not_depend_on_how_a_body_is_split(genuine in deliveries(), cuts in cuts()) {
        let body = Frames::new(steps(&genuine.body, &cuts));
        prop_assert!(accepted(
            &genuine.layer(),
            request(&genuine.headers(), body),
            &genuine.body,
        ));
    }

    #[test]
    fn a_delivery_with_one_bit_flipped_is_rejected(
        genuine in deliveries(),
        flip in flips(),
        at in any::<Index>(),
        cuts in cuts(),
    ) {
        // About one in six has no such bit.
        let Some((headers, body)) = tampered(&genuine, flip, at) else {
            return Ok(());
        };
        let frames = Frames::new(steps(&body, &cuts));
        prop_assert!(!accepted(&genuine.layer(), request(&headers, frames), &body));
    }

    #[test]
    fn no_bytes_of_headers_cause_a_panic(
        scheme in schemes(),
        values in vec((header_names(), header_values()), 0..8),
        body in vec(any::<u8>(), 0..60),
    ) {
        let secret = Secret::new("c2VjcmV0IG9mIDI0IGJ5dGVzIQ==").expect("a secret");
        let provider = Provider::new("acme", scheme, secret).expect("a provider");
        let body = Frames::of([body.into()]);
        prop_assert!(!accepted(&WebhookAuthLayer::new(provider), request(&values, body), &[]));
    }

    #[test]
    fn an_extension_is_present_if_and_only_if_the_signed_bytes_are_passed_on(
        genuine in deliveries(),
        flip in proptest::option::of(flips()),
        at in any::<Index>(),
        before in deliveries(),
    ) {
        // A genuine delivery of the same type, accepted by another layer.
        let response = block_on(
            before
                .layer()
                .layer(Inner::default())
                .oneshot(genuine_request(&before)),
        )
        .expect("infallible");
        let stale = response.extensions().get::<Verified<Bytes>>().expect("the proof").clone();

        let tampered = flip.and_then(|flip| tampered(&genuine, flip, at));
        let genuinely = tampered.is_none();
        let (headers, body) = tampered.unwrap_or((genuine.headers(), genuine.body.clone()));
        let mut request = request(&headers, Frames::of([body.clone().into()]));
        request.extensions_mut().insert(stale.clone());

        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorder = tower::service_fn({
            let seen = Arc::clone(&seen);
            move |request: Request<Full<Bytes>>| {
                let seen = Arc::clone(&seen);
                async move {
                    let (head, body) = request.into_parts();
                    let body = common::collect(body).await;
                    seen.lock().expect("the lock").push((head, body));
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
                }
            }
        });
        let response = block_on(genuine.layer().layer(recorder).oneshot(request)).expect("infallible");
        let seen = seen.lock().expect("the lock");
        prop_assert!(response.extensions().get::<Verified<Bytes>>().is_none());
        prop_assert_eq!(response.extensions().get::<Rejection>().is_none(), genuinely);
        prop_assert_eq!(seen.len(), usize::from(genuinely));
        for (head, received) in &*seen {
            let verified = head.extensions.get::<Verified<Bytes>>().expect("the proof");
            prop_assert_eq!(received, &body);
            prop_assert_eq!(verified.body(), &body);
            // The bytes may be equal by chance, but their addresses differ.
            prop_assert!(!std::ptr::eq(verified.event(), stale.event()));
        }
    }

    #[test]
    fn dropped_at_any_poll_it_leaves_nothing_behind(
        genuine in deliveries(),
        flip in proptest::option::of(flips()),
        at in any::<Index>(),
        cuts in cuts(),
        polls in 0_usize..30,
        unready in 0_usize..4,
        pending in 0_usize..4,
    ) {
        let tampered = flip.and_then(|flip| tampered(&genuine, flip, at));
        let genuinely = tampered.is_none();
        let (headers, body) = tampered.unwrap_or((genuine.headers(), genuine.body.clone()));
        let held = Arc::new(());
        let slow = Slow { calls: Arc::default(), held: Arc::clone(&held), unready, pending };
        let calls = Arc::clone(&slow.calls);
        // As much as this one body may take.
        let layer = genuine.layer().memory_budget(2 * body.len() + 1024);
        let mut service = layer.layer(slow);
        let held_before = Arc::strong_count(&held);

        let frames = Frames::new(steps(&body, &cuts)).holding(Arc::clone(&held));
        let waits = cuts.iter().filter(|(_, cut)| matches!(cut, Cut::Wait)).count();
        let mut request = request(&headers, frames);
        request.extensions_mut().insert(Arc::clone(&held));
        let mut done = false;
        {
            let mut future = pin!(service.call(request));
            let mut context = Context::from_waker(Waker::noop());
            for poll in 0..polls {
                if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
                    let response = response.expect("infallible");
                    prop_assert_eq!(response.status() == StatusCode::OK, genuinely);
                    done = true;
                    break;
                }
                // Bodies of so few frames are read in one go between two waits.
                let called = genuinely && poll >= waits + unready;
                prop_assert_eq!(calls.load(Ordering::SeqCst), usize::from(called));
            }
        }
        let calls_before = calls.load(Ordering::SeqCst);
        prop_assert_eq!(Arc::strong_count(&held), held_before);
        prop_assert!(calls_before == 0 || genuinely);
        prop_assert!(!done || calls_before == usize::from(genuinely));

        // Its charge was given back: another body of the same size fits into the budget.
        let again = genuine_request(&genuine);
        let response = block_on(service.call(again)).expect("infallible");
        prop_assert_eq!(response.status(), StatusCode::OK);
        prop_assert_eq!(calls.load(Ordering::SeqCst), calls_before + 1);
    }
}

fn genuine_request(genuine: &Delivery) -> Request<Frames> {
    request(
        &genuine.headers(),
        Frames::of([genuine.body.clone().into()]),
    )
}

/// An inner service that is slow to become ready and to respond.
#[derive(Clone)]
struct Slow {
    calls: Arc<AtomicUsize>,
    held: Arc<()>,
    unready: usize,
    pending: usize,
}

impl Service<Request<Full<Bytes>>> for Slow {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.unready > 0 {
            self.unready -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Answer {
        assert_eq!(self.unready, 0, "called before it was ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        Answer {
            pending: self.pending,
            _request: request,
            _held: Arc::clone(&self.held),
        }
    }
}

struct Answer {
    pending: usize,
    _request: Request<Full<Bytes>>,
    _held: Arc<()>,
}

impl Future for Answer {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending > 0 {
            self.pending -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(Response::default()))
    }
}

fn schemes() -> impl Strategy<Value = Scheme> {
    let encodings = prop_oneof![
        Just(Encoding::Hex),
        Just(Encoding::Base64),
        Just(Encoding::Base64Url),
    ];
    let timestamps = prop_oneof![
        Just(None),
        Just(Some(Timestamp::tag("t"))),
        Just(Some(Timestamp::header(TIMESTAMP))),
        Just(Some(Timestamp::header(TIMESTAMP).milliseconds())),
        Just(Some(Timestamp::header(TIMESTAMP).rfc3339().past_only())),
        Just(Some(Timestamp::header(TIMESTAMP).tolerance(Duration::MAX))),
        Just(Some(Timestamp::header(TIMESTAMP).accept_any_age())),
    ];
    let separators = prop_oneof![Just(','), Just(';'), Just(' ')];
    let signed = (encodings, timestamps, separators, any::<bool>()).prop_map(
        |(encoding, timestamp, separator, tags)| {
            let mut scheme = SignatureScheme::hmac_sha256(SIGNATURE)
                .encoding(encoding)
                .item_separator(separator)
                .id_header(ID);
            let mut pieces = vec![Piece::Id, Piece::literal("."), Piece::Body];
            if let Some(timestamp) = timestamp {
                scheme = scheme.tags('=', ["v1"]).timestamp(timestamp);
                pieces.push(Piece::Timestamp);
            } else if tags {
                scheme = scheme.tags('=', ["v1", "sha256"]);
            }
            scheme.signed(pieces).build().expect("a scheme")
        },
    );
    let shared_key = || SharedKeyScheme::new(SIGNATURE).alias(ID);
    prop_oneof![
        4 => signed,
        1 => Just(shared_key().build().expect("a scheme")),
        1 => Just(shared_key().basic().build().expect("a scheme")),
        1 => Just(shared_key().bearer().build().expect("a scheme")),
    ]
}

fn header_names() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        2 => Just(SIGNATURE),
        2 => Just(TIMESTAMP),
        2 => Just(ID),
        1 => Just("content-length"),
        1 => Just("content-type"),
    ]
}

/// Any bytes that a header can hold, and texts that get further.
fn header_values() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b' '..=b'~', 4 => 0x80_u8..=0xff, 1 => Just(b'\t')];
    let any = vec(byte, 0..200);
    let text = prop_oneof![
        "[+-]?[0-9]{0,25}",
        "[0-9]{4,6}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "[0-9a-fA-F]{38,130}",
        "[A-Za-z0-9+/_-]{20,90}={0,3}",
        "(t=-?[0-9]{0,22}|v1=[0-9a-f]{62,66}|v0=|=|v1|sha256=[A-Za-z0-9+/]{43}=|[ ,;]){0,40}",
        "([Bb]asic|[Bb]earer) ?[ -~]{0,40}",
    ]
    .prop_map(String::into_bytes);
    prop_oneof![1 => any, 3 => text]
}
