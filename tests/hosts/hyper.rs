//! hyper 1, without a framework.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
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
async fn a_server_for_http1_is_guarded() {
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
    let refused = send(address, forged("/")).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Webhook");
}

#[tokio::test]
async fn a_server_for_http2_is_guarded() {
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
    let refused = send_http2(address, forged("/")).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

/// Sends a head that waits for `100 Continue`, the body only after it, and reads to the end.
async fn expecting(address: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         expect: 100-continue\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await.expect("an answer");
        if length == 0 {
            return String::from_utf8(answer).expect("text");
        }
        answer.extend_from_slice(&buffer[..length]);
        if answer == b"HTTP/1.1 100 Continue\r\n\r\n" {
            stream.write_all(BODY.as_bytes()).await.expect("sent");
        }
    }
}

#[tokio::test]
async fn a_refusal_from_the_head_never_asks_for_the_body() {
    let service = layer()
        .max_body_bytes(BODY.len())
        .layer(service_fn(project));
    let address = serve(service).await;
    let length = BODY.len();

    let good = format!("x-hub-signature: {SIGNATURE}\r\ncontent-length: {length}\r\n");
    let answer = expecting(address, &good).await;
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );

    let refused = [
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
    for (status, headers) in refused {
        let answer = expecting(address, &headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{headers}\n{answer}"
        );
        assert!(!answer.contains("100 Continue"), "{headers}\n{answer}");
    }

    // A wrong shared key is known to be wrong from the head.
    let address = serve(vwo_layer().layer(service_fn(project))).await;
    let headers = format!("x-vwo-auth: YOUR_SECRET_KEZ\r\ncontent-length: {length}\r\n");
    let answer = expecting(address, &headers).await;
    assert!(
        answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_plain_service_fn_is_called_once_for_each_good_delivery() {
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
