//! hyper 1, without a framework.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{Rejection, RejectionKind, Verified};

use crate::net::{
    BODY, Event, PROJECT, SIGNATURE, delivery, forged, layer, listen, send, send_http2, serve,
    spawn, vwo_layer,
};

async fn project(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let webhook = request.extensions().get::<Verified<Event>>();
    let project = webhook.expect("the layer is there").project_id.to_string();
    Ok(Response::new(project.into()))
}

#[tokio::test]
async fn a_server_for_http1_verifies_deliveries() {
    let (listener, address) = listen().await;
    let service = TowerToHyperService::new(layer().layer(service_fn(project)));
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            spawn(async move {
                let _ = connection.await;
            });
        }
    });
    let accepted = send(address, delivery("/")).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    assert_eq!(accepted.body(), PROJECT);
    let rejected = send(address, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(rejected.headers()["www-authenticate"], "Webhook");
}

#[tokio::test]
async fn a_server_for_http2_verifies_deliveries() {
    let (listener, address) = listen().await;
    let service = TowerToHyperService::new(layer().layer(service_fn(project)));
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service.clone());
            spawn(async move {
                let _ = connection.await;
            });
        }
    });
    let accepted = send_http2(address, delivery("/")).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    assert_eq!(accepted.body(), PROJECT);
    let rejected = send_http2(address, forged("/")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
}

/// Sends a head with `Expect: 100-continue`, the body only after `100 Continue`, and reads to the end.
async fn expecting(address: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         expect: 100-continue\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut response = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await.expect("a response");
        if length == 0 {
            return String::from_utf8(response).expect("text");
        }
        response.extend_from_slice(&buffer[..length]);
        if response == b"HTTP/1.1 100 Continue\r\n\r\n" {
            stream.write_all(BODY.as_bytes()).await.expect("sent");
        }
    }
}

#[tokio::test]
async fn a_request_that_the_head_decides_is_rejected_without_100_continue() {
    let service = layer()
        .max_body_bytes(BODY.len())
        .layer(service_fn(project));
    let address = serve(service).await;
    let length = BODY.len();

    let good = format!("x-hub-signature: {SIGNATURE}\r\ncontent-length: {length}\r\n");
    let response = expecting(address, &good).await;
    assert!(
        response.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{response}"
    );

    let rejected = [
        ("401 Unauthorized", format!("content-length: {length}\r\n")),
        (
            "401 Unauthorized",
            format!("x-hub-signature: sha1=beef\r\ncontent-length: {length}\r\n"),
        ),
        (
            "401 Unauthorized",
            format!("x-hub-signature: {SIGNATURE}\r\n{good}"),
        ),
        (
            "413 Payload Too Large",
            format!(
                "x-hub-signature: {SIGNATURE}\r\ncontent-length: {}\r\n",
                length + 1
            ),
        ),
    ];
    for (status, headers) in rejected {
        let response = expecting(address, &headers).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{headers}\n{response}"
        );
        assert!(!response.contains("100 Continue"), "{headers}\n{response}");
    }

    // A wrong shared key is known from the head.
    let address = serve(vwo_layer().layer(service_fn(project))).await;
    let headers = format!("x-vwo-auth: YOUR_SECRET_KEZ\r\ncontent-length: {length}\r\n");
    let response = expecting(address, &headers).await;
    assert!(
        response.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn a_service_fn_is_called_once_for_each_genuine_delivery() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = {
        let calls = Arc::clone(&calls);
        service_fn(move |request| {
            calls.fetch_add(1, Ordering::SeqCst);
            project(request)
        })
    };
    let service = layer().layer(counted);

    let response = service.clone().oneshot(forged("/")).await;
    let response = response.expect("an infallible service");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let rejection = response.extensions().get::<Rejection>();
    assert_eq!(
        rejection.expect("the reason").kind(),
        RejectionKind::SignatureMismatch
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);

    let response = service.oneshot(delivery("/")).await;
    let status = response.expect("an infallible service").status();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_wrong_signature_is_rejected_after_100_continue() {
    let address = serve(layer().layer(service_fn(project))).await;
    let forged = SIGNATURE.replace("b2", "b3");
    let length = BODY.len();
    let headers = format!("x-hub-signature: {forged}\r\ncontent-length: {length}\r\n");
    let response = expecting(address, &headers).await;
    assert!(
        response.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\n"),
        "{response}"
    );
}

/// The page of `WebhookAuthLayer` says so, and shows how to finish the work.
#[tokio::test]
async fn a_client_that_disconnects_cancels_the_handler_but_not_its_spawned_task() {
    /// Reports that the handler was dropped.
    struct Dropped(Option<oneshot::Sender<()>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.take().map(|dropped| dropped.send(()));
        }
    }

    let (started, handler_started) = oneshot::channel();
    let (dropped, handler_dropped) = oneshot::channel();
    let (finish, may_finish) = oneshot::channel::<()>();
    let (finished, task_finished) = oneshot::channel();
    let once = Arc::new(Mutex::new(Some((started, dropped, may_finish, finished))));
    let handler = service_fn(move |_: Request<Full<Bytes>>| {
        let channels = once.lock().expect("no panic").take();
        let (started, dropped, may_finish, finished) = channels.expect("one request");
        async move {
            let _dropped = Dropped(Some(dropped));
            spawn(async move {
                let _ = may_finish.await;
                let _ = finished.send(());
            });
            let _ = started.send(());
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
        }
    });
    let address = serve(layer().layer(handler)).await;

    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-hub-signature: {SIGNATURE}\r\n\
         content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    handler_started.await.expect("the handler starts");
    drop(stream);
    handler_dropped.await.expect("the handler is dropped");
    finish.send(()).expect("the task still waits");
    task_finished.await.expect("the task finishes its work");
}
