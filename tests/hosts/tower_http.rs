//! The layers of tower and tower-http, inside and outside of `WebhookAuthLayer`.

use std::{
    convert::Infallible,
    future::pending,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt,
    load_shed::error::Overloaded,
    service_fn,
    timeout::error::Elapsed,
    util::{BoxCloneService, BoxCloneSyncService},
};
use tower_http::{
    ServiceBuilderExt,
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    decompression::RequestDecompressionLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestId, RequestId},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tower_webhook_auth::{
    Acceptance, Provider, Rejection, RejectionKind, ResponseBody, Secret, SignatureScheme,
    Verified, WebhookAuthLayer,
};
use tracing::Span;

use crate::{
    common::collect,
    net::{
        BODY, Event, PROJECT, VWO_KEY, delivery, forged, layer, send, serve, vwo_delivery,
        vwo_layer,
    },
};

const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-hub-signature");

async fn project<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let webhook = request.extensions().get::<Verified<Event>>();
    let project = webhook.expect("the layer is there").project_id.to_string();
    Ok(Response::new(project.into()))
}

#[derive(Clone, Copy)]
struct SameId;

impl MakeRequestId for SameId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        Some(RequestId::new(HeaderValue::from_static("id-1")))
    }
}

#[tokio::test]
async fn the_usual_layers_work_outside() {
    let service = ServiceBuilder::new()
        .set_x_request_id(SameId)
        .sensitive_headers([SIGNATURE_HEADER])
        .layer(TraceLayer::new_for_http())
        .propagate_x_request_id()
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(timeout())
        .layer(RequestBodyLimitLayer::new(64 * 1024))
        .layer(RequestDecompressionLayer::new())
        .layer(layer())
        .service(service_fn(project));
    let address = serve(service).await;

    let accepted = send(address, delivery("/")).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    assert_eq!(accepted.body(), PROJECT);
    assert_eq!(accepted.headers()["x-request-id"], "id-1");
    let rejected = send(address, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(rejected.headers()["x-request-id"], "id-1");
}

#[tokio::test]
async fn the_usual_layers_work_inside() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .set_x_request_id(SameId)
        .sensitive_headers([SIGNATURE_HEADER])
        .layer(TraceLayer::new_for_http())
        .propagate_x_request_id()
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(timeout())
        .layer(RequestBodyLimitLayer::new(64 * 1024))
        .layer(RequestDecompressionLayer::new())
        .service(service_fn(project));
    let address = serve(service).await;

    let accepted = send(address, delivery("/")).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    assert_eq!(accepted.body(), PROJECT);
    assert_eq!(accepted.headers()["x-request-id"], "id-1");
    // An inner layer does not see unverified requests.
    let rejected = send(address, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    assert!(!rejected.headers().contains_key("x-request-id"));
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(5))
}

#[tokio::test]
async fn boxed_services_work_inside_and_outside() {
    let inner = BoxCloneService::new(service_fn(project));
    let service = BoxCloneService::new(layer().layer(inner));
    let accepted = send(serve(service).await, delivery("/")).await;
    assert_eq!(accepted.status(), StatusCode::OK);

    let inner = BoxCloneSyncService::new(service_fn(project));
    let service = BoxCloneSyncService::new(layer().layer(inner));
    let rejected = send(serve(service).await, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn trace_reads_rejections_and_acceptances_from_the_response() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let on_response = {
        let seen = Arc::clone(&seen);
        move |response: &Response<ResponseBody<Full<Bytes>>>, _: Duration, _: &Span| {
            let extensions = response.extensions();
            let line = match (
                extensions.get::<Acceptance>(),
                extensions.get::<Rejection>(),
            ) {
                (Some(accepted), None) => format!(
                    "{} accepted under {}, {} bytes",
                    accepted.provider(),
                    accepted.key_name(),
                    accepted.body_bytes()
                ),
                (None, Some(rejected)) => format!(
                    "{} rejected for {}, {} bytes",
                    rejected.provider().unwrap_or_default(),
                    rejected.kind().as_str(),
                    rejected.body_bytes()
                ),
                other => panic!("neither or both: {other:?}"),
            };
            seen.lock().expect("no test panicked").push(line);
        }
    };
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http().on_response(on_response))
        .layer(layer().expose_acceptance())
        .service(service_fn(project));
    let mut unsigned = delivery("/");
    unsigned.headers_mut().remove(SIGNATURE_HEADER);
    let address = serve(service).await;
    for request in [delivery("/"), forged("/"), unsigned] {
        send(address, request).await;
    }
    let length = BODY.len();
    assert_eq!(
        *seen.lock().expect("no test panicked"),
        [
            format!("optimizely accepted under default, {length} bytes"),
            format!("optimizely rejected for signature_mismatch, {length} bytes"),
            "optimizely rejected for header_missing, 0 bytes".to_owned(),
        ]
    );
}

#[tokio::test]
async fn an_outer_limit_is_a_413_whether_the_length_is_declared_or_not() {
    let service = ServiceBuilder::new()
        .layer(RequestBodyLimitLayer::new(BODY.len() - 1))
        .layer(layer())
        .service(service_fn(project));

    let address = serve(service.clone()).await;
    let declared = send(address, delivery("/")).await;
    assert_eq!(declared.status(), StatusCode::PAYLOAD_TOO_LARGE);

    // Without a server there is no `Content-Length`: the limit takes effect while reading.
    let response = service.oneshot(delivery("/")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let rejection = response.extensions().get::<Rejection>();
    assert_eq!(
        rejection.expect("a rejection of this layer").kind(),
        RejectionKind::BodyTooLarge
    );
}

/// `{"event":"flag.updated"}`, compressed by gzip.
const COMPRESSED: &str = "H4sIAAAAAAAC/6tWSi1LzStRslJKy0lM1ystSEksSU1RqgUADAI9RxgAAAA=";
const PLAIN: &str = r#"{"event":"flag.updated"}"#;
/// `openssl dgst -sha256 -hmac wJ4mX9` of the compressed bytes, and of the plain ones.
const OVER_COMPRESSED: &str = "94aa77e8f6b9a0b73fb8cfe69e20618e6abf35bc7d041789f1f9660502028ebf";
const OVER_PLAIN: &str = "8546163875d22eddc0ec52697e9fe1b78d1f338ff9063a772197e00b16814d3f";

#[tokio::test]
async fn decompression_works_inside_if_the_sender_signs_compressed_bytes_and_outside_if_not() {
    async fn echo<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
    where
        B: Body,
        B::Error: std::fmt::Debug,
    {
        Ok(Response::new(collect(request.into_body()).await.into()))
    }
    let request = |signature: &str| {
        let body = BASE64.decode(COMPRESSED.as_bytes()).expect("base64");
        Request::post("/")
            .header("content-encoding", "gzip")
            .header("x-signature", signature)
            .body(Full::<Bytes>::from(body))
            .expect("a request")
    };
    let acme = || {
        let scheme = SignatureScheme::hmac_sha256("x-signature").build();
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let provider = Provider::new("acme", scheme.expect("a scheme"), secret);
        WebhookAuthLayer::new(provider.expect("a provider"))
    };
    let inside = serve(
        ServiceBuilder::new()
            .layer(acme())
            .layer(RequestDecompressionLayer::new())
            .service(service_fn(echo)),
    )
    .await;
    let outside = serve(
        ServiceBuilder::new()
            .layer(RequestDecompressionLayer::new())
            .layer(acme())
            .service(service_fn(echo)),
    )
    .await;
    let cases = [
        ("inside", inside, OVER_COMPRESSED, StatusCode::OK),
        ("inside", inside, OVER_PLAIN, StatusCode::UNAUTHORIZED),
        ("outside", outside, OVER_PLAIN, StatusCode::OK),
        (
            "outside",
            outside,
            OVER_COMPRESSED,
            StatusCode::UNAUTHORIZED,
        ),
    ];
    for (order, address, signature, status) in cases {
        let response = send(address, request(signature)).await;
        assert_eq!(response.status(), status, "{order} {signature}");
        if status == StatusCode::OK {
            assert_eq!(response.body(), PLAIN, "{order}");
        }
    }
}

#[tokio::test]
async fn a_response_is_compressed_for_clients_that_ask_for_it() {
    async fn long<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new("a".repeat(1024).into()))
    }
    let service = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .layer(layer())
        .service(service_fn(long));
    let mut request = delivery("/");
    let gzip = HeaderValue::from_static("gzip");
    request.headers_mut().insert("accept-encoding", gzip);
    let response = send(serve(service).await, request).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert!(response.body().len() < 1024);
}

#[tokio::test]
async fn a_panic_of_the_handler_is_caught_by_an_inner_or_outer_layer() {
    async fn panics<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        panic!("the handler panics")
    }
    let outside = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(layer())
        .service(service_fn(panics));
    let response = outside.oneshot(delivery("/")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let inside = ServiceBuilder::new()
        .layer(layer().expose_acceptance())
        .layer(CatchPanicLayer::new())
        .service(service_fn(panics));
    let response = inside.oneshot(delivery("/")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // The delivery was accepted, although the handler failed.
    assert!(response.extensions().get::<Acceptance>().is_some());
}

#[tokio::test]
async fn a_shared_key_is_marked_sensitive_inside() {
    async fn head<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(format!("{:?}", request.headers()).into()))
    }
    let key = HeaderName::from_static("x-vwo-auth");
    let printed = Arc::new(Mutex::new(String::new()));
    let make_span = {
        let printed = Arc::clone(&printed);
        move |request: &Request<Full<Bytes>>| {
            *printed.lock().expect("no test panicked") = format!("{:?}", request.headers());
            Span::none()
        }
    };
    let service = ServiceBuilder::new()
        .sensitive_request_headers([key].into())
        .layer(TraceLayer::new_for_http().make_span_with(make_span))
        .layer(vwo_layer())
        .service(service_fn(head));
    let response = service.oneshot(vwo_delivery("/", VWO_KEY)).await;
    let inside = collect(response.expect("a response").into_body()).await;
    let inside = String::from_utf8(inside.into()).expect("text");
    let outside = printed.lock().expect("no test panicked").clone();
    for text in [inside, outside] {
        assert!(text.contains(r#""x-vwo-auth": Sensitive"#), "{text}");
    }

    // The layer marks it for everything inside.
    let service = vwo_layer().layer(service_fn(head));
    let response = service.oneshot(vwo_delivery("/", VWO_KEY)).await;
    let inside = collect(response.expect("a response").into_body()).await;
    let inside = String::from_utf8(inside.into()).expect("text");
    assert!(inside.contains(r#""x-vwo-auth": Sensitive"#), "{inside}");
}

/// A body that never arrives, and records that it was polled.
#[derive(Clone, Default)]
struct Stalled(Arc<AtomicBool>);

impl Stalled {
    fn request(&self) -> Request<BoxBody<Bytes, Infallible>> {
        delivery("/").map(|_| self.clone().boxed())
    }

    async fn polled(&self) {
        while !self.0.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

impl Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.store(true, Ordering::SeqCst);
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn an_outer_timeout_bounds_a_body_that_never_arrives() {
    let by_status = ServiceBuilder::new()
        .layer(timeout())
        .layer(layer())
        .service(service_fn(project));
    let stalled = Stalled::default();
    let response = by_status.oneshot(stalled.request()).await;
    let response = response.expect("a response");
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    // This is not the deadline of this layer, which is 30 seconds.
    assert!(response.extensions().get::<Rejection>().is_none());

    let by_error = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(layer())
        .service(service_fn(project));
    let result = by_error.oneshot(stalled.request()).await;
    assert!(result.expect_err("too late").is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn an_inner_timeout_bounds_the_handler_and_its_error_passes_through() {
    async fn slow<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        pending().await
    }
    let service = ServiceBuilder::new()
        .layer(layer())
        .timeout(Duration::from_secs(5))
        .service(service_fn(slow));
    let result = service.oneshot(delivery("/")).await;
    assert!(result.expect_err("too late").is::<Elapsed>());
}

/// Sends a genuine delivery while an unverified request waits for its body.
async fn next_to_a_stalled_request<S, ResBody>(service: S) -> Result<StatusCode, BoxError>
where
    S: Service<Request<BoxBody<Bytes, Infallible>>, Response = Response<ResBody>, Error = BoxError>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    ResBody: Send + 'static,
{
    let stalled = Stalled::default();
    // The service that was called is kept, as a connection keeps it. It must hold nothing either.
    let mut called = service.clone();
    let stalled_request = tokio::spawn(called.ready().await?.call(stalled.request()));
    stalled.polled().await;
    // Less than the deadline of the stalled request.
    let limit = Duration::from_secs(5);
    let delivered = service.oneshot(delivery("/").map(BodyExt::boxed));
    let response = tokio::time::timeout(limit, delivered).await?;
    assert!(!stalled_request.is_finished());
    stalled_request.abort();
    Ok(response?.status())
}

#[tokio::test(start_paused = true)]
async fn unverified_requests_do_not_use_inner_limits() {
    let limit = ServiceBuilder::new()
        .layer(layer())
        .map_err(BoxError::from)
        .concurrency_limit(1)
        .service(service_fn(project));
    assert_eq!(
        next_to_a_stalled_request(limit).await.expect("a response"),
        StatusCode::OK
    );

    let shed = ServiceBuilder::new()
        .layer(layer())
        .load_shed()
        .concurrency_limit(1)
        .service(service_fn(project));
    assert_eq!(
        next_to_a_stalled_request(shed).await.expect("a response"),
        StatusCode::OK
    );

    let buffer = ServiceBuilder::new()
        .layer(layer())
        .buffer(1)
        .concurrency_limit(1)
        .service(service_fn(project));
    assert_eq!(
        next_to_a_stalled_request(buffer).await.expect("a response"),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn outer_limits_apply_to_unverified_requests() {
    let shed = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .layer(layer())
        .service(service_fn(project));
    let error = next_to_a_stalled_request(shed)
        .await
        .expect_err("overloaded");
    assert!(error.is::<Overloaded>());

    let buffer = ServiceBuilder::new()
        .buffer(4)
        .concurrency_limit(2)
        .layer(layer())
        .service(service_fn(project));
    assert_eq!(
        next_to_a_stalled_request(buffer).await.expect("a response"),
        StatusCode::OK
    );
}
