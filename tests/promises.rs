//! The promises of the crate's introduction, each with a test that a careless implementation fails.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::{Inner, collect};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use script::Untouchable;
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt, buffer::BufferLayer, limit::ConcurrencyLimitLayer,
    load_shed::LoadShedLayer, service_fn,
};
use tower_webhook_auth::{
    Acceptance, BodyDigest, JwtScheme, Keys, Piece, Provider, Rejection, RejectionKind, Scheme,
    Secret, SharedKeyScheme, SignatureScheme, Timestamp, TokenPlace, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
    testing::Signer,
};

const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";

/// The payload on one line and its signature, from Optimizely's documentation, "Test your
/// implementation".
const DELIVERY: &str = r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#;
const SIGNATURE: &str = "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666";

fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

fn layer() -> WebhookAuthLayer<optimizely::Event> {
    WebhookAuthLayer::new(provider::optimizely(secret()))
}

fn delivery<B>(body: B) -> Request<B> {
    Request::post("/")
        .header("x-hub-signature", SIGNATURE)
        .body(body)
        .expect("a request")
}

fn full(body: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(body.into())
}

fn kind<B>(response: &Response<B>) -> Option<RejectionKind> {
    response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::kind)
}

// 1. Nothing unverified gets through.

#[tokio::test]
async fn the_documented_delivery_reaches_the_handler_as_a_typed_event() {
    let inner = Inner::default();
    let response = layer()
        .layer(inner.clone())
        .oneshot(delivery(full(DELIVERY)))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(inner.calls(), 1);
    let webhook: &Verified<optimizely::Event> = response.extensions().get().unwrap();
    assert_eq!(webhook.project_id, 11_387_641_093);
    assert_eq!(webhook.timestamp, Some(1_558_138_293));
    let datafile = webhook.datafile().unwrap();
    assert_eq!(datafile.revision, 13);
    assert_eq!(datafile.environment.as_deref(), Some("Production"));
    assert_eq!(webhook.body(), DELIVERY);
    assert_eq!(webhook.provider(), "optimizely");
    assert_eq!(webhook.key_name(), "default");
}

#[tokio::test]
async fn the_same_json_with_other_white_space_is_rejected() {
    let indented = DELIVERY.replace(", ", ",\n  ");
    let response = layer()
        .layer(Inner::default())
        .oneshot(delivery(full(indented)))
        .await
        .unwrap();
    assert_eq!(kind(&response), Some(RejectionKind::SignatureMismatch));
}

#[tokio::test]
async fn an_extension_from_an_outer_layer_is_replaced_or_never_seen() {
    let forged_by_reuse = {
        let other = r#"{"timestamp": 1, "project_id": 666, "event": "x", "data": {}}"#;
        let signer = Signer::new(&provider::optimizely(secret()), &secret()).unwrap();
        let response = layer()
            .layer(Inner::default())
            .oneshot(signer.request(other))
            .await
            .unwrap();
        response
            .extensions()
            .get::<Verified<optimizely::Event>>()
            .unwrap()
            .clone()
    };
    let mut request = delivery(full(DELIVERY));
    request.extensions_mut().insert(forged_by_reuse.clone());
    let response = layer()
        .layer(Inner::default())
        .oneshot(request)
        .await
        .unwrap();
    let seen: &Verified<optimizely::Event> = response.extensions().get().unwrap();
    assert_eq!(seen.project_id, 11_387_641_093);

    let mut request = Request::post("/").body(full(DELIVERY)).unwrap();
    request.extensions_mut().insert(forged_by_reuse);
    let inner = Inner::default();
    let response = layer().layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(inner.calls(), 0);
}

#[test]
fn an_empty_or_blank_secret_cannot_be_configured() {
    for text in [
        "",
        " ",
        "\t \n",
        "secret\n",
        "secret\r\n",
        " secret",
        "secret ",
        "se\0cret",
    ] {
        assert!(Secret::new(text).is_err(), "{text:?}");
    }
    assert!(Secret::from_bytes([]).is_err());
    assert!(Keys::named(Vec::<(String, Secret)>::new()).is_err());
}

// 2. It decides as early as possible.

#[tokio::test]
async fn a_request_that_the_head_decides_is_rejected_before_the_body_is_read() {
    let tagged = |value: &'static str| vec![("x-hub-signature", value)];
    for (headers, expected) in [
        (vec![], RejectionKind::HeaderMissing),
        (tagged(""), RejectionKind::HeaderMalformed),
        (tagged("sha1="), RejectionKind::HeaderMalformed),
        (tagged("sha1=b2"), RejectionKind::HeaderMalformed),
        (
            tagged("md5=b2493723c6ea6973fbda41573222c8ec"),
            RejectionKind::HeaderMalformed,
        ),
        (
            vec![
                ("x-hub-signature", SIGNATURE),
                ("x-hub-signature", SIGNATURE),
            ],
            RejectionKind::HeaderDuplicated,
        ),
        (
            vec![
                ("x-hub-signature", SIGNATURE),
                ("content-length", "1048577"),
            ],
            RejectionKind::BodyTooLarge,
        ),
        (
            vec![
                ("x-hub-signature", SIGNATURE),
                ("content-length", "4611686018427387904"),
            ],
            RejectionKind::BodyTooLarge,
        ),
    ] {
        let inner = Inner::default();
        let mut request = Request::post("/").body(Untouchable(None)).unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .append(name, HeaderValue::from_static(value));
        }
        let response = layer().layer(inner.clone()).oneshot(request).await.unwrap();
        assert_eq!(kind(&response), Some(expected));
        assert_eq!(response.status(), expected.status());
        assert_eq!(inner.calls(), 0);
    }
}

#[tokio::test]
async fn a_length_that_the_body_itself_knows_is_rejected_before_the_body_is_read() {
    let response = layer()
        .layer(Inner::default())
        .oneshot(delivery(Untouchable(Some(1024 * 1024 + 1))))
        .await
        .unwrap();
    assert_eq!(kind(&response), Some(RejectionKind::BodyTooLarge));
}

#[tokio::test]
async fn a_wrong_shared_key_is_rejected_before_the_body_is_read_and_before_its_length_is_judged() {
    let layer = WebhookAuthLayer::new(provider::vwo(Secret::new("key").unwrap()));
    for (key, length, expected) in [
        (Some("wrong"), "16777216", RejectionKind::KeyMismatch),
        (Some(""), "1", RejectionKind::KeyMismatch),
        (None, "1", RejectionKind::HeaderMissing),
        (Some("key"), "16777216", RejectionKind::BodyTooLarge),
    ] {
        let mut request = Request::post("/").header("content-length", length);
        if let Some(key) = key {
            request = request.header("x-vwo-auth", key);
        }
        let request = request.body(Untouchable(None)).unwrap();
        let response = layer
            .layer(Inner::default())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(kind(&response), Some(expected), "{key:?}");
    }
}

#[tokio::test]
async fn a_stale_timestamp_is_rejected_before_the_body_is_read() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build()
        .unwrap();
    let provider = Provider::new("acme", scheme, secret()).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let layer = WebhookAuthLayer::new(provider).clock(move || now);
    for (timestamp, expected) in [
        ("1699999699", RejectionKind::TimestampTooOld),
        ("1700000301", RejectionKind::TimestampInFuture),
        ("+1700000000", RejectionKind::HeaderMalformed),
        ("-9223372036854775808", RejectionKind::HeaderMalformed),
        ("9223372036854775807", RejectionKind::TimestampInFuture),
    ] {
        let request = Request::post("/")
            .header("x-signature", "00".repeat(32))
            .header("x-timestamp", timestamp)
            .body(Untouchable(None))
            .unwrap();
        let response = layer
            .layer(Inner::default())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(kind(&response), Some(expected), "{timestamp}");
    }
}

// 3. An untrusted client cannot use much memory or processor time. (`reading.rs` tests the reading of bodies.)

#[tokio::test(start_paused = true)]
async fn a_body_that_arrives_slowly_is_rejected_at_the_deadline_for_the_whole_body() {
    let body = StreamBody::new(futures_util::stream::unfold(0, |sent| async move {
        tokio::time::sleep(Duration::from_millis(900)).await;
        Some((
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))),
            sent + 1,
        ))
    }));
    let started = tokio::time::Instant::now();
    let response = layer()
        .body_deadline(Duration::from_secs(10))
        .layer(Inner::default())
        .oneshot(delivery(body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(started.elapsed().as_secs(), 10);
    let rejection: &Rejection = response.extensions().get().unwrap();
    assert_eq!(rejection.body_bytes(), 11);
}

// 4. An untrusted client cannot use up the limits of inner services.

/// A body that never ends.
fn endless() -> impl Body<Data = Bytes, Error = Infallible> {
    StreamBody::new(futures_util::stream::pending::<
        Result<Frame<Bytes>, Infallible>,
    >())
}

async fn poll_once<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    let mut future = Some(future);
    poll_fn(|context| {
        let polled = future.take().expect("polled once").poll(context);
        Poll::Ready(match polled {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn slow_unverified_requests_take_no_permit_of_an_inner_concurrency_limit() {
    let mut service = ServiceBuilder::new()
        .layer(layer())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Inner::default());
    let mut unverified = Vec::new();
    for _ in 0..10 {
        let request = service.call(delivery(endless().boxed()));
        let mut request = Box::pin(request);
        assert!(poll_once(request.as_mut()).await.is_none());
        unverified.push(request);
    }
    let genuine = delivery(full(DELIVERY).boxed());
    let response = service.call(genuine).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn slow_unverified_requests_take_no_slot_of_an_inner_buffer() {
    let mut service = ServiceBuilder::new()
        .layer(layer())
        .layer(BufferLayer::new(1))
        .service(Inner::default());
    let mut unverified = Vec::new();
    for _ in 0..10 {
        let mut request = Box::pin(service.call(delivery(endless().boxed())));
        assert!(poll_once(request.as_mut()).await.is_none());
        unverified.push(request);
    }
    let genuine = delivery(full(DELIVERY).boxed());
    let response = service.call(genuine).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_inner_load_shedder_sheds_verified_requests_only() {
    // This service is never ready, so the shedder fails each request that asks for readiness.
    let (mock, mut handle) =
        tower_test::mock::pair::<Request<Full<Bytes>>, Response<Full<Bytes>>>();
    handle.allow(0);
    let mut service = ServiceBuilder::new()
        .layer(layer())
        .layer(LoadShedLayer::new())
        .service(mock);
    let mut request = pin!(service.call(delivery(endless().boxed())));
    assert!(
        poll_once(request.as_mut()).await.is_none(),
        "an unverified request reached the shedder"
    );
    let forged = Request::post("/").body(full(DELIVERY).boxed()).unwrap();
    assert_eq!(
        service.call(forged).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );

    let genuine = delivery(full(DELIVERY).boxed());
    let error = service.call(genuine).await.unwrap_err();
    assert!(error.is::<tower::load_shed::error::Overloaded>());
}

#[tokio::test]
async fn the_instance_that_was_ready_is_the_one_that_is_called() {
    // The mock of tower-test panics when an instance is called that was not ready.
    let (mock, mut handle) =
        tower_test::mock::pair::<Request<Full<Bytes>>, Response<Full<Bytes>>>();
    let answered = tokio::spawn(async move {
        let (request, respond) = handle.next_request().await.unwrap();
        respond.send_response(Response::new(request.into_body()));
    });
    let response = layer()
        .layer(mock)
        .oneshot(delivery(full(DELIVERY)))
        .await
        .unwrap();
    assert_eq!(collect(response.into_body()).await, DELIVERY);
    answered.await.unwrap();
}

// 5. Verified bytes are the delivered bytes.

#[tokio::test]
async fn the_handler_gets_the_bytes_that_were_signed_and_no_trailers() {
    let (head, tail) = DELIVERY.split_at(100);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-hub-signature", HeaderValue::from_static("sha1=00"));
    let frames = [
        Frame::data(Bytes::from_static(head.as_bytes())),
        Frame::data(Bytes::new()),
        Frame::data(Bytes::from_static(tail.as_bytes())),
        Frame::trailers(trailers),
    ]
    .map(Ok::<_, Infallible>);
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = layer()
        .layer(Inner::default())
        .oneshot(delivery(body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let collected = response.into_body().collect().await.unwrap();
    assert!(collected.trailers().is_none());
    assert_eq!(collected.to_bytes(), DELIVERY);
}

#[tokio::test]
async fn a_body_that_ends_early_is_rejected_even_if_its_bytes_match() {
    let frames = [
        Ok(Frame::data(Bytes::from_static(DELIVERY.as_bytes()))),
        Err(std::io::Error::other("connection reset")),
    ];
    let inner = Inner::default();
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = layer()
        .layer(inner.clone())
        .oneshot(delivery(body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(kind(&response), Some(RejectionKind::BodyUnreadable));
    assert_eq!(inner.calls(), 0);
}

// 6. Errors belong to the inner service.

#[tokio::test]
async fn the_error_of_the_inner_service_passes_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Mine(u8);
    let inner =
        service_fn(|_: Request<Full<Bytes>>| async { Err::<Response<Full<Bytes>>, _>(Mine(7)) });
    let error: Mine = layer()
        .layer(inner)
        .oneshot(delivery(full(DELIVERY)))
        .await
        .unwrap_err();
    assert_eq!(error, Mine(7));
}

#[tokio::test]
async fn all_failed_authentications_get_the_same_response() {
    let mut seen = Vec::new();
    for signature in [
        None,
        Some("sha1=zz"),
        Some("sha1=0000000000000000000000000000000000000000"),
    ] {
        let mut request = Request::post("/").body(full(DELIVERY)).unwrap();
        if let Some(signature) = signature {
            let value = HeaderValue::from_static(signature);
            request.headers_mut().insert("x-hub-signature", value);
        }
        let response = layer()
            .layer(Inner::default())
            .oneshot(request)
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        assert!(head.extensions.get::<Rejection>().is_some());
        seen.push((head.status, head.headers, collect(body).await));
    }
    assert_eq!(seen[0].0, StatusCode::UNAUTHORIZED);
    assert_eq!(seen[0].1["content-type"], "application/problem+json");
    assert!(seen[0].1.contains_key("www-authenticate"));
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn an_authentic_body_that_is_not_the_event_gets_422_and_its_cause_is_kept() {
    let signer = Signer::new(&provider::optimizely(secret()), &secret()).unwrap();
    let response = layer()
        .layer(Inner::default())
        .oneshot(signer.request("not json"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let rejection: &Rejection = response.extensions().get().unwrap();
    let cause = std::error::Error::source(rejection).expect("a cause");
    assert!(cause.is::<tower_webhook_auth::EventError>());
    assert!(
        cause
            .source()
            .is_some_and(|cause| cause.is::<serde_json::Error>())
    );
}

#[tokio::test]
async fn outer_layers_see_acceptances_if_the_layer_exposes_them() {
    let silent = layer().layer(Inner::default());
    let response = silent.oneshot(delivery(full(DELIVERY))).await.unwrap();
    assert!(response.extensions().get::<Acceptance>().is_none());

    let service = layer().expose_acceptance().layer(Inner::default());
    let response = service.oneshot(delivery(full(DELIVERY))).await.unwrap();
    let acceptance: &Acceptance = response.extensions().get().unwrap();
    assert_eq!(acceptance.provider(), "optimizely");
    assert_eq!(acceptance.key_name(), "default");
    assert_eq!(acceptance.body_bytes(), DELIVERY.len());
}

/// A gRPC client reads its status from a header of a response with HTTP status 200.
#[tokio::test]
async fn only_grpc_requests_get_a_rejection_as_a_grpc_status() {
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;charset=utf-8", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/grpcfoo", false),
        ("application/json", false),
        ("text/plain, application/grpc", false),
    ] {
        let request = Request::post("/").header("content-type", content_type);
        let request = request.body(full(DELIVERY)).unwrap();
        let response = layer().layer(Inner::default()).oneshot(request).await;
        let response = response.unwrap();
        let status = response.headers().get("grpc-status");
        if is_grpc {
            assert_eq!(response.status(), StatusCode::OK, "{content_type}");
            assert_eq!(status.unwrap(), "16", "{content_type}");
        } else {
            assert_eq!(
                response.status(),
                StatusCode::UNAUTHORIZED,
                "{content_type}"
            );
            assert_eq!(status, None, "{content_type}");
        }
        assert_eq!(kind(&response), Some(RejectionKind::HeaderMissing));
    }
}

#[tokio::test]
async fn the_response_to_a_rejection_can_be_customized() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&seen);
    let response = layer()
        .on_rejection(move |rejection| {
            recorded.lock().unwrap().push(rejection.kind());
            let mut response = Response::new(Bytes::from_static(b"no"));
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        })
        .layer(Inner::default())
        .oneshot(Request::post("/").body(full(DELIVERY)).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(kind(&response), Some(RejectionKind::HeaderMissing));
    assert_eq!(collect(response.into_body()).await, "no");
    assert_eq!(*seen.lock().unwrap(), [RejectionKind::HeaderMissing]);
}

// The types themselves.

#[test]
fn debug_output_begins_with_the_name_of_the_type() {
    let mut service = layer().layer(Inner::default());
    let future = tower::Service::call(&mut service, delivery(full(DELIVERY)));
    assert_eq!(format!("{future:?}"), "ResponseFuture { .. }");
    assert!(format!("{service:?}").starts_with("WebhookAuth { inner: Inner"));
    assert!(format!("{:?}", layer()).starts_with("WebhookAuthLayer { settings: Settings"));
}

#[test]
fn the_inner_service_can_be_reached() {
    let mut service = layer().layer(7_u8);
    assert_eq!(*service.get_ref(), 7);
    *service.get_mut() = 8;
    assert_eq!(service.into_inner(), 8);
}

#[test]
fn the_layer_is_clone_send_sync_and_static_for_every_event_type() {
    struct Bare(#[allow(dead_code)] std::cell::Cell<u8>);
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<WebhookAuthLayer<Bare>>();
    check::<WebhookAuthLayer<optimizely::Event>>();
    check::<Provider<Bare>>();
    check::<Verified<optimizely::Event>>();
}

#[test]
fn the_default_response_body_is_empty() {
    let body = tower_webhook_auth::ResponseBody::<Full<Bytes>>::default();
    assert_eq!(body.size_hint().exact(), Some(0));
}

/// `HeaderMap::insert` and `HeaderMap::entry` panic if the map is full. A client that has seen a delivery can add headers
/// to it.
#[tokio::test]
async fn a_delivery_with_as_many_headers_as_a_request_can_have_causes_no_panic() {
    let token = |place: TokenPlace| JwtScheme::hs256(place).accept_any_age();
    let schemes: [(&str, Scheme); 4] = [
        (
            "signature",
            SignatureScheme::hmac_sha256("x-signature")
                .build()
                .expect("a scheme"),
        ),
        (
            "key",
            SharedKeyScheme::new("x-key").build().expect("a scheme"),
        ),
        ("token", {
            let token = token(TokenPlace::header("x-token"));
            token
                .body_hash("hash", BodyDigest::Sha256Hex)
                .build()
                .expect("a scheme")
        }),
        (
            "token in the body",
            token(TokenPlace::body()).build().expect("a scheme"),
        ),
    ];
    for (what, scheme) in schemes {
        let provider = Provider::new("acme", scheme, secret()).expect("a provider");
        for has_type in [false, true] {
            let mut request = match Signer::new(&provider, &secret()) {
                Ok(signer) => signer.request("{}"),
                // No signer makes a body that is a token.
                Err(_) => Request::new(full(token_of("{}"))),
            };
            let headers = request.headers_mut();
            headers.remove("content-type");
            if has_type {
                let other = HeaderValue::from_static("text/plain");
                headers.append("content-type", other.clone());
                headers.append("content-type", other);
            }
            for number in 0.. {
                let name = format!("x-{number}")
                    .parse::<http::HeaderName>()
                    .expect("a name");
                if headers
                    .try_insert(name, HeaderValue::from_static(""))
                    .is_err()
                {
                    break;
                }
            }
            let count = headers.len();
            let inner = service_fn(move |request: Request<Full<Bytes>>| async move {
                assert_eq!(request.headers().len(), count);
                let mut types = request.headers().get_all("content-type").iter();
                if what == "token in the body" {
                    assert!(types.all(|value| value == "application/json"));
                }
                Ok::<_, Infallible>(Response::new(full("")))
            });
            let service = WebhookAuthLayer::new(provider.clone()).layer(inner);
            let response = service.oneshot(request).await.expect("infallible");
            assert_eq!(response.status(), StatusCode::OK, "{what}");
        }
    }
}

/// A token with these claims.
fn token_of(claims: &str) -> String {
    use data_encoding::BASE64URL_NOPAD;
    use hmac::{Hmac, KeyInit, Mac};

    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes());
    let mac = mac.expect("a key of any length").chain_update(&signed);
    let signature = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}
