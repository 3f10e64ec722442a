//! Throughput over loopback sockets: hyper serves each layer in turn, and the same client sends the same deliveries.

use std::{net::SocketAddr, time::Instant};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1, server};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service};

use crate::{
    receivers::{Inner, Scheme},
    rows::KEY,
    time::median,
};

const CONNECTIONS: usize = 4;
const DELIVERIES: usize = 2_000;
const ROUNDS: usize = 15;

pub fn table() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let bare = serve(tower::service_fn(async |request: Request<Incoming>| {
            let body = request.into_body().collect().await?.to_bytes();
            std::hint::black_box(body);
            Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::default()))
        }))
        .await;
        let ours = serve(Scheme::GitHub.layer().layer(Inner)).await;
        let webhook_verify = serve(Scheme::GitHub.webhook_verify_layer().layer(Inner)).await;
        let github = tower_github_webhook::ValidateGitHubWebhookLayer::new(KEY).layer(Inner);
        let github = serve(github).await;
        let servers = [
            ("no verification", bare),
            ("ours", ours),
            ("webhook-verify", webhook_verify),
            ("tower-github-webhook", github),
        ];
        let mut rates = vec![Vec::new(); servers.len()];
        for round in 0..ROUNDS {
            for offset in 0..servers.len() {
                let index = (round + offset) % servers.len();
                rates[index].push(rate(servers[index].1).await);
            }
        }
        println!("| loopback, 300 B, {CONNECTIONS} connections | deliveries per second | ÷ no verification |");
        println!("| --- | ---: | ---: |");
        for (index, (name, _)) in servers.iter().enumerate() {
            let ratios = rates[index].iter().zip(&rates[0]).map(|(one, bare)| one / bare);
            println!(
                "| {name} | {:.0} | {:.2} |",
                median(rates[index].clone()),
                median(ratios.collect()),
            );
        }
    });
}

async fn serve<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let connection =
                server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    address
}

/// Deliveries per second in one round.
async fn rate(address: SocketAddr) -> f64 {
    let body = Bytes::from(vec![b'x'; 300]);
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key of any length");
    let tag = mac.chain_update(&body).finalize().into_bytes();
    let signature = format!("sha256={}", HEXLOWER.encode(&tag));
    let start = Instant::now();
    let clients = (0..CONNECTIONS).map(|_| {
        let (body, signature) = (body.clone(), signature.clone());
        tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("an option of the socket");
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .expect("a handshake");
            tokio::spawn(connection);
            for _ in 0..DELIVERIES / CONNECTIONS {
                let request = Request::post("/hook")
                    .header("host", "localhost")
                    .header("x-hub-signature-256", &signature)
                    .body(Full::new(body.clone()))
                    .expect("a request");
                let response = sender.send_request(request).await.expect("a response");
                assert_eq!(response.status(), StatusCode::OK);
                response.into_body().collect().await.expect("a body");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("a client that ends");
    }
    DELIVERIES as f64 / start.elapsed().as_secs_f64()
}
