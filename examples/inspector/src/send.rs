//! Deliveries that go out: to a handler of the developer's own, and tests into our own inbox.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower_webhook_auth::BoxError;

use crate::deliveries::Sent;

const DEADLINE: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 * 1024;

/// Of one connection, and so none of the message's own.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::PROXY_AUTHORIZATION,
];

pub async fn send(url: &str, request: Request<Bytes>, anew: bool, allow_remote: bool) -> Sent {
    let started = Instant::now();
    let answer = match tokio::time::timeout(DEADLINE, deliver(url, request, allow_remote)).await {
        Ok(answer) => answer,
        Err(_) => Err("no answer within 30 s".into()),
    };
    let (status, body, error) = match answer {
        Ok((status, body)) => (Some(status), body, None),
        Err(error) => (None, String::new(), Some(error.to_string())),
    };
    Sent {
        url: url.to_owned(),
        anew,
        status,
        millis: started.elapsed().as_millis() as u64,
        body,
        error,
    }
}

async fn deliver(
    url: &str,
    mut request: Request<Bytes>,
    allow_remote: bool,
) -> Result<(u16, String), BoxError> {
    let uri: Uri = url.parse().map_err(|_| "this is no URL")?;
    let authority = uri.authority().ok_or("a URL begins with http://")?;
    if uri.scheme_str() != Some("http") {
        return Err("only http:// for now: a handler on this machine".into());
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    // The address that is looked at is the one that is called: a name cannot change its mind in between.
    let address = lookup_host((host, authority.port_u16().unwrap_or(80)))
        .await
        .map_err(|_| "the host is not known")?
        .find(|address: &SocketAddr| allow_remote || address.ip().is_loopback())
        .ok_or("not this machine: start with ALLOW_REMOTE=1 to send to others")?;
    for name in HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    request
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    *request.uri_mut() = uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .parse()?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("nothing answers at {address}: {error}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await?;
    let status = response.status().as_u16();
    let body = match Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await
    {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(_) => "(the answer is over 64 KiB, or broke off)".to_owned(),
    };
    Ok((status, body))
}
