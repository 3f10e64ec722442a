//! The HTTP client of the examples that keep a downloaded value up to date.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{ServiceBuilder, util::BoxCloneSyncService};
use tower_webhook_auth::BoxError;

/// Sends requests. It follows no redirect, so a request goes only to the host of its URL. It has no timeout:
/// the deadline of the refresher bounds the whole download.
pub type Transport = BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>;

/// HTTPS with the system's root certificates, and HTTP if the URL begins with `http://`.
///
/// # Errors
///
/// If the system has no root certificates.
pub fn https() -> io::Result<Transport> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Ok(transport(client))
}

/// HTTP without TLS, for a stand-in on this machine.
pub fn http() -> Transport {
    transport(Client::builder(TokioExecutor::new()).build_http())
}

fn transport<C>(client: Client<C, Full<Bytes>>) -> Transport
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let service = ServiceBuilder::new()
        .map_err(BoxError::from)
        .map_response(|response: Response<_>| response.map(Body::new))
        .service(client);
    BoxCloneSyncService::new(service)
}
