//! Shared by all hosts: a delivery, a forged one, a server on a socket, a client.

use std::{future::Future, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;
use tower_webhook_auth::{BoxError, Provider, Secret, WebhookAuthLayer, provider};

use crate::common::collect;

// From https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks.
pub(crate) const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
pub(crate) const SIGNATURE: &str = "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666";
pub(crate) const BODY: &str = concat!(
    r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "#,
    r#""https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "#,
    r#""Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""revision": 13}, "event": "project.datafile_updated"}"#,
);
pub(crate) const PROJECT: &str = "11387641093";
const FORGED: &str = "sha1=b2493723c6ea6973fbda41573222c8ecb1c82667";

/// From https://developers.vwo.com/docs/configure-webhooks.
pub(crate) const VWO_BODY: &str = r#"{
  "timestamp": 1606482285,
  "event": "settings_changed",
  "action": "campaign_settings_changed",
  "triggered_by": "vwo"
}"#;
pub(crate) const VWO_KEY: &str = "YOUR_SECRET_KEY";

pub(crate) type Event = provider::optimizely::Event;

pub(crate) fn optimizely() -> Provider<Event> {
    provider::optimizely(Secret::new(SECRET).expect("a secret"))
}

pub(crate) fn layer() -> WebhookAuthLayer<Event> {
    WebhookAuthLayer::new(optimizely())
}

pub(crate) fn vwo_layer() -> WebhookAuthLayer<provider::vwo::Event> {
    WebhookAuthLayer::new(provider::vwo(Secret::new(VWO_KEY).expect("a secret")))
}

/// As Optimizely sends it.
pub(crate) fn delivery(path: &str) -> Request<Full<Bytes>> {
    signed(path, SIGNATURE)
}

/// The same with a wrong signature.
pub(crate) fn forged(path: &str) -> Request<Full<Bytes>> {
    signed(path, FORGED)
}

fn signed(path: &str, signature: &str) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-hub-signature", signature)
        .body(BODY.into())
        .expect("a request")
}

/// As VWO sends it, with this key.
pub(crate) fn vwo_delivery(path: &str, key: &str) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-vwo-auth", key)
        .body(VWO_BODY.into())
        .expect("a request")
}

/// A listener on loopback, and its address.
pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Serves HTTP/1 and HTTP/2 on loopback for as long as the test runs.
pub(crate) async fn serve<S, ResBody>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    ResBody: http_body::Body + Send + 'static,
    ResBody::Data: Send,
    ResBody::Error: Into<BoxError>,
{
    let (listener, address) = listen().await;
    let service = TowerToHyperService::new(service);
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            spawn(async move {
                // A client that disconnects is not a failure of the test.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// Sends one request over a new HTTP/1.1 connection.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a handshake");
    spawn(async move {
        let _ = connection.await;
    });
    let mut request = request;
    let host = address.to_string().parse().expect("a host");
    request.headers_mut().insert(HOST, host);
    let response = sender.send_request(request).await.expect("a response");
    let (head, body) = response.into_parts();
    Response::from_parts(head, collect(body).await)
}

/// Sends one request over a new HTTP/2 connection.
pub(crate) async fn send_http2(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Response<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a handshake");
    spawn(async move {
        let _ = connection.await;
    });
    let mut request = request;
    let path = request.uri().path();
    let uri = format!("http://{address}{path}").parse().expect("a URI");
    *request.uri_mut() = uri;
    let response = sender.send_request(request).await.expect("a response");
    let (head, body) = response.into_parts();
    Response::from_parts(head, collect(body).await)
}
