//! Conditional downloads, for the examples that keep a downloaded value up to date.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_webhook_auth::BoxError;

/// The size limit. Datafiles and settings are smaller.
const MAX_BYTES: usize = 16 * 1024 * 1024;

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

/// The headers by which the server can tell whether our copy is current.
#[derive(Clone, Debug, Default)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

pub enum Download {
    NotModified,
    New { body: Bytes, validators: Validators },
}

/// Downloads from `uri`, unless it is still what came with `validators`.
///
/// # Errors
///
/// If the response is incomplete, has another status than 200 and 304, or is too large.
pub async fn download(
    transport: &Transport,
    uri: &Uri,
    validators: &Validators,
) -> Result<Download, BoxError> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    if let Some(etag) = &validators.etag {
        headers.insert(header::IF_NONE_MATCH, etag.clone());
    }
    if let Some(last_modified) = &validators.last_modified {
        headers.insert(header::IF_MODIFIED_SINCE, last_modified.clone());
    }

    let response = transport.clone().oneshot(request).await?;
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok(Download::NotModified),
        StatusCode::OK => {}
        status => {
            return Err(format!("the response from {uri} is {status}, not 200 or 304").into());
        }
    }
    let validators = Validators {
        etag: response.headers().get(header::ETAG).cloned(),
        last_modified: response.headers().get(header::LAST_MODIFIED).cloned(),
    };
    let body = Limited::new(response.into_body(), MAX_BYTES);
    Ok(Download::New {
        body: body.collect().await?.to_bytes(),
        validators,
    })
}
