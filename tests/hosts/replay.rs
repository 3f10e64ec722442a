//! The replay guard in each host, over sockets: a delivery that arrives twice calls the handler once.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::{
    Code,
    transport::{Server, server::TcpIncoming},
};
use tower::{Layer, ServiceBuilder, service_fn};
use tower_webhook_auth::{
    Verified, WebhookAuthLayer,
    replay::{MemoryStore, ReplayGuardLayer},
};
use warp::Filter;

use crate::{
    net::{Event, delivery, forged, layer, listen, optimizely, send, send_http2, serve, spawn},
    tonic as grpc,
};

fn guard() -> ReplayGuardLayer<Event, MemoryStore> {
    ReplayGuardLayer::by_body(&optimizely(), MemoryStore::new(10)).expect("a guard")
}

#[tokio::test]
async fn hyper_over_both_versions_of_http() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = service_fn(move |_: Request<Full<Bytes>>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("done"))) }
    });
    let address = serve::<_, _>(
        ServiceBuilder::new()
            .map_request(|request: Request<Incoming>| request)
            .layer(layer())
            .layer(guard())
            .service(handler),
    )
    .await;
    assert_eq!(send(address, delivery("/")).await.body(), "done");
    assert_eq!(send(address, delivery("/")).await.body(), "");
    assert_eq!(
        send_http2(address, delivery("/")).await.status(),
        StatusCode::OK
    );
    let rejected = send(address, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn warp() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let routes = warp::post()
        .and(warp::ext::get::<Verified<Event>>())
        .map(move |_| counted.fetch_add(1, Ordering::SeqCst).to_string());
    let service = (layer(), guard()).layer(warp::service(routes));
    let address = serve(service).await;
    assert_eq!(send(address, delivery("/")).await.body(), "0");
    let again = send(address, delivery("/")).await;
    assert_eq!((again.status(), again.body().len()), (StatusCode::OK, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum() {
    use axum::{Router, routing::post};

    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = async move |_: Verified<Event>| {
        counted.fetch_add(1, Ordering::SeqCst);
        StatusCode::CREATED
    };
    let app = Router::new().route("/", post(handler).route_layer((layer(), guard())));
    let (listener, address) = listen().await;
    spawn(async move { axum::serve(listener, app).await.expect("a server") });
    assert_eq!(
        send(address, delivery("/")).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(send(address, delivery("/")).await.status(), StatusCode::OK);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn tonic() {
    let provider = grpc::provider();
    let guard = ReplayGuardLayer::by_body(&provider, MemoryStore::new(10)).expect("a guard");
    let (listener, address) = listen().await;
    let server = Server::builder()
        .layer(WebhookAuthLayer::new(provider))
        .layer(guard)
        .add_service(grpc::health().await);
    spawn(async move {
        let _ = server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await;
    });
    let call = || grpc::check(address, Some(grpc::SIGNATURE), "receiver");
    call().await.expect("an answer");
    let again = call().await.expect_err("a duplicate");
    assert_eq!(again.code(), Code::AlreadyExists);
}

/// tonic puts the status of a failed unary call into a header, so the guard sees it.
#[tokio::test]
async fn a_failed_call_of_tonic_can_be_sent_again() {
    let provider = grpc::provider();
    let guard = ReplayGuardLayer::by_body(&provider, MemoryStore::new(10)).expect("a guard");
    let (listener, address) = listen().await;
    // The service does not know the name "receiver".
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(WebhookAuthLayer::new(provider))
        .layer(guard)
        .add_service(health);
    spawn(async move {
        let _ = server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await;
    });
    for _ in 0..2 {
        let status = grpc::check(address, Some(grpc::SIGNATURE), "receiver").await;
        assert_eq!(status.expect_err("no such service").code(), Code::NotFound);
    }
}
