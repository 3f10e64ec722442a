//! One list of deliveries, and three ways to receive each: the floor, by hand, and with the layer.
//!
//! The floor is the work that no implementation can avoid: a MAC over the bytes, with a key that
//! was prepared before; one comparison in constant time; one parse into the same event. It gets
//! the signature as an argument, so it reads no header. The code by hand is the usual code in a
//! handler: collect the body, key a MAC with the secret, decode the header, verify, parse. All
//! three take the same request, answer with a response, and drop both within the measurement.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its own part")]

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, de::DeserializeOwned};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tower::{Layer, Service};
use tower_webhook_auth::{
    Encoding, KeyEncoding, Keys, Piece, Provider, Scheme, Secret, SignatureScheme, Timestamp,
    Verified, WebhookAuthLayer, provider,
};

const FRAME: usize = 16 * 1024;
const NOW: u64 = 1_614_265_330;
const KEY: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
pub const OPTIMIZELY: &str = r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#;
const VWO: &str = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "campaign_settings_changed", "triggered_by": "vwo"}"#;
const STRIPE: &str = r#"{"id": "evt_123", "object": "event", "account": "acct_123", "api_version": "2017-05-25", "created": 1533204620, "livemode": false, "pending_webhooks": 1, "type": "customer.created"}"#;

/// One delivery, and the three ways to receive it. Each says whether it was accepted.
pub struct Case {
    pub name: &'static str,
    pub accepted: bool,
    pub request: Request<Frames>,
    pub floor: Receiver,
    pub hand: Receiver,
    pub layer: Receiver,
}

pub type Receiver = Box<dyn Fn(Request<Frames>) -> bool>;

impl Case {
    pub fn receivers(&self) -> [(&'static str, &Receiver); 3] {
        [
            ("floor", &self.floor),
            ("hand", &self.hand),
            ("layer", &self.layer),
        ]
    }
}

pub const NAMES: [&str; 16] = [
    "optimizely",
    "optimizely, 4 keys",
    "rejected after the body",
    "rejected from the head",
    "vwo",
    "vwo rejected",
    "standard webhooks",
    "standard webhooks, 16",
    "stripe",
    "stripe, 16",
    "github 300 B",
    "github 20 kB",
    "github 20 kB in frames",
    "github 1 MiB",
    "github 1 MiB in frames",
    "raw 1 MiB in frames",
];

/// The case of this name, after one run in each way that checks its verdict.
pub fn case(name: &'static str) -> Case {
    let case = match name {
        "optimizely" => optimizely(name, 1, Forged::No),
        "optimizely, 4 keys" => optimizely(name, 4, Forged::No),
        "rejected after the body" => optimizely(name, 1, Forged::Yes),
        "rejected from the head" => rejected_from_the_head(name),
        "vwo" => vwo(name, Forged::No),
        "vwo rejected" => vwo(name, Forged::Yes),
        "standard webhooks" => standard_webhooks(name, 1),
        "standard webhooks, 16" => standard_webhooks(name, 16),
        "stripe" => stripe(name, 1),
        "stripe, 16" => stripe(name, 16),
        "github 300 B" => github::<Push>(name, 300, usize::MAX),
        "github 20 kB" => github::<Push>(name, 20_000, usize::MAX),
        "github 20 kB in frames" => github::<Push>(name, 20_000, FRAME),
        "github 1 MiB" => github::<Push>(name, 1 << 20, usize::MAX),
        "github 1 MiB in frames" => github::<Push>(name, 1 << 20, FRAME),
        "raw 1 MiB in frames" => github::<Raw>(name, 1 << 20, FRAME),
        _ => panic!("no case is named {name}"),
    };
    for (way, receive) in case.receivers() {
        let accepted = receive(case.request.clone());
        assert_eq!(accepted, case.accepted, "{name}, {way}");
    }
    case
}

#[derive(Clone, Copy, PartialEq)]
enum Forged {
    No,
    Yes,
}

// The deliveries.

fn optimizely(name: &'static str, keys: usize, forged: Forged) -> Case {
    let mac = Hmac::<Sha1>::new_from_slice(KEY.as_bytes()).expect("any length");
    let body = Bytes::from_static(OPTIMIZELY.as_bytes());
    let mut tag = mac.clone().chain_update(&body).finalize().into_bytes();
    if forged == Forged::Yes {
        tag[0] ^= 1;
    }
    let signature = format!("sha1={}", HEXLOWER.encode(&tag));
    // The sender uses the last of these keys.
    let secret_text = |index| match index + 1 == keys {
        true => KEY.to_owned(),
        false => format!("another key, {index}"),
    };
    let macs: Vec<Hmac<Sha1>> = (0..keys)
        .map(|index| Hmac::new_from_slice(secret_text(index).as_bytes()).expect("any length"))
        .collect();
    let named = (0..keys).map(|index| {
        let secret = Secret::new(secret_text(index)).expect("a secret");
        (format!("key-{index}"), secret)
    });
    let keys_by_hand: Vec<String> = (0..keys).map(secret_text).collect();
    let provider = provider::optimizely(Keys::named(named).expect("keys"));
    Case {
        name,
        accepted: forged == Forged::No,
        request: request(body, usize::MAX, &[("x-hub-signature", &signature)]),
        floor: floor(move |request| {
            let body = request.into_body().0;
            let mut matched = false;
            for mac in &macs {
                let computed = mac.clone().chain_update(&body).finalize().into_bytes();
                matched |= bool::from(computed.as_slice().ct_eq(&tag));
            }
            matched && parsed::<DatafileUpdated>(&body)
        }),
        hand: by_hand(move |head, body| {
            let signature = head.get("x-hub-signature")?.to_str().ok()?;
            let tag = HEXLOWER
                .decode(signature.strip_prefix("sha1=")?.as_bytes())
                .ok()?;
            let verified = keys_by_hand.iter().any(|key| {
                Hmac::<Sha1>::new_from_slice(key.as_bytes())
                    .is_ok_and(|mac| mac.chain_update(body).verify_slice(&tag).is_ok())
            });
            Some(verified && parsed::<DatafileUpdated>(body))
        }),
        layer: with_layer(provider),
    }
}

fn github<E: Event>(name: &'static str, size: usize, frame: usize) -> Case {
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
    let body = push(size);
    let tag = mac.clone().chain_update(&body).finalize().into_bytes();
    let signature = format!("sha256={}", HEXLOWER.encode(&tag));
    let scheme = SignatureScheme::hmac_sha256("x-hub-signature-256").tags('=', ["sha256"]);
    let provider = sender("github", scheme.build().expect("a scheme"), KEY)
        .delivery_id_header(HeaderName::from_static("x-github-delivery"))
        .event_name_header(HeaderName::from_static("x-github-event"));
    let headers = [
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-event", "push"),
    ];
    Case {
        name,
        accepted: true,
        request: request(body, frame, &headers),
        floor: floor(move |request| {
            let mut mac = mac.clone();
            let frames = request.into_body();
            let body = if frames.0.len() <= frames.1 {
                mac.update(&frames.0);
                frames.0
            } else {
                // Several frames must be joined before they are parsed: one buffer of the exact
                // size.
                let mut buffer = Vec::with_capacity(frames.0.len());
                for frame in frames {
                    mac.update(&frame);
                    buffer.extend_from_slice(&frame);
                }
                buffer.into()
            };
            let computed = mac.finalize().into_bytes();
            bool::from(computed.as_slice().ct_eq(&tag)) && E::is(&body)
        }),
        hand: by_hand(|head, body| {
            let signature = head.get("x-hub-signature-256")?.to_str().ok()?;
            let tag = HEXLOWER
                .decode(signature.strip_prefix("sha256=")?.as_bytes())
                .ok()?;
            let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).ok()?;
            Some(mac.chain_update(body).verify_slice(&tag).is_ok() && E::is(body))
        }),
        layer: E::layer(provider),
    }
}

fn standard_webhooks(name: &'static str, candidates: usize) -> Case {
    let key = BASE64.encode(KEY.as_bytes());
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
    let body = Bytes::from_static(STRIPE.as_bytes());
    let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", NOW.to_string());
    let before = format!("{id}.{time}.");
    let tag = mac
        .clone()
        .chain_update(&before)
        .chain_update(&body)
        .finalize()
        .into_bytes();
    let signature = list(' ', candidates, |forged| {
        format!("v1,{}", BASE64.encode(&with_first_byte(&tag, forged)))
    });
    let scheme = SignatureScheme::hmac_sha256("webhook-signature")
        .encoding(Encoding::Base64)
        .item_separator(' ')
        .tags(',', ["v1"])
        .timestamp(Timestamp::header("webhook-timestamp"))
        .id_header("webhook-id")
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whsec_");
    let provider = sender("standard", scheme.build().expect("a scheme"), &key);
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", &time),
        ("webhook-signature", &signature),
    ];
    Case {
        name,
        accepted: true,
        request: request(body, usize::MAX, &headers),
        floor: floor(move |request| {
            let body = request.into_body().0;
            let mac = mac.clone().chain_update(&before).chain_update(&body);
            let computed = mac.finalize().into_bytes();
            bool::from(computed.as_slice().ct_eq(&tag)) && parsed::<Payment>(&body)
        }),
        hand: by_hand(move |head, body| {
            let id = head.get("webhook-id")?.to_str().ok()?;
            let time = head.get("webhook-timestamp")?.to_str().ok()?;
            if NOW.abs_diff(time.parse().ok()?) > 300 {
                return None;
            }
            let mac = Hmac::<Sha256>::new_from_slice(&BASE64.decode(key.as_bytes()).ok()?).ok()?;
            let mac = mac.chain_update(format!("{id}.{time}."));
            let computed = mac.chain_update(body).finalize().into_bytes();
            let signatures = head.get("webhook-signature")?.to_str().ok()?;
            let matched = signatures
                .split(' ')
                .filter_map(|item| item.strip_prefix("v1,"))
                .filter_map(|text| BASE64.decode(text.as_bytes()).ok())
                .any(|tag| computed.as_slice().ct_eq(&tag).into());
            Some(matched && parsed::<Payment>(body))
        }),
        layer: with_layer(provider.json::<Payment>()),
    }
}

fn stripe(name: &'static str, candidates: usize) -> Case {
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
    let body = Bytes::from_static(STRIPE.as_bytes());
    let time = NOW.to_string();
    let before = format!("{time}.");
    let tag = mac
        .clone()
        .chain_update(&before)
        .chain_update(&body)
        .finalize()
        .into_bytes();
    let signatures = list(',', candidates, |forged| {
        format!("v1={}", HEXLOWER.encode(&with_first_byte(&tag, forged)))
    });
    let scheme = SignatureScheme::hmac_sha256("stripe-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]);
    let provider = sender("stripe", scheme.build().expect("a scheme"), KEY);
    let signature = format!("t={time},{signatures}");
    Case {
        name,
        accepted: true,
        request: request(body, usize::MAX, &[("stripe-signature", &signature)]),
        floor: floor(move |request| {
            let body = request.into_body().0;
            let mac = mac.clone().chain_update(&before).chain_update(&body);
            let computed = mac.finalize().into_bytes();
            bool::from(computed.as_slice().ct_eq(&tag)) && parsed::<Payment>(&body)
        }),
        hand: by_hand(|head, body| {
            let header = head.get("stripe-signature")?.to_str().ok()?;
            let items = || header.split(',').filter_map(|item| item.split_once('='));
            let (_, time) = items().find(|(tag, _)| *tag == "t")?;
            if NOW.abs_diff(time.parse().ok()?) > 300 {
                return None;
            }
            let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).ok()?;
            let mac = mac.chain_update(format!("{time}."));
            let computed = mac.chain_update(body).finalize().into_bytes();
            let matched = items()
                .filter(|(tag, _)| *tag == "v1")
                .filter_map(|(_, text)| HEXLOWER.decode(text.as_bytes()).ok())
                .any(|tag| computed.as_slice().ct_eq(&tag).into());
            Some(matched && parsed::<Payment>(body))
        }),
        layer: with_layer(provider.json::<Payment>()),
    }
}

/// The event of Optimizely, as people write it by hand.
#[derive(Deserialize)]
struct DatafileUpdated {
    project_id: i64,
    timestamp: i64,
    event: String,
    data: Datafile,
}

#[derive(Deserialize)]
struct Datafile {
    revision: u64,
    origin_url: String,
    cdn_url: String,
    environment: Option<String>,
}

/// The event of VWO, as people write it by hand.
#[derive(Deserialize)]
struct SettingsChanged {
    timestamp: i64,
    event: String,
    action: Option<String>,
    triggered_by: Option<String>,
}

/// Its floor is the digest of the received key, which hides the length of the key, one comparison,
/// and the parse. Where it rejects, the floor parses nothing.
fn vwo(name: &'static str, forged: Forged) -> Case {
    let body = Bytes::from_static(VWO.as_bytes());
    let presented = match forged {
        Forged::No => KEY.to_owned(),
        Forged::Yes => KEY.replace('S', "s"),
    };
    let digest = Sha256::digest(KEY);
    Case {
        name,
        accepted: forged == Forged::No,
        request: request(body, usize::MAX, &[("x-vwo-auth", &presented)]),
        floor: floor(move |request| {
            let matched = Sha256::digest(black_box(&presented)).ct_eq(&digest);
            bool::from(matched) && parsed::<SettingsChanged>(&request.into_body().0)
        }),
        hand: by_hand(|head, body| {
            let key = head.get("x-vwo-auth")?;
            let matched = key.as_bytes().ct_eq(KEY.as_bytes());
            Some(matched.into() && parsed::<SettingsChanged>(body))
        }),
        layer: with_layer(provider::vwo(Secret::new(KEY).expect("a secret"))),
    }
}

/// Its floor is the response: there is nothing to compute.
fn rejected_from_the_head(name: &'static str) -> Case {
    let provider = provider::optimizely(Secret::new(KEY).expect("a secret"));
    let body = Bytes::from_static(OPTIMIZELY.as_bytes());
    Case {
        name,
        accepted: false,
        request: request(body, usize::MAX, &[]),
        floor: floor(|_| false),
        hand: by_hand(|head, _| {
            head.get("x-hub-signature")?;
            Some(true)
        }),
        layer: with_layer(provider),
    }
}

// The three ways.

fn floor(verified: impl Fn(Request<Frames>) -> bool + 'static) -> Receiver {
    Box::new(move |request| {
        let response = if verified(request) {
            Response::new(Full::default())
        } else {
            unauthorized()
        };
        response.status().is_success()
    })
}

/// In a handler without a layer: the whole body, then the check of head and body.
fn by_hand(verified: impl Fn(&HeaderMap, &Bytes) -> Option<bool> + 'static) -> Receiver {
    Box::new(move |request| {
        let response = complete(async {
            let (head, body) = request.into_parts();
            let body = BodyExt::collect(body)
                .await
                .expect("a whole body")
                .to_bytes();
            if verified(&head.headers, &body) == Some(true) {
                Response::new(Full::default())
            } else {
                unauthorized()
            }
        });
        response.status().is_success()
    })
}

fn with_layer<E: Send + Sync + 'static>(provider: Provider<E>) -> Receiver {
    let service = WebhookAuthLayer::new(provider)
        .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .layer(Handler::<E>(std::marker::PhantomData));
    Box::new(move |request| {
        let mut service = service.clone();
        let response = complete(service.call(request));
        response.expect("infallible").status().is_success()
    })
}

/// A handler that reads its event and responds with 200.
pub struct Handler<E>(std::marker::PhantomData<fn() -> E>);

impl<E> Clone for Handler<E> {
    fn clone(&self) -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: Send + Sync + 'static> Service<Request<Full<Bytes>>> for Handler<E> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        black_box(
            request
                .extensions()
                .get::<Verified<E>>()
                .expect("an event")
                .event(),
        );
        ready(Ok(Response::new(Full::default())))
    }
}

/// Polls to the end, because these futures never wait.
pub fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn unauthorized() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(r#"{"title":"Unauthorized","status":401}"#));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Webhook"),
    );
    response
}

// Requests, bodies, events.

fn request(body: Bytes, frame: usize, headers: &[(&'static str, &str)]) -> Request<Frames> {
    let length = body.len();
    let mut request = Request::new(Frames(body, frame));
    *request.method_mut() = Method::POST;
    let map = request.headers_mut();
    map.insert(header::HOST, HeaderValue::from_static("hooks.example.com"));
    map.insert(header::USER_AGENT, HeaderValue::from_static("sender/1.0"));
    map.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    map.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    for (name, value) in headers {
        map.insert(*name, value.parse().expect("a header's value"));
    }
    request
}

/// A body in frames of at most this many bytes. As in a server, each frame is a part of a larger
/// buffer.
#[derive(Clone)]
pub struct Frames(pub Bytes, pub usize);

impl Iterator for Frames {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let frame = self.0.split_to(self.1.min(self.0.len()));
        (!frame.is_empty()).then_some(frame)
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// A push of about this many bytes.
fn push(size: usize) -> Bytes {
    let mut body = format!(
        r#"{{"ref":"refs/heads/main","after":"{:040}","repository":{{"id":1,"full_name":"octocat/Hello-World"}},"commits":["#,
        0
    );
    let commit = format!(
        r#"{{"id":"{:040}","message":"Mend it","url":"https://github.com/octocat/Hello-World/commit/{:040}","added":[],"removed":[],"modified":["README.md"]}}"#,
        1, 1
    );
    while body.len() + commit.len() + 3 < size {
        body.push_str(&commit);
        body.push(',');
    }
    if body.ends_with(',') {
        body.pop();
    }
    body.push_str("]}");
    // Filled with spaces up to the size, like JSON that is indented.
    body.extend(std::iter::repeat_n(' ', size.saturating_sub(body.len())));
    body.into()
}

fn sender(name: &str, scheme: Scheme, key: &str) -> Provider<Bytes> {
    Provider::new(name, scheme, Secret::new(key).expect("a secret")).expect("a provider")
}

/// This many signatures. The last one is valid.
fn list(separator: char, count: usize, signature: impl Fn(u8) -> String) -> String {
    let items: Vec<String> = (0..count).rev().map(|n| signature(n as u8)).collect();
    items.join(&separator.to_string())
}

fn with_first_byte(tag: &[u8], change: u8) -> Vec<u8> {
    let mut tag = tag.to_vec();
    tag[0] ^= change;
    tag
}

fn parsed<E: DeserializeOwned>(body: &[u8]) -> bool {
    black_box(serde_json::from_slice::<E>(body)).is_ok()
}

trait Event {
    fn is(body: &Bytes) -> bool;
    fn layer(provider: Provider<Bytes>) -> Receiver;
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    _reference: String,
    #[serde(rename = "after")]
    _after: String,
    #[serde(rename = "repository")]
    _repository: Repository,
    #[serde(rename = "commits")]
    _commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(rename = "full_name")]
    _full_name: String,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "message")]
    _message: String,
}

impl Event for Push {
    fn is(body: &Bytes) -> bool {
        parsed::<Self>(body)
    }

    fn layer(provider: Provider<Bytes>) -> Receiver {
        with_layer(provider.json::<Self>())
    }
}

/// The event is the received bytes, so that no parse hides the cost of reading.
struct Raw;

impl Event for Raw {
    fn is(body: &Bytes) -> bool {
        black_box(body.clone());
        true
    }

    fn layer(provider: Provider<Bytes>) -> Receiver {
        with_layer(provider)
    }
}

#[derive(Deserialize)]
struct Payment {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "account")]
    _account: Option<String>,
    #[serde(rename = "created")]
    _created: i64,
    #[serde(rename = "type")]
    _kind: String,
}
