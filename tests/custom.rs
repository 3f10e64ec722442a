//! `Scheme::custom`: a scheme in code keeps everything that the layer does.

#[allow(unreachable_pub, reason = "the guide shows public items")]
#[path = "../src/guide/custom/cloudinary.rs"]
mod cloudinary;
#[path = "common/judge.rs"]
mod judge;
#[path = "common/script.rs"]
mod script;

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use sha2::Sha256;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Authentication, BoxError, Claim, CustomCheck, CustomClaims, CustomFacts, CustomHead,
    CustomRejection, CustomScheme, Keys, KeysHandle, MemoryBudget, Provider, Rejection,
    RejectionKind, Scheme, Secret, SignatureScheme, Verified, WebhookAuthLayer,
    replay::{MemoryStore, ReplayGuardLayer},
    tenants::{Selection, Unverified},
    testing::Signer,
};

use self::{
    cloudinary::Cloudinary,
    judge::{NOW, at, judge, post, through, through_any},
    script::{Script, Step, frame},
};

const TOKEN: &str = "wJ4mX9-never-to-be-seen-Qz7";
const BODY: &str = r#"{"id": 1}"#;

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

fn provider<S: CustomScheme>(scheme: S, keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::new("acme", Scheme::custom(scheme), keys).expect("a provider")
}

/// What a scheme of these tests does, so that each test names only what is special about it.
#[derive(Clone, Default)]
struct Options {
    facts: Option<CustomFacts>,
    claims: CustomClaims,
    /// How many bytes `update` got, in how many calls.
    updates: Arc<(AtomicUsize, AtomicUsize)>,
    /// Called by `start`.
    on_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// HMAC-SHA256 over the body in hexadecimal digits, hashed as the body arrives.
#[derive(Clone, Default)]
struct Acme(Options);

struct AcmeCheck {
    signature: Vec<u8>,
    states: Vec<Hmac<Sha256>>,
    options: Options,
}

static SIGNATURE: HeaderName = HeaderName::from_static("x-acme-signature");

impl CustomScheme for Acme {
    type Key = Hmac<Sha256>;
    type Check = AcmeCheck;

    fn facts(&self) -> CustomFacts {
        let facts = self.0.facts.clone();
        facts.unwrap_or_else(|| CustomFacts::new([SIGNATURE.clone()]).body_is_signed())
    }

    fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
        if secret.starts_with(b"bad") {
            return Err(format!("{} is bad", String::from_utf8_lossy(secret)).into());
        }
        if secret.starts_with(b"short") {
            return Err("a key has 32 bytes".into());
        }
        Ok(Hmac::new_from_slice(secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<AcmeCheck, CustomRejection> {
        let value = head.header(&SIGNATURE)?.as_bytes();
        let signature = HEXLOWER
            .decode(value)
            .map_err(|_| CustomRejection::header_malformed(&SIGNATURE, "64 hexadecimal digits"))?;
        Ok(AcmeCheck {
            signature,
            states: Vec::new(),
            options: self.0.clone(),
        })
    }
}

impl CustomCheck for AcmeCheck {
    type Key = Hmac<Sha256>;

    fn start(&mut self, keys: &[Self::Key]) {
        self.states = keys.to_vec();
        if let Some(call) = &self.options.on_start {
            call();
        }
    }

    fn hashers(&self) -> usize {
        self.states.len()
    }

    fn update(&mut self, bytes: &[u8]) {
        let (total, calls) = &*self.options.updates;
        total.fetch_add(bytes.len(), Relaxed);
        calls.fetch_add(1, Relaxed);
        for state in &mut self.states {
            state.update(bytes);
        }
    }

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        Ok(self.options.claims.clone())
    }

    fn matches(&mut self, _: &Self::Key, place: usize) -> bool {
        let state = self.states[place].clone();
        state.verify_slice(&self.signature).is_ok()
    }
}

fn sign(key: &str, body: &[u8]) -> String {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(body);
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

fn signed_by(key: &str, body: &'static str) -> Request<Full<Bytes>> {
    post(&[("x-acme-signature", &sign(key, body.as_bytes()))], body)
}

fn acme_with(change: impl FnOnce(&mut Options)) -> Provider<Bytes> {
    let mut options = Options::default();
    change(&mut options);
    provider(Acme(options), secret(TOKEN))
}

/// The published and derived cases of `tests/vectors/providers.json`.
/// Computed by the rule of Cloudinary's library, and derived from it.
#[test]
fn every_delivery_of_cloudinary_gets_its_verdict() {
    let cloudinary = |key: &str| provider(Cloudinary, secret(key));
    let body = "{\"id\":\"evt_0001\",\"type\":\"thing.updated\",\"data\":{\"name\":\"Zo\u{eb} \u{2603}\",\"amount\":1050}}";
    let signature = "4696158c72b273e1875e1ed9a68c69e6600aee0ce6707dd18dddd11aab0d618c";
    let headers = [
        ("X-Cld-Signature", signature),
        ("X-Cld-Timestamp", "1700000000"),
    ];
    let key = "webhooks_signing_key_of_a_test";
    let at = |key: &str, body: &str, now: u64| {
        let layer = WebhookAuthLayer::new(cloudinary(key)).clock(move || at(now));
        let verified = through(&layer, post(&headers, body.to_owned()));
        verified.map_err(|rejection| rejection.kind())
    };
    let verified = at(key, body, NOW + 7200).expect("a genuine delivery");
    assert_eq!(verified.authentication(), Authentication::Custom);
    assert!(verified.body_is_signed());
    assert!(verified.identity().is_some());
    let late = at(key, body, NOW + 7201).map(drop);
    assert_eq!(late, Err(RejectionKind::TimestampTooOld));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(at(key, &format!("{body} "), NOW).map(drop), mismatch);
    assert_eq!(at("another", body, NOW).map(drop), mismatch);
}

#[test]
fn each_wrong_request_gets_the_kind_of_its_fault() {
    let acme = acme_with(|_| {});
    let good = sign(TOKEN, BODY.as_bytes());
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, RejectionKind);
    let cases: [Case<'_>; 7] = [
        (&[], BODY, RejectionKind::HeaderMissing),
        (
            &[("x-acme-signature", "junk")],
            BODY,
            RejectionKind::HeaderMalformed,
        ),
        (
            &[("x-acme-signature", &good), ("x-acme-signature", &good)],
            BODY,
            RejectionKind::HeaderDuplicated,
        ),
        (
            &[("x-acme-signature", &"a".repeat(4098))],
            BODY,
            RejectionKind::HeaderTooLong,
        ),
        (
            &[("x-acme-signature", &good)],
            r#"{"id": 2}"#,
            RejectionKind::SignatureMismatch,
        ),
        (
            &[("x-acme-signature", &sign("other", BODY.as_bytes()))],
            BODY,
            RejectionKind::SignatureMismatch,
        ),
        (
            &[("x-acme-signature", &good[..62])],
            BODY,
            RejectionKind::SignatureMismatch,
        ),
    ];
    for (headers, body, expected) in cases {
        let verdict = judge(&acme, post(headers, body.to_owned()));
        assert_eq!(verdict.map(drop), Err(expected), "{headers:?}");
    }
    let verified = judge(&acme, signed_by(TOKEN, BODY)).expect("a genuine delivery");
    assert_eq!(verified.authentication(), Authentication::Custom);
    assert!(verified.body_is_signed());
    assert_eq!(verified.key_name(), "default");
    assert!(verified.identity().is_some());
}

#[test]
fn a_rejection_names_the_header_the_expected_shape_and_the_keys() {
    let layer = WebhookAuthLayer::new(acme_with(|_| {}));
    let message = |request| {
        let rejection = through(&layer, request).expect_err("a rejection");
        rejection.to_string()
    };
    assert_eq!(
        message(post(&[("x-acme-signature", "junk")], BODY)),
        "header is malformed: x-acme-signature: expected 64 hexadecimal digits, found another value"
    );
    assert_eq!(
        message(signed_by("other", BODY)),
        "no signature matches any configured key: x-acme-signature: tried \"default\""
    );
}

/// A scheme in code that wraps another one may write its rejection into a log.
#[test]
fn the_text_of_a_custom_rejection_names_the_fault() {
    let malformed = CustomRejection::header_malformed(&SIGNATURE, "28 characters of base64");
    for (rejection, text) in [
        (
            CustomRejection::header_missing(&SIGNATURE),
            "header is missing: x-acme-signature",
        ),
        (
            malformed,
            "header is malformed: x-acme-signature: expected 28 characters of base64, found another value",
        ),
        (
            CustomRejection::mismatch(),
            "no signature matches any configured key",
        ),
        (
            CustomRejection::target_malformed(),
            "method, path or query cannot be read as a signed piece",
        ),
    ] {
        assert_eq!(rejection.to_string(), text);
    }
}

/// What a client sees of a response.
fn seen(layer: &WebhookAuthLayer<Bytes>, request: Request<Full<Bytes>>) -> String {
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let Ok(response) = futures_executor::block_on(layer.layer(inner).oneshot(request));
    let (head, body) = response.into_parts();
    let body = futures_executor::block_on(body.collect()).expect("a body");
    format!("{} {:?} {:?}", head.status, head.headers, body.to_bytes())
}

#[test]
fn all_failed_authentications_look_the_same_to_the_client() {
    let layer = WebhookAuthLayer::new(acme_with(|_| {}));
    let responses = [
        post(&[], BODY),
        post(&[("x-acme-signature", "junk")], BODY),
        signed_by("other", BODY),
    ]
    .map(|request| seen(&layer, request));
    assert!(responses[0].starts_with("401"), "{responses:?}");
    assert!(
        responses.iter().all(|seen| *seen == responses[0]),
        "{responses:?}"
    );
}

#[test]
fn a_request_that_the_head_decides_is_rejected_before_the_body_is_polled() {
    let layer = WebhookAuthLayer::new(acme_with(|_| {}));
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    // The body fails when it is polled.
    let request = Request::post("/").body(Script::new([Step::Error("broken".into())]));
    let response = layer.layer(inner).oneshot(request.expect("a request"));
    let Ok(response) = futures_executor::block_on(response);
    let rejection: Option<&Rejection> = response.extensions().get();
    assert_eq!(
        rejection.map(Rejection::kind),
        Some(RejectionKind::HeaderMissing)
    );
}

#[test]
fn the_verdict_does_not_depend_on_how_the_body_is_split() {
    let body = Bytes::from_static(BODY.as_bytes());
    for first in 0..=body.len() {
        for second in first..=body.len() {
            let updates = Arc::default();
            let acme = acme_with(|options| options.updates = Arc::clone(&updates));
            let pieces = [
                body.slice(..first),
                body.slice(first..second),
                body.slice(second..),
            ];
            // The body waits after each piece, so that the check gets each piece alone.
            let steps = pieces
                .into_iter()
                .flat_map(|piece| [frame(piece), Step::Pending]);
            let request = Request::post("/")
                .header("x-acme-signature", sign(TOKEN, &body))
                .body(Script::new(steps))
                .expect("a request");
            let inner = service_fn(async |request: Request<Full<Bytes>>| {
                let verified = request.extensions().get::<Verified<Bytes>>();
                let verified = verified.expect("a verified event");
                assert_eq!(verified.body(), BODY);
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            });
            let response = WebhookAuthLayer::new(acme).layer(inner).oneshot(request);
            let Ok(response) = futures_executor::block_on(response);
            assert_eq!(response.status(), StatusCode::OK, "{first} {second}");
            assert_eq!(updates.0.load(Relaxed), body.len());
        }
    }
}

#[test]
fn limit_and_budget_hold_for_a_custom_scheme() {
    let limited = WebhookAuthLayer::new(acme_with(|_| {})).max_body_bytes(BODY.len() - 1);
    let rejection = through(&limited, signed_by(TOKEN, BODY)).expect_err("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::BodyTooLarge);

    let budget = MemoryBudget::new(100);
    let layer = WebhookAuthLayer::new(acme_with(|_| {})).memory_budget(budget);
    let large: &'static str = "a".repeat(10_000).leak();
    let rejection = through(&layer, signed_by(TOKEN, large)).expect_err("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::BudgetExhausted);
    assert!(through(&layer, signed_by(TOKEN, "a")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_a_custom_scheme() {
    let layer = WebhookAuthLayer::new(acme_with(|_| {})).body_deadline(Duration::from_secs(5));
    let request = Request::post("/")
        .header("x-acme-signature", sign(TOKEN, BODY.as_bytes()))
        .body(Script::new([frame(BODY), Step::Stall]))
        .expect("a request");
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    let rejection: Option<&Rejection> = response.extensions().get();
    let kind = rejection.map(Rejection::kind);
    assert_eq!(kind, Some(RejectionKind::BodyTimeout));
}

/// The kind of the rejection of a delivery to this tenant. The tenant `a` is known.
async fn for_tenant<S: CustomScheme>(
    scheme: S,
    path: &'static str,
    signature: &str,
) -> Option<RejectionKind> {
    let layer = WebhookAuthLayer::new(provider(scheme, secret("of no tenant")));
    let layer = layer.keys_from(|delivery: Unverified<'_>| {
        let keys = match delivery.uri().path() {
            "/a" => Some(Keys::from(secret(TOKEN)).of_tenant("a")),
            _ => None,
        };
        Selection::LookUp(std::future::ready(Ok::<_, BoxError>(keys)))
    });
    let request = Request::post(path)
        .header("x-acme-signature", signature)
        .body(Full::<Bytes>::from(BODY))
        .expect("a request");
    let inner = service_fn(async |request: Request<Full<Bytes>>| {
        let verified = request.extensions().get::<Verified<Bytes>>();
        assert_eq!(verified.and_then(Verified::tenant), Some("a"));
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    response.extensions().get().map(Rejection::kind)
}

#[tokio::test]
async fn a_tenants_key_verifies_and_an_unknown_tenant_is_rejected_even_by_a_scheme_that_says_yes() {
    let signature = sign(TOKEN, BODY.as_bytes());
    let mismatch = Some(RejectionKind::SignatureMismatch);
    assert_eq!(for_tenant(Acme::default(), "/a", &signature).await, None);
    assert_eq!(
        for_tenant(Acme::default(), "/b", &signature).await,
        mismatch
    );
    assert_eq!(
        for_tenant(Acme::default(), "/a", &sign("b", b"")).await,
        mismatch
    );
    assert_eq!(for_tenant(Yes, "/b", "").await, mismatch);
    assert_eq!(for_tenant(Token, "/a", TOKEN).await, None);
    assert_eq!(for_tenant(Token, "/a", "other").await, mismatch);
    assert_eq!(for_tenant(Token, "/b", TOKEN).await, mismatch);
}

/// Otherwise each request of an untrusted client costs a look-up.
#[test]
fn the_keys_of_a_tenant_are_not_looked_up_for_a_head_without_a_token() {
    let looked_up = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looked_up);
    let layer = WebhookAuthLayer::new(provider(Token, secret("of no tenant")));
    let layer = layer.keys_from(move |_: Unverified<'_>| {
        counted.fetch_add(1, Relaxed);
        let keys = Keys::from(secret(TOKEN)).of_tenant("a");
        Selection::LookUp(std::future::ready(Ok::<_, BoxError>(Some(keys))))
    });
    let kind = |request| through_any(&layer, request).map_err(|rejection| rejection.kind());
    assert_eq!(
        kind(post(&[], BODY)).err(),
        Some(RejectionKind::HeaderMissing)
    );
    assert_eq!(looked_up.load(Relaxed), 0);
    assert!(kind(post(&[("x-acme-signature", TOKEN)], BODY)).is_ok());
    assert_eq!(looked_up.load(Relaxed), 1);
}

#[test]
fn a_large_body_is_hashed_over_several_polls() {
    let updates = Arc::default();
    let acme = acme_with(|options| options.updates = Arc::clone(&updates));
    let body: &'static str = "a".repeat(1 << 20).leak();
    let layer = WebhookAuthLayer::new(acme).max_body_bytes(2 << 20);
    assert!(through(&layer, signed_by(TOKEN, body)).is_ok());
    assert_eq!(updates.1.load(Relaxed), 4, "256 KiB in each poll");

    // Each byte is hashed once for each key.
    let options = Options::default();
    let updates = Arc::clone(&options.updates);
    let keys = [("a", "key-a"), ("b", "key-b"), ("c", "key-c"), ("d", TOKEN)];
    let keys = Keys::named(keys.map(|(name, key)| (name, secret(key)))).expect("keys");
    let layer = WebhookAuthLayer::new(provider(Acme(options), keys)).max_body_bytes(2 << 20);
    assert!(through(&layer, signed_by(TOKEN, body)).is_ok());
    assert_eq!(updates.1.load(Relaxed), 16, "64 KiB in each poll");
}

/// One call for each frame would cost more than the hash of a small frame. A body that waits for its sender has time for
/// the hash.
#[test]
fn small_frames_are_hashed_together_or_when_the_body_waits() {
    let body: Bytes = vec![b'a'; 6_100].into();
    let small = |bytes: Bytes| {
        bytes
            .chunks(100)
            .map(|bytes| frame(bytes.to_vec()))
            .collect()
    };
    let steps: [Vec<Step>; 3] = [
        small(body.slice(..5_000)),
        vec![Step::Pending],
        small(body.slice(5_000..)),
    ];
    let updates = Arc::default();
    let acme = acme_with(|options| options.updates = Arc::clone(&updates));
    let request = Request::post("/")
        .header("x-acme-signature", sign(TOKEN, &body))
        .body(Script::new(steps.into_iter().flatten()))
        .expect("a request");
    let layer = WebhookAuthLayer::new(acme);
    let mut context = Context::from_waker(Waker::noop());
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut future = pin!(layer.layer(inner).oneshot(request));

    assert!(future.as_mut().poll(&mut context).is_pending());
    // 2,100 bytes twice, and the rest.
    assert_eq!(updates.0.load(Relaxed), 5_000);
    assert_eq!(updates.1.load(Relaxed), 3);
    assert!(future.as_mut().poll(&mut context).is_ready());
    assert_eq!(updates.0.load(Relaxed), 6_100);
    assert_eq!(updates.1.load(Relaxed), 4);
}

/// Reads all of the request head, and a time before the body.
struct Timed;

impl CustomScheme for Timed {
    type Key = ();
    type Check = TimedCheck;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([SIGNATURE.clone()]).time_is_signed(Duration::from_secs(300))
    }

    fn key(&self, _: &[u8]) -> Result<(), BoxError> {
        Ok(())
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<TimedCheck, CustomRejection> {
        let is_expected = head.method() == http::Method::POST
            && head.uri().path() == "/hook"
            && head.headers().contains_key("x-topic");
        if !is_expected {
            return Err(CustomRejection::target_malformed());
        }
        let digits = || CustomRejection::header_malformed(&SIGNATURE, "digits");
        let time = head.header(&SIGNATURE)?.to_str().map_err(|_| digits())?;
        let signed_at = at(time.parse().map_err(|_| digits())?);
        head.check_time(&SIGNATURE, signed_at)?;
        Ok(TimedCheck(signed_at))
    }
}

struct TimedCheck(SystemTime);

impl CustomCheck for TimedCheck {
    type Key = ();

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        Ok(CustomClaims::new().signed_at(self.0))
    }

    fn matches(&mut self, (): &(), _: usize) -> bool {
        true
    }
}

#[test]
fn a_scheme_reads_the_method_the_url_the_headers_and_the_time_from_the_head() {
    let layer = WebhookAuthLayer::new(provider(Timed, secret(TOKEN))).clock(|| at(NOW));
    let request = |time: u64| {
        let time = time.to_string();
        post(&[("x-acme-signature", &time), ("x-topic", "orders")], BODY)
    };
    let kind = |request| through(&layer, request).err().map(|error| error.kind());
    for (time, expected) in [
        (NOW - 301, Some(RejectionKind::TimestampTooOld)),
        (NOW - 300, None),
        (NOW + 300, None),
        (NOW + 301, Some(RejectionKind::TimestampInFuture)),
    ] {
        assert_eq!(kind(request(time)), expected, "{time}");
    }
    // The header shows that the head was enough for this verdict.
    let rejection = through(&layer, request(NOW - 301)).expect_err("too old");
    assert_eq!(rejection.header_name(), Some(&SIGNATURE));

    let changed = |change: &dyn Fn(&mut Request<Full<Bytes>>)| {
        let mut request = request(NOW);
        change(&mut request);
        kind(request)
    };
    let malformed = Some(RejectionKind::TargetMalformed);
    assert_eq!(changed(&|_| {}), None);
    let method = changed(&|request| *request.method_mut() = http::Method::PUT);
    assert_eq!(method, malformed);
    let path = changed(&|request| *request.uri_mut() = http::Uri::from_static("/other"));
    assert_eq!(path, malformed);
    let header = changed(&|request| drop(request.headers_mut().remove("x-topic")));
    assert_eq!(header, malformed);
}

#[test]
fn each_key_is_tried_and_keys_can_be_replaced() {
    let keys = Keys::named([("new", secret("new-key")), ("old", secret("old-key"))]);
    let acme = provider(Acme::default(), keys.expect("keys"));
    let key = |signed_with: &str| {
        judge(&acme, signed_by(signed_with, BODY)).map(|verified| verified.key_name().to_owned())
    };
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(key("new-key"), Ok("new".into()));
    assert_eq!(key("old-key"), Ok("old".into()));
    assert_eq!(key(TOKEN), mismatch);
    acme.keys().replace(secret(TOKEN)).expect("a key");
    assert_eq!(key(TOKEN), Ok("default".into()));
    assert_eq!(key("old-key"), mismatch);
    assert!(acme.keys().replace(secret("short")).is_err());
    assert_eq!(key(TOKEN), Ok("default".into()), "the old keys stay");
    acme.keys().withdraw();
    assert_eq!(key(TOKEN), Err(RejectionKind::KeysUnavailable));
}

#[test]
fn a_key_that_the_scheme_rejects_is_an_error_without_the_secret() {
    let message = |text: &str| {
        let provider = Provider::new("acme", Scheme::custom(Acme::default()), secret(text));
        provider.expect_err("an error").to_string()
    };
    assert_eq!(
        message("short"),
        r#"acme: key "default": a key has 32 bytes"#
    );
    assert_eq!(
        message("bad-secret"),
        "acme: key \"default\": the scheme cannot read the secret (its message contains the secret \
         and is not shown)"
    );
}

/// A scheme that says yes to every key, as a careless one may.
struct Yes;

impl CustomScheme for Yes {
    type Key = ();
    type Check = Yes;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([])
    }

    fn key(&self, secret: &[u8]) -> Result<(), BoxError> {
        if secret.starts_with(b"bad") {
            return Err("bad".into());
        }
        Ok(())
    }

    fn begin(&self, _: &CustomHead<'_>) -> Result<Yes, CustomRejection> {
        Ok(Yes)
    }
}

impl CustomCheck for Yes {
    type Key = ();

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, _: &(), _: usize) -> bool {
        true
    }
}

#[test]
fn without_a_key_nothing_matches_even_if_the_scheme_always_says_yes() {
    let described = SignatureScheme::hmac_sha256("x-signature").build();
    let ways = [
        ("custom", Scheme::custom(Yes)),
        ("described", described.expect("a scheme")),
    ];
    let scheme = Scheme::any_of(ways).expect("a scheme");
    // The custom way can decode none of the keys.
    let acme = Provider::new("acme", scheme, secret("bad-key")).expect("a provider");
    let verdict = judge(&acme, post(&[], BODY));
    assert_eq!(verdict.map(drop), Err(RejectionKind::SignatureMismatch));
}

#[test]
fn a_scheme_that_says_no_more_proves_only_the_sender() {
    let verified = judge(&provider(Yes, secret("a")), post(&[], BODY)).expect("a delivery");
    assert!(!verified.body_is_signed());
    assert_eq!(verified.identity(), None);
    assert_eq!(verified.delivery_id(), None);
    assert_eq!(verified.signed_at(), None);
}

#[test]
fn an_id_and_a_time_count_only_if_the_facts_say_so() {
    let claims = CustomClaims::new().id("msg_1").signed_at(at(NOW));
    let acme = |facts: CustomFacts| {
        let claims = claims.clone();
        let acme = acme_with(|options| {
            options.facts = Some(facts);
            options.claims = claims;
        });
        judge(&acme, signed_by(TOKEN, BODY)).expect("a delivery")
    };
    let facts = || CustomFacts::new([SIGNATURE.clone()]);
    let unsigned = acme(facts());
    assert_eq!(unsigned.delivery_id(), Some(Claim::Unsigned("msg_1")));
    assert_eq!(unsigned.signed_at(), None);
    assert_eq!(unsigned.identity(), None);
    let tolerance = Duration::from_secs(300);
    let signed = acme(facts().id_is_signed().time_is_signed(tolerance));
    assert_eq!(signed.delivery_id(), Some(Claim::Signed("msg_1")));
    assert_eq!(signed.signed_at(), Some(at(NOW)));
    assert!(signed.identity().is_some());
    assert!(!signed.body_is_signed());
}

#[test]
fn a_delivery_without_what_the_facts_promise_is_rejected() {
    let facts = || CustomFacts::new([SIGNATURE.clone()]);
    let tolerance = Duration::from_secs(300);
    let mismatch = RejectionKind::SignatureMismatch;
    let cases = [
        (facts().id_is_signed(), CustomClaims::new(), mismatch),
        (facts().id_is_signed(), CustomClaims::new().id(""), mismatch),
        (
            facts().id_is_signed(),
            CustomClaims::new().id("a b"),
            mismatch,
        ),
        (
            facts().time_is_signed(tolerance),
            CustomClaims::new(),
            mismatch,
        ),
        (
            facts().time_is_signed(tolerance),
            CustomClaims::new().signed_at(at(NOW - 301)),
            RejectionKind::TimestampTooOld,
        ),
        (
            facts().time_is_signed(tolerance),
            CustomClaims::new().signed_at(at(NOW + 301)),
            RejectionKind::TimestampInFuture,
        ),
    ];
    for (facts, claims, expected) in cases {
        let label = format!("{facts:?} {claims:?}");
        let acme = acme_with(|options| {
            options.facts = Some(facts);
            options.claims = claims;
        });
        let verdict = judge(&acme, signed_by(TOKEN, BODY));
        assert_eq!(verdict.map(drop), Err(expected), "{label}");
    }
}

/// A token in a header.
struct Token;

impl CustomScheme for Token {
    type Key = Vec<u8>;
    type Check = TokenCheck;

    fn facts(&self) -> CustomFacts {
        // The head wins: what was not read cannot be signed.
        CustomFacts::new([SIGNATURE.clone()])
            .body_is_signed()
            .head_is_enough()
    }

    fn key(&self, secret: &[u8]) -> Result<Vec<u8>, BoxError> {
        Ok(secret.to_vec())
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<TokenCheck, CustomRejection> {
        Ok(TokenCheck(head.header(&SIGNATURE)?.as_bytes().to_vec()))
    }
}

struct TokenCheck(Vec<u8>);

impl CustomCheck for TokenCheck {
    type Key = Vec<u8>;

    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection> {
        assert!(body.is_empty());
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, key: &Vec<u8>, _: usize) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(key).into()
    }
}

#[test]
fn a_scheme_for_which_the_head_is_enough_is_decided_before_the_body_and_signs_no_body() {
    let token = provider(Token, secret(TOKEN));
    let verified = judge(&token, post(&[("x-acme-signature", TOKEN)], BODY)).expect("a delivery");
    assert!(!verified.body_is_signed());
    assert_eq!(verified.identity(), None);

    // Nothing can be tried: the body was not read.
    let layer = WebhookAuthLayer::new(token).diagnose(secret("suspect"));
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let request = Request::post("/").header("x-acme-signature", "other");
    let request = request
        .body(Script::new([Step::Error("broken".into())]))
        .expect("a request");
    let Ok(response) = futures_executor::block_on(layer.layer(inner).oneshot(request));
    let rejection: Option<&Rejection> = response.extensions().get();
    assert_eq!(
        rejection.map(Rejection::kind),
        Some(RejectionKind::SignatureMismatch)
    );
    assert!(rejection.is_some_and(|rejection| rejection.diagnosis().is_none()));
}

#[test]
fn a_scheme_can_have_a_custom_way_and_a_described_way() {
    let described = SignatureScheme::hmac_sha256("x-signature").build();
    let ways = [
        ("described", described.expect("a scheme")),
        ("custom", Scheme::custom(Acme::default())),
    ];
    let scheme = Scheme::any_of(ways).expect("a scheme");
    let acme = Provider::new("acme", scheme, secret(TOKEN)).expect("a provider");
    let signature = sign(TOKEN, BODY.as_bytes());
    let way = |header: &str, signature: &str| {
        let verified = judge(&acme, post(&[(header, signature)], BODY))?;
        Ok((verified.way().map(str::to_owned), verified.authentication()))
    };
    assert_eq!(
        way("x-signature", &signature),
        Ok((Some("described".into()), Authentication::Signature))
    );
    assert_eq!(
        way("x-acme-signature", &signature),
        Ok((Some("custom".into()), Authentication::Custom))
    );
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(
        way("x-acme-signature", &sign("b", BODY.as_bytes())),
        mismatch
    );
    assert_eq!(way("x-other", "a"), Err(RejectionKind::HeaderMissing));
}

/// A check that does not say how many hash states it has counts as one.
#[test]
fn the_work_of_one_poll_is_that_of_all_ways_together() {
    let described = SignatureScheme::hmac_sha256("x-signature").build();
    let ways = [
        ("described", described.expect("a scheme")),
        ("custom", Scheme::custom(Yes)),
    ];
    let scheme = Scheme::any_of(ways).expect("a scheme");
    let acme = Provider::new("acme", scheme, secret(TOKEN)).expect("a provider");
    let body = "a".repeat(1 << 20);
    let signature = sign(TOKEN, body.as_bytes());
    let (polls, status) = judge::polls(&acme, post(&[("x-signature", &signature)], body));
    assert_eq!(status, 200);
    assert!(polls >= 8, "{polls} polls for 1 MiB that is hashed twice");
}

#[test]
fn a_key_keeps_its_name_when_the_custom_way_cannot_decode_the_one_before() {
    let described = SignatureScheme::hmac_sha256("x-signature").build();
    let ways = [
        ("custom", Scheme::custom(Acme::default())),
        ("described", described.expect("a scheme")),
    ];
    let scheme = Scheme::any_of(ways).expect("a scheme");
    let keys = Keys::named([("first", secret("bad-key")), ("second", secret(TOKEN))]);
    let acme = Provider::new("acme", scheme, keys.expect("keys")).expect("a provider");
    let verified = judge(&acme, signed_by(TOKEN, BODY)).expect("a delivery");
    assert_eq!(verified.key_name(), "second");
}

#[test]
fn provider_verify_gives_the_verdict_of_the_layer() {
    let acme = acme_with(|_| {});
    let verdict = |request: Request<Full<Bytes>>, body: &'static str| {
        let (head, _) = request.into_parts();
        acme.verify(
            &head,
            Bytes::from_static(body.as_bytes()),
            SystemTime::now(),
        )
        .map(|verified| verified.body_is_signed())
        .map_err(|rejection| rejection.kind())
    };
    assert_eq!(verdict(signed_by(TOKEN, BODY), BODY), Ok(true));
    assert_eq!(
        verdict(signed_by(TOKEN, BODY), "other"),
        Err(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn the_replay_guard_accepts_only_what_the_facts_prove() {
    let facts = || CustomFacts::new([SIGNATURE.clone()]);
    let tolerance = Duration::from_secs(300);
    let cases = [
        (facts(), false, false),
        (facts().body_is_signed(), false, true),
        (facts().id_is_signed(), true, false),
        (facts().time_is_signed(tolerance), false, false),
        (
            facts().body_is_signed().time_is_signed(tolerance),
            true,
            true,
        ),
        (facts().body_is_signed().head_is_enough(), false, false),
    ];
    for (facts, by_identity, by_body) in cases {
        let label = format!("{facts:?}");
        let acme = acme_with(|options| options.facts = Some(facts));
        let store = || MemoryStore::new(10);
        let guard = ReplayGuardLayer::new(&acme, store());
        assert_eq!(guard.is_ok(), by_identity, "{label}");
        let guard = ReplayGuardLayer::by_body(&acme, store());
        assert_eq!(guard.is_ok(), by_body, "{label}");
        let _ = ReplayGuardLayer::by_event_id(&acme, store(), |_| None);
    }
}

/// The state of a check is kept while the body is read, and a lock of the keys would last as long.
#[test]
fn the_scheme_may_replace_the_keys_while_it_runs() {
    let handle: Arc<OnceLock<KeysHandle>> = Arc::default();
    let replaced = Arc::clone(&handle);
    let acme = acme_with(|options| {
        options.on_start = Some(Arc::new(move || {
            let keys = replaced.get().expect("a handle");
            keys.replace(secret("next")).expect("a key");
        }));
    });
    assert!(handle.set(acme.keys()).is_ok());
    // This delivery goes on with the keys that it began with.
    assert!(judge(&acme, signed_by(TOKEN, BODY)).is_ok());
    assert!(judge(&acme, signed_by(TOKEN, BODY)).is_err());
    assert!(judge(&acme, signed_by("next", BODY)).is_ok());
}

#[test]
fn after_a_panic_of_the_scheme_the_next_delivery_is_verified() {
    let panics = Arc::new(Mutex::new(true));
    let once = Arc::clone(&panics);
    let acme = acme_with(|options| {
        options.on_start = Some(Arc::new(move || {
            let first =
                std::mem::take(&mut *once.lock().unwrap_or_else(|error| error.into_inner()));
            assert!(!first, "a defect of the scheme");
        }));
    });
    let judged = catch_unwind(AssertUnwindSafe(|| {
        judge(&acme, signed_by(TOKEN, BODY)).is_ok()
    }));
    assert!(judged.is_err());
    acme.keys().replace(secret(TOKEN)).expect("a key");
    assert!(judge(&acme, signed_by(TOKEN, BODY)).is_ok());
}

#[test]
fn nothing_that_is_printed_contains_the_secret_or_the_scheme() {
    #[derive(Clone)]
    struct Holder(#[allow(dead_code)] &'static str, Acme);
    impl CustomScheme for Holder {
        type Key = Hmac<Sha256>;
        type Check = AcmeCheck;
        fn facts(&self) -> CustomFacts {
            self.1.facts()
        }
        fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
            self.1.key(secret)
        }
        fn begin(&self, head: &CustomHead<'_>) -> Result<AcmeCheck, CustomRejection> {
            assert!(!format!("{head:?}").contains("junk"));
            self.1.begin(head)
        }
    }
    let scheme = Scheme::custom(Holder(TOKEN, Acme::default()));
    let acme = Provider::new("acme", scheme.clone(), secret(TOKEN)).expect("a provider");
    let layer = WebhookAuthLayer::new(acme.clone());
    let signature = sign(TOKEN, b"another body");
    let rejected = through(&layer, post(&[("x-acme-signature", &signature)], BODY));
    let rejected = rejected.expect_err("a rejection");
    let malformed = through(&layer, post(&[("x-acme-signature", "junk")], BODY));
    let malformed = malformed.expect_err("a rejection");
    let verified = judge(&acme, signed_by(TOKEN, BODY)).expect("a delivery");
    let printed = [
        format!("{scheme:#?} {:?}", scheme.ways()),
        format!("{acme:#?} {:?} {layer:?}", acme.keys()),
        format!("{rejected:?} {rejected} {malformed:?} {malformed} {verified:?}"),
        format!("{:?}", CustomRejection::mismatch()),
    ]
    .join("\n");
    for hidden in [TOKEN, "junk", &signature] {
        assert!(!printed.contains(hidden), "{printed}");
    }
    assert!(printed.contains("Holder"), "the name of the type is shown");
}

#[test]
fn the_header_is_sensitive_when_the_inner_service_gets_it() {
    let layer = WebhookAuthLayer::new(acme_with(|_| {}));
    let inner = service_fn(async |request: Request<Full<Bytes>>| {
        assert!(request.headers()["x-acme-signature"].is_sensitive());
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let response = layer.layer(inner).oneshot(signed_by(TOKEN, BODY));
    let Ok(response) = futures_executor::block_on(response);
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn a_custom_scheme_describes_its_facts_and_does_not_sign() {
    let facts = CustomFacts::new([SIGNATURE.clone()]).time_is_signed(Duration::from_secs(300));
    let acme = acme_with(|options| options.facts = Some(facts));
    let ways = Scheme::custom(Acme::default()).ways();
    assert_eq!((ways.len(), ways[0].algorithm), (1, "custom"));
    let error = Signer::new(&acme, &secret(TOKEN)).expect_err("an error");
    assert_eq!(
        error.to_string(),
        "a custom scheme verifies and does not sign: sign the request in your own code"
    );
}

#[test]
fn the_body_of_a_described_scheme_is_signed_unless_it_says_otherwise() {
    let scheme = |movable: bool| {
        let scheme = SignatureScheme::hmac_sha256("x-acme-signature");
        let scheme = match movable {
            true => scheme
                .id_header("x-id")
                .signed([
                    tower_webhook_auth::Piece::Id,
                    tower_webhook_auth::Piece::Body,
                ])
                .accept_movable_body_boundary(),
            false => scheme,
        };
        Provider::new("acme", scheme.build().expect("a scheme"), secret(TOKEN)).expect("a provider")
    };
    let plain = judge(&scheme(false), signed_by(TOKEN, BODY)).expect("a delivery");
    assert!(plain.body_is_signed());
    let signature = sign(TOKEN, format!("msg_1{BODY}").as_bytes());
    let headers = [("x-acme-signature", &*signature), ("x-id", "msg_1")];
    let movable = judge(&scheme(true), post(&headers, BODY)).expect("a delivery");
    assert!(!movable.body_is_signed());
}

/// The head shows that no key can match.
#[test]
fn a_check_may_reject_as_a_mismatch_before_the_body_is_read() {
    #[derive(Clone)]
    struct Never(CustomFacts);

    impl CustomScheme for Never {
        type Key = Hmac<Sha256>;
        type Check = AcmeCheck;

        fn facts(&self) -> CustomFacts {
            self.0.clone()
        }

        fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
            Ok(Hmac::new_from_slice(secret)?)
        }

        fn begin(&self, _: &CustomHead<'_>) -> Result<AcmeCheck, CustomRejection> {
            Err(CustomRejection::mismatch())
        }
    }

    for (headers, text) in [
        (
            vec![SIGNATURE.clone()],
            "no signature matches any configured key: x-acme-signature",
        ),
        (vec![], "no signature matches any configured key"),
    ] {
        let facts = CustomFacts::new(headers).body_is_signed();
        let layer = WebhookAuthLayer::new(provider(Never(facts), secret(TOKEN)));
        let rejection = through(&layer, post(&[], BODY)).expect_err("a mismatch");
        assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
        assert_eq!(rejection.to_string(), text);
    }
}
