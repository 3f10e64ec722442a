//! Keys that are found for each delivery.
#![cfg(all(feature = "testing", feature = "tokio"))]

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    error::Error as _,
    future::{Future, Ready, pending, poll_fn, ready},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::Inner;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use script::{Script, Untouchable, frame};
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Acceptance, BodyDigest, BoxError, JwtScheme, Keys, MemoryBudget, Provider, Rejection,
    RejectionKind, ResponseBody, Scheme, Secret, SetupAnswer, SharedKeyScheme, SignatureScheme,
    Verified, WebhookAuth, WebhookAuthLayer,
    provider::{self, optimizely},
    tenants::{KeySource, OwnKeys, Selection, Unverified},
    testing::Signer,
};

fn secret(tenant: &str) -> Secret {
    Secret::new(format!("the secret of {tenant}")).expect("a secret")
}

fn signer(tenant: &str) -> Signer {
    let secret = secret(tenant);
    Signer::new(&provider::optimizely(secret.clone()), &secret).expect("a signer")
}

fn delivery(tenant: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    signer(tenant).request_to(path.parse().expect("a path"), body)
}

/// The head of a delivery, with a body that must not be polled.
fn untouchable(request: Request<Full<Bytes>>) -> Request<Untouchable> {
    request.map(|_| Untouchable(None))
}

fn body(project: u64) -> String {
    format!(r#"{{"project_id": {project}, "timestamp": 2, "event": "flag.updated", "data": {{}}}}"#)
}

fn kind<B>(response: &Response<B>) -> Option<RejectionKind> {
    rejection(response).map(Rejection::kind)
}

fn rejection<B>(response: &Response<B>) -> Option<&Rejection> {
    response.extensions().get()
}

type Found = Result<Option<Keys>, BoxError>;
type Answer = Response<ResponseBody<Full<Bytes>>>;

fn known(tenant: &str) -> Found {
    let is_known = ["acme", "globex"].contains(&tenant);
    Ok(is_known.then(|| Keys::from(secret(tenant)).of_tenant(tenant)))
}

/// Selects by the last segment of the path, and counts the look-ups.
fn by_path(
    asked: &Arc<AtomicUsize>,
    find: impl Fn(&str) -> Found + Send + Sync + 'static,
) -> impl Fn(Unverified<'_>) -> Selection<Ready<Found>> + Send + Sync + 'static {
    let asked = Arc::clone(asked);
    move |delivery| match delivery.uri().path().rsplit('/').next() {
        Some("") | None => Selection::Unknown,
        Some(tenant) => {
            asked.fetch_add(1, Ordering::SeqCst);
            Selection::LookUp(ready(find(tenant)))
        }
    }
}

#[derive(serde::Deserialize)]
struct Peek {
    project_id: i64,
}

fn tenant_of(project: i64) -> &'static str {
    match project {
        1 => "acme",
        2 => "globex",
        _ => "initech",
    }
}

/// Selects by the project in the body.
fn by_project(delivery: Unverified<'_>) -> Selection<Ready<Found>> {
    let Some(body) = delivery.body() else {
        return Selection::Body;
    };
    match serde_json::from_slice::<Peek>(body) {
        Ok(peek) => Selection::LookUp(ready(known(tenant_of(peek.project_id)))),
        Err(_) => Selection::Unknown,
    }
}

/// What a source can select by, next to the URL and the body.
#[tokio::test]
async fn a_source_sees_the_method_the_headers_and_the_extensions_of_the_request() {
    #[derive(Clone)]
    struct Tenant(&'static str);

    let selects = |delivery: Unverified<'_>| {
        let header = delivery.headers().get("x-tenant");
        let extension = delivery.extensions().get::<Tenant>();
        let tenant = match (header, extension) {
            (Some(tenant), _) => tenant.to_str().expect("text"),
            (None, Some(tenant)) => tenant.0,
            (None, None) if *delivery.method() == http::Method::PUT => "globex",
            (None, None) => "initech",
        };
        Selection::LookUp(ready(known(tenant)))
    };
    let service = layer().keys_from(selects).layer(Inner::default());
    let request = |tenant| delivery(tenant, "/", body(1));
    let mut by_header = request("acme");
    by_header
        .headers_mut()
        .insert("x-tenant", HeaderValue::from_static("acme"));
    let mut by_extension = request("globex");
    by_extension.extensions_mut().insert(Tenant("globex"));
    let mut by_method = request("globex");
    *by_method.method_mut() = http::Method::PUT;
    for selected in [by_header, by_extension, by_method] {
        assert_eq!(send(&service, selected).await.status(), 200);
    }
    assert_eq!(send(&service, request("globex")).await.status(), 401);
}

/// A layer whose own keys belong to no tenant.
fn layer() -> WebhookAuthLayer<optimizely::Event> {
    WebhookAuthLayer::new(provider::optimizely(secret("the provider")))
}

async fn send<K, E, B>(service: &WebhookAuth<Inner, E, K>, request: Request<B>) -> Answer
where
    K: KeySource,
    E: Send + Sync + 'static,
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let response = service.clone().oneshot(request).await;
    response.expect("an infallible service")
}

/// All that a client sees.
async fn seen(answer: Answer) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = answer.into_parts();
    (head.status, head.headers, common::collect(body).await)
}

#[tokio::test]
async fn each_tenant_is_verified_with_its_own_keys() {
    let inner = Inner::default();
    let source = by_path(&Arc::default(), known);
    let service = layer()
        .expose_acceptance()
        .keys_from(source)
        .layer(inner.clone());
    for tenant in ["acme", "globex"] {
        let answer = send(&service, delivery(tenant, &format!("/w/{tenant}"), body(1))).await;
        assert_eq!(answer.status(), 200);
        let webhook: &Verified<optimizely::Event> = answer.extensions().get().expect("an event");
        assert_eq!(webhook.tenant(), Some(tenant));
        let acceptance: &Acceptance = answer.extensions().get().expect("an acceptance");
        assert_eq!(acceptance.tenant(), Some(tenant));
    }
    // The keys of the provider belong to no tenant.
    let answer = send(&service, delivery("the provider", "/w/acme", body(1))).await;
    assert_eq!(kind(&answer), Some(RejectionKind::SignatureMismatch));
    assert_eq!(inner.calls(), 2);
}

#[tokio::test]
async fn an_unknown_tenant_gets_the_response_to_a_wrong_signature() {
    let inner = Inner::default();
    let source = by_path(&Arc::default(), known);
    let service = layer().keys_from(source).layer(inner.clone());
    let wrong = send(&service, delivery("globex", "/w/acme", body(1))).await;
    let message = rejection(&wrong).expect("a rejection").to_string();
    assert!(
        message.ends_with(r#"tried "default" of the tenant "acme""#),
        "{message}"
    );
    let wrong = seen(wrong).await;
    assert_eq!(wrong.0, 401);
    // A look-up that finds nothing, and no look-up.
    for path in ["/w/initech", "/"] {
        let unknown = send(&service, delivery("acme", path, body(1))).await;
        assert_eq!(kind(&unknown), Some(RejectionKind::SignatureMismatch));
        let rejection = rejection(&unknown).expect("a rejection");
        assert_eq!(rejection.tenant(), None);
        assert!(
            rejection.to_string().ends_with("the tenant is unknown"),
            "{rejection}"
        );
        assert_eq!(seen(unknown).await, wrong, "{path}");
    }
    assert_eq!(inner.calls(), 0);
}

/// The body of an unknown tenant's delivery is read to its end, and limited, as any other body.
#[tokio::test]
async fn the_body_of_an_unknown_tenant_is_read_and_limited() {
    let source = by_path(&Arc::default(), known);
    let service = layer()
        .max_body_bytes(100)
        .keys_from(source)
        .layer(Inner::default());
    for (length, expected) in [(99, 401), (101, 413)] {
        let mut polls = Vec::new();
        for path in ["/w/acme", "/w/initech", "/"] {
            let body = Script::frames(length, 1);
            polls.push(body.polls());
            let answer = send(&service, delivery("globex", path, "").map(|_| body)).await;
            assert_eq!(answer.status(), expected, "{path}");
        }
        let polls: Vec<usize> = polls
            .iter()
            .map(|polls| polls.load(Ordering::SeqCst))
            .collect();
        assert_eq!(polls, [length.min(100) + 1; 3]);
    }
}

/// Anyone can read the key in the source of this crate.
#[tokio::test]
async fn the_placeholder_key_accepts_no_signature() {
    let inner = Inner::default();
    let source = by_path(&Arc::default(), known);
    let service = layer().keys_from(source).layer(inner.clone());
    let placeholder = Secret::from_bytes([1; 32]).expect("a secret");
    let provider = provider::optimizely(placeholder.clone());
    let forger = Signer::new(&provider, &placeholder).expect("a signer");
    for path in ["/w/initech", "/"] {
        let request = forger.request_to(path.parse().expect("a path"), body(1));
        assert_eq!(send(&service, request).await.status(), 401, "{path}");
    }
    assert_eq!(inner.calls(), 0);
}

/// Otherwise each request of an untrusted client costs a query.
#[tokio::test]
async fn the_source_is_not_asked_about_a_head_that_no_key_can_repair() {
    let asked = Arc::default();
    let service = layer()
        .keys_from(by_path(&asked, known))
        .layer(Inner::default());
    for signature in [None, Some("sha1=zz"), Some("md5=00"), Some("sha1=")] {
        let mut request = Request::post("/w/acme");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature", signature);
        }
        let request = request.body(Untouchable(None)).expect("a request");
        assert_eq!(send(&service, request).await.status(), 401, "{signature:?}");
    }
    let mut long = untouchable(delivery("acme", "/w/acme", body(1)));
    let length = HeaderValue::from_static("99999999");
    long.headers_mut().insert("content-length", length);
    assert_eq!(send(&service, long).await.status(), 413);

    let stripe = provider::stripe(secret("the provider"));
    let stale = Signer::new(&stripe, &secret("acme"))
        .expect("a signer")
        .at(SystemTime::UNIX_EPOCH)
        .request_to("/w/acme".parse().expect("a path"), "{}");
    let stripe = WebhookAuthLayer::new(stripe).keys_from(by_path(&asked, known));
    let answer = send(&stripe.layer(Inner::default()), untouchable(stale)).await;
    assert_eq!(kind(&answer), Some(RejectionKind::TimestampTooOld));

    // The key may depend on the token, but this is not one.
    let token = JwtScheme::hs256("acme-token").body_hash("hash", BodyDigest::Sha256Hex);
    let token = Provider::new("acme", token.build().expect("a scheme"), secret("acme"));
    let token = WebhookAuthLayer::new(token.expect("a provider")).keys_from(by_path(&asked, known));
    let request = Request::post("/w/acme").header("acme-token", "not a token");
    let request = request.body(Untouchable(None)).expect("a request");
    let answer = send(&token.layer(Inner::default()), request).await;
    assert_eq!(kind(&answer), Some(RejectionKind::TokenMalformed));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_or_is_slow_gets_503_before_the_body_is_read() {
    let failing = by_path(&Arc::default(), |_| Err("no route to the database".into()));
    let service = layer().keys_from(failing).layer(Inner::default());
    let answer = send(&service, untouchable(delivery("acme", "/w/acme", body(1)))).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let rejection = rejection(&answer).expect("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::KeysUnavailable);
    let source = rejection.source().expect("the error").to_string();
    assert_eq!(source, "no route to the database");

    let slow = |_: Unverified<'_>| Selection::LookUp(pending::<Found>());
    for (layer, seconds) in [
        (layer(), 5),
        (layer().key_deadline(Duration::from_secs(2)), 2),
    ] {
        let service = layer.keys_from(slow).layer(Inner::default());
        let started = tokio::time::Instant::now();
        let answer = send(&service, untouchable(delivery("acme", "/w/acme", body(1)))).await;
        assert_eq!(kind(&answer), Some(RejectionKind::KeysUnavailable));
        assert_eq!(started.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_or_is_slow_after_the_body_gets_503() {
    let failing = |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => Selection::LookUp(ready::<Found>(Err("no route to the database".into()))),
    };
    let service = layer().keys_from(failing).layer(Inner::default());
    let answer = send(&service, delivery("acme", "/", body(1))).await;
    assert_eq!(
        (answer.status().as_u16(), kind(&answer)),
        (503, Some(RejectionKind::KeysUnavailable))
    );

    let slow = |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => Selection::LookUp(pending::<Found>()),
    };
    let service = layer().keys_from(slow).layer(Inner::default());
    let started = tokio::time::Instant::now();
    let answer = send(&service, delivery("acme", "/", body(1))).await;
    assert_eq!(
        (answer.status().as_u16(), kind(&answer)),
        (503, Some(RejectionKind::KeysUnavailable))
    );
    assert_eq!(started.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn keys_that_the_scheme_cannot_use_get_503_and_the_reason() {
    let standard = provider::standard_webhooks(
        Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret"),
    )
    .expect("a provider");
    let good = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let signer = Signer::new(&standard, &good).expect("a signer");
    let not_base64 = |_: &str| Ok(Some(Keys::from(secret("acme"))));
    let service = WebhookAuthLayer::new(standard)
        .keys_from(by_path(&Arc::default(), not_base64))
        .layer(Inner::default());
    let request = signer.request_to("/w/acme".parse().expect("a path"), "{}");
    let answer = send(&service, untouchable(request)).await;
    assert_eq!(
        (answer.status().as_u16(), kind(&answer)),
        (503, Some(RejectionKind::KeysUnavailable))
    );
    let source = rejection(&answer)
        .and_then(Rejection::source_text)
        .expect("the error");
    assert!(source.contains("not base64"), "{source}");
    assert!(!source.contains("the secret of acme"), "{source}");
}

#[tokio::test]
async fn the_body_can_select_the_keys_and_must_be_signed_with_them() {
    let inner = Inner::default();
    let service = layer().keys_from(by_project).layer(inner.clone());
    let good = send(&service, delivery("acme", "/", body(1))).await;
    assert_eq!(good.status(), 200);
    let webhook: &Verified<optimizely::Event> = good.extensions().get().expect("an event");
    assert_eq!((webhook.tenant(), webhook.project_id), (Some("acme"), 1));
    assert_eq!(common::collect(good.into_body()).await, body(1));

    // The parser rejects a field that occurs twice, so it does not read another project than the source.
    let twice = body(2).replacen('{', r#"{"project_id": 1, "#, 1);
    for (tenant, body) in [
        ("acme", body(2)),
        ("globex", body(1)),
        ("acme", body(3)),
        ("acme", "no JSON".into()),
        ("acme", twice),
        ("acme", String::new()),
    ] {
        let answer = send(&service, delivery(tenant, "/", body.clone())).await;
        let expected = (401, Some(RejectionKind::SignatureMismatch));
        assert_eq!(
            (answer.status().as_u16(), kind(&answer)),
            expected,
            "{tenant} {body}"
        );
    }
    assert_eq!(inner.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn limits_apply_to_a_body_that_selects_the_keys() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let source = move |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => {
            counted.fetch_add(1, Ordering::SeqCst);
            Selection::LookUp(ready(known("acme")))
        }
    };
    let service = layer()
        .max_body_bytes(100)
        .keys_from(source)
        .layer(Inner::default());
    let stalls = || Script::new([frame("{"), script::Step::Stall]);
    let breaks = || Script::new([frame("{"), script::Step::Error("reset".into())]);
    for (body, expected) in [
        (Script::frames(101, 10), 413),
        (stalls(), 408),
        (breaks(), 400),
    ] {
        let answer = send(&service, delivery("acme", "/", "").map(|_| body)).await;
        assert_eq!(answer.status(), expected);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_source_that_asks_for_the_body_twice_is_in_error() {
    let twice = |_: Unverified<'_>| Selection::<Ready<Found>>::Body;
    let service = layer().keys_from(twice).layer(Inner::default());
    let answer = send(&service, delivery("acme", "/", body(1))).await;
    assert_eq!(
        (answer.status().as_u16(), kind(&answer)),
        (503, Some(RejectionKind::KeysUnavailable))
    );
    let source = rejection(&answer)
        .and_then(Rejection::source_text)
        .expect("the error");
    assert!(source.contains("Selection::Body"), "{source}");
}

#[tokio::test]
async fn a_body_that_waits_for_its_keys_counts_in_the_budget() {
    let by_body = |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => Selection::LookUp(pending::<Found>()),
    };
    let budget = MemoryBudget::new(100);
    let layer = layer().memory_budget(budget.clone());
    let service = layer.keys_from(by_body).layer(Inner::default());
    let request = || delivery("acme", "/", body(1));
    let mut waiting = Box::pin(service.clone().oneshot(request()));
    assert!((&mut waiting).now_or_never().is_none());
    assert!(budget.available() <= 100 - body(1).len());
    let second = send(&service, request()).await;
    assert_eq!(kind(&second), Some(RejectionKind::BudgetExhausted));
    drop(waiting);
    assert_eq!(budget.available(), 100);
}

#[tokio::test]
async fn the_budget_is_given_back_before_the_inner_service_is_called() {
    let budget = MemoryBudget::new(1000);
    let available = Arc::new(Mutex::new(None));
    let (seen, watched) = (Arc::clone(&available), budget.clone());
    let inner = tower::service_fn(move |_: Request<Full<Bytes>>| {
        *seen.lock().expect("no panic") = Some(watched.available());
        ready(Ok::<_, std::convert::Infallible>(Response::new(Full::new(
            Bytes::new(),
        ))))
    });
    let service = layer()
        .memory_budget(budget)
        .keys_from(by_project)
        .layer(inner);
    let answer = service.oneshot(delivery("acme", "/", body(1))).await;
    assert_eq!(answer.expect("an infallible service").status(), 200);
    assert_eq!(*available.lock().expect("no panic"), Some(1000));
}

/// A large body that waited for its keys is hashed in pieces, so that other tasks of the thread can run.
#[tokio::test]
async fn a_large_body_that_waited_for_its_keys_is_hashed_in_pieces() {
    let by_body = |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => Selection::LookUp(ready(known("acme"))),
    };
    let provider = provider::github(secret("the provider"));
    let signer = Signer::new(&provider, &secret("acme")).expect("a signer");
    let layer = WebhookAuthLayer::new(provider).max_body_bytes(4 << 20);
    let service = layer.keys_from(by_body).layer(Inner::default());
    let mut call = Box::pin(service.oneshot(signer.request(vec![b'a'; 1 << 20])));
    let mut polls = 0;
    let answer = poll_fn(|context| {
        polls += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => Poll::Pending,
        }
    });
    assert_eq!(answer.await.expect("an infallible service").status(), 200);
    assert!(polls >= 4, "{polls} polls for 1 MiB at 256 KiB each");
}

#[tokio::test]
async fn a_shared_key_is_decided_before_the_body_is_read() {
    let asked = Arc::default();
    let vwo = || provider::vwo(secret("the provider"));
    let service = WebhookAuthLayer::new(vwo())
        .keys_from(by_path(&asked, known))
        .layer(Inner::default());
    let request = |tenant: &str, path: &str| {
        let signer = Signer::new(&vwo(), &secret(tenant)).expect("a signer");
        untouchable(signer.request_to(path.parse().expect("a path"), "{}"))
    };
    for (tenant, path) in [("globex", "/w/acme"), ("acme", "/w/initech"), ("acme", "/")] {
        let answer = send(&service, request(tenant, path)).await;
        assert_eq!(kind(&answer), Some(RejectionKind::KeyMismatch), "{path}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let without = Request::post("/w/acme")
        .body(Untouchable(None))
        .expect("a request");
    assert_eq!(
        kind(&send(&service, without).await),
        Some(RejectionKind::HeaderMissing)
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// The placeholder key cannot match a shared key, and the other way fails for any key. The
/// tenant's key matches nevertheless.
#[tokio::test]
async fn a_shared_key_next_to_a_malformed_signature_reaches_the_source() {
    let signature = SignatureScheme::hmac_sha256("x-signature")
        .build()
        .expect("a scheme");
    let shared = SharedKeyScheme::new("x-key").build().expect("a scheme");
    let scheme = Scheme::any_of([("signature", signature), ("key", shared)]).expect("a scheme");
    let provider = Provider::new("acme", scheme, secret("the provider")).expect("a provider");
    let service = WebhookAuthLayer::new(provider)
        .keys_from(by_path(&Arc::default(), known))
        .layer(Inner::default());
    let request = |key: &str| {
        Request::post("/w/acme")
            .header("x-signature", "junk")
            .header("x-key", key)
            .body(Full::<Bytes>::from("{}"))
            .expect("a request")
    };
    let answer = send(&service, request("the secret of acme")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        send(&service, request("the secret of globex"))
            .await
            .status(),
        401
    );
}

#[tokio::test]
async fn a_slow_look_up_does_not_make_a_delivery_too_old() {
    let now = Arc::new(Mutex::new(
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    ));
    let stripe = provider::stripe(secret("the provider"));
    let signer = Signer::new(&stripe, &secret("acme")).expect("a signer");
    let signer = signer.at(*now.lock().expect("no panic"));
    for by_body in [false, true] {
        let (clock, later) = (Arc::clone(&now), Arc::clone(&now));
        let slow = move |delivery: Unverified<'_>| {
            if by_body && delivery.body().is_none() {
                return Selection::Body;
            }
            *later.lock().expect("no panic") += Duration::from_secs(600);
            Selection::LookUp(ready(known("acme")))
        };
        *now.lock().expect("no panic") =
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let layer =
            WebhookAuthLayer::new(stripe.clone()).clock(move || *clock.lock().expect("no panic"));
        let service = layer.keys_from(slow).layer(Inner::default());
        assert_eq!(
            send(&service, signer.request("{}")).await.status(),
            200,
            "{by_body}"
        );
    }
}

#[tokio::test]
async fn a_dropped_request_drops_its_look_up() {
    struct Lookup(Arc<()>);
    impl Future for Lookup {
        type Output = Found;
        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Found> {
            assert!(Arc::strong_count(&self.0) > 0);
            Poll::Pending
        }
    }
    let alive = Arc::new(());
    for by_body in [false, true] {
        let held = Arc::clone(&alive);
        let source = move |delivery: Unverified<'_>| {
            if by_body && delivery.body().is_none() {
                return Selection::Body;
            }
            Selection::LookUp(Lookup(Arc::clone(&held)))
        };
        let service = layer().keys_from(source).layer(Inner::default());
        let mut call = Box::pin(service.oneshot(delivery("acme", "/", body(1))));
        assert!((&mut call).now_or_never().is_none());
        let during = Arc::strong_count(&alive);
        drop(call);
        // The service dropped the source, and the request dropped the look-up.
        assert_eq!((during, Arc::strong_count(&alive)), (3, 1));
    }
}

#[tokio::test]
async fn a_source_can_select_the_keys_of_the_provider() {
    for by_body in [false, true] {
        let own = move |delivery: Unverified<'_>| match delivery.body() {
            None if by_body => Selection::<Ready<Found>>::Body,
            _ => Selection::Own,
        };
        let layer = layer();
        let keys = layer.keys();
        let service = layer.keys_from(own).layer(Inner::default());
        let answer = send(&service, delivery("the provider", "/", body(1))).await;
        let webhook: &Verified<optimizely::Event> = answer.extensions().get().expect("an event");
        assert_eq!(webhook.tenant(), None);
        assert_eq!(
            send(&service, delivery("acme", "/", body(1)))
                .await
                .status(),
            401
        );
        keys.withdraw();
        let answer = send(&service, delivery("the provider", "/", body(1))).await;
        assert_eq!(kind(&answer), Some(RejectionKind::KeysUnavailable));
    }
    // A source of the user can ask the one that a layer has without a source.
    let own = |delivery: Unverified<'_>| OwnKeys.select(delivery);
    let service = layer().keys_from(own).layer(Inner::default());
    for (tenant, status) in [("the provider", 200), ("acme", 401)] {
        let answer = send(&service, delivery(tenant, "/", body(1))).await;
        assert_eq!(answer.status(), status, "{tenant}");
    }
}

#[tokio::test]
async fn one_delivery_has_another_identity_for_another_tenant() {
    let same = |tenant: &str| Ok(Some(Keys::from(secret("all")).of_tenant(tenant)));
    let source = by_path(&Arc::default(), same);
    let service = layer().keys_from(source).layer(Inner::default());
    let mut identities = Vec::new();
    for path in ["/w/acme", "/w/globex", "/w/acme"] {
        let answer = send(&service, delivery("all", path, body(1))).await;
        let webhook: &Verified<optimizely::Event> = answer.extensions().get().expect("an event");
        identities.push(webhook.identity().expect("an identity"));
    }
    assert_eq!(identities[0], identities[2]);
    assert_ne!(identities[0], identities[1]);
}

#[tokio::test]
async fn a_set_up_request_is_answered_without_a_look_up() {
    let asked = Arc::default();
    let provider = provider::statsig(secret("the provider"))
        .answer_setup()
        .expect("a set-up request");
    let source = by_path(&asked, known);
    let service = WebhookAuthLayer::new(provider)
        .keys_from(source)
        .layer(Inner::default());
    let request = |event: &str| {
        let body = format!(r#"{{"data":{{"event":"{event}","verification_code":"abc-123"}}}}"#);
        Request::post("/w/acme")
            .body(Full::<Bytes>::from(body))
            .expect("a request")
    };
    let answer = send(&service, request("url_verification")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        common::collect(answer.into_body()).await,
        r#"{"verification_code":"abc-123"}"#
    );
    let answer = send(&service, request("other")).await;
    assert_eq!(kind(&answer), Some(RejectionKind::HeaderMissing));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// Slack signs `url_verification` like a delivery.
#[tokio::test]
async fn a_signed_set_up_request_whose_body_selects_the_keys_is_answered() {
    let slack = provider::slack(secret("the provider"))
        .answer_setup()
        .expect("a set-up request");
    let signer = Signer::new(&slack, &secret("acme")).expect("a signer");
    let source = |delivery: Unverified<'_>| match delivery.body() {
        None => Selection::Body,
        Some(_) => Selection::LookUp(ready(known("acme"))),
    };
    let inner = Inner::default();
    let service = WebhookAuthLayer::new(slack)
        .keys_from(source)
        .layer(inner.clone());
    let body = r#"{"type":"url_verification","challenge":"3eZbrw1a","token":"t"}"#;
    let answer = send(&service, signer.request(body)).await;
    assert_eq!(answer.status(), 200);
    let setup: &SetupAnswer = answer.extensions().get().expect("an answer");
    assert!(setup.is_signed());
    assert_eq!(common::collect(answer.into_body()).await, "3eZbrw1a");
    assert_eq!(inner.calls(), 0);
}

#[test]
fn the_unverified_view_prints_no_header_and_no_body() {
    let printed = Mutex::new(String::new());
    let printed = Arc::new(printed);
    let printer = Arc::clone(&printed);
    let source = move |delivery: Unverified<'_>| {
        printer
            .lock()
            .expect("no panic")
            .push_str(&format!("{delivery:?}"));
        match delivery.body() {
            None => Selection::<Ready<Found>>::Body,
            Some(_) => Selection::Unknown,
        }
    };
    let service = layer().keys_from(source).layer(Inner::default());
    let answer = send(&service, delivery("acme", "/w?token=wJ4mX9", body(1))).now_or_never();
    assert_eq!(answer.expect("no wait").status(), 401);
    let printed = printed.lock().expect("no panic");
    assert!(printed.contains("/w"), "{printed}");
    for secret in ["wJ4mX9", "sha1", "flag.updated"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// Its errors as text.
trait SourceText {
    fn source_text(&self) -> Option<String>;
}

impl SourceText for Rejection {
    fn source_text(&self) -> Option<String> {
        self.source().map(ToString::to_string)
    }
}
