//! Sends a delivery to a handler, and test deliveries to our own inbox.

use std::{
    net::SocketAddr,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use std::time::Duration;
use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};

use crate::deliveries::millis;

/// How long a handler may take, from the connection to the end of its answer.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How many bytes of an answer are kept.
pub const MOST_ANSWER_BYTES: usize = 64 * 1024;

/// Headers that belong to one connection, and those that the client writes itself.
const NOT_SENT_ON: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The result of sending a delivery on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sent {
    /// Milliseconds since 1970.
    pub at: u64,
    pub url: String,
    /// Whether it was signed again. Otherwise it was sent as it was received.
    pub signed_again: bool,
    pub automatic: bool,
    pub status: Option<u16>,
    pub millis: u64,
    pub content_type: Option<String>,
    pub body: String,
    pub truncated: bool,
    pub error: Option<String>,
    #[serde(skip)]
    pub headers: HeaderMap,
}

impl Sent {
    pub fn bytes(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        self.url.len() + self.body.len() + headers.sum::<usize>()
    }

    pub fn failed(url: &str, error: impl Into<String>) -> Self {
        Self {
            at: millis(SystemTime::now()),
            url: url.to_owned(),
            error: Some(error.into()),
            ..Self::default()
        }
    }
}

/// Where deliveries may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub allow_remote: bool,
    /// An address that is never called: a delivery that is forwarded to the inbox would come back without end.
    pub never: Option<SocketAddr>,
}

/// Sends a request to this URL. It follows no redirect.
pub async fn send(url: &str, request: Request<Bytes>, policy: Policy) -> Sent {
    let (at, begin) = (SystemTime::now(), Instant::now());
    let exchange = timeout(DEADLINE, exchange(url, request, policy)).await;
    let exchange = exchange
        .unwrap_or_else(|_| Err(format!("no whole answer within {} s", DEADLINE.as_secs())));
    let mut sent = match exchange {
        Ok(sent) => sent,
        Err(error) => Sent::failed(url, error),
    };
    sent.at = millis(at);
    sent.url = url.to_owned();
    sent.millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    sent
}

/// The parts of a URL that can be called.
pub fn check(url: &str) -> Result<Uri, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("{url:?} is not a URL: {error}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) if authority.as_str().contains('@') => {
            Err(format!("{url:?} contains a user name: remove it"))
        }
        (Some("http"), Some(_)) => Ok(uri),
        _ => Err(format!(
            "{url:?} does not begin with http:// and a host: https is not supported"
        )),
    }
}

/// The path of a URL with its query, or else with the query of the delivery.
pub fn target(url: &Uri, delivery: &Uri) -> Result<Uri, String> {
    let target = match (url.query(), delivery.query()) {
        (None, Some(query)) => format!("{}?{query}", url.path()),
        _ => url
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
    };
    target
        .parse()
        .map_err(|error| format!("{target:?} is not a path: {error}"))
}

async fn exchange(url: &str, mut request: Request<Bytes>, policy: Policy) -> Result<Sent, String> {
    let uri = check(url)?;
    let authority = uri.authority().ok_or("the URL has no host")?;
    let addresses = resolve(authority.host(), authority.port_u16().unwrap_or(80), policy).await?;

    let named = request.headers().get_all(header::CONNECTION).iter();
    let named = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let named: Vec<HeaderName> = named.filter_map(|name| name.trim().parse().ok()).collect();
    let headers = request.headers_mut();
    for name in NOT_SENT_ON.iter().chain(&named) {
        headers.remove(name);
    }
    let host = HeaderValue::from_str(authority.as_str())
        .map_err(|_| "the host is not the value of a header")?;
    headers.insert(header::HOST, host);
    *request.uri_mut() = target(&uri, request.uri())?;
    *request.version_mut() = http::Version::HTTP_11;

    let stream = TcpStream::connect(&*addresses);
    let stream = stream
        .await
        .map_err(|error| format!("cannot connect to {authority}: {error}"))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut client, connection) = handshake.map_err(|error| error.to_string())?;
    // The connection ends with this function.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = client.send_request(request.map(Full::new)).await;
    let response = response.map_err(|error| format!("{authority} gave no answer: {error}"))?;
    answer(response).await
}

/// The addresses that are called, one after the other until one answers. The name is looked up once, so that it
/// cannot change between the check and the connection.
async fn resolve(host: &str, port: u16, policy: Policy) -> Result<Vec<SocketAddr>, String> {
    let name = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let addresses = lookup_host((name, port)).await;
    let addresses =
        addresses.map_err(|error| format!("the host {name:?} is not known: {error}"))?;
    let is_allowed =
        |address: &SocketAddr| policy.allow_remote || address.ip().to_canonical().is_loopback();
    let addresses: Vec<SocketAddr> = addresses.filter(is_allowed).collect();
    if addresses.is_empty() {
        return Err(format!(
            "{name:?} is not this machine: start the inspector with ALLOW_REMOTE=1 to send to other machines"
        ));
    }
    let is_never =
        |address: &&SocketAddr| policy.never.is_some_and(|never| is_same(**address, never));
    match addresses.iter().find(is_never) {
        Some(address) => Err(format!(
            "{address} is the inbox: deliveries would come back without end"
        )),
        None => Ok(addresses),
    }
}

/// Every loopback address may lead to a listener on any of them.
fn is_same(address: SocketAddr, own: SocketAddr) -> bool {
    let (ip, own_ip) = (address.ip().to_canonical(), own.ip().to_canonical());
    address.port() == own.port() && (ip == own_ip || ip.is_loopback() || ip.is_unspecified())
}

async fn answer(response: Response<Incoming>) -> Result<Sent, String> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut truncated = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the answer ended early: {error}"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = MOST_ANSWER_BYTES - bytes.len();
        truncated = data.len() > room;
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if truncated {
            break;
        }
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    Ok(Sent {
        status: Some(head.status.as_u16()),
        content_type: content_type
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        truncated,
        headers: head.headers,
        ..Sent::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Policy = Policy {
        allow_remote: false,
        never: None,
    };

    #[tokio::test]
    async fn only_loopback_addresses_are_called() {
        for host in [
            "10.0.0.1",
            "169.254.169.254",
            "[::ffff:10.0.0.1]",
            "0.0.0.0",
            "[::]",
            "192.0.2.1",
        ] {
            let error = resolve(host, 80, LOCAL).await.expect_err(host);
            assert!(error.contains("ALLOW_REMOTE=1"), "{error}");
        }
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(resolve(host, 80, LOCAL).await.is_ok(), "{host}");
        }
        let remote = Policy {
            allow_remote: true,
            never: None,
        };
        assert!(resolve("192.0.2.1", 80, remote).await.is_ok());
    }

    #[tokio::test]
    async fn the_inbox_is_never_called_under_any_of_its_names() {
        let policy = Policy {
            allow_remote: true,
            never: Some(([127, 0, 0, 1], 4000).into()),
        };
        for host in [
            "127.0.0.1",
            "127.0.0.2",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ] {
            let error = resolve(host, 4000, policy).await.expect_err(host);
            assert!(error.contains("is the inbox"), "{error}");
            assert!(resolve(host, 4001, policy).await.is_ok());
        }
    }

    /// `localhost` may be an IPv6 address first, and the handler may listen on IPv4 only.
    #[tokio::test]
    async fn each_address_of_a_name_is_tried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let handler = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let response = b"HTTP/1.1 204 No Content\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, response).await
        });
        let url = format!("http://localhost:{port}/");
        let sent = send(&url, Request::new(Bytes::new()), LOCAL).await;
        assert_eq!((sent.status, sent.error), (Some(204), None));
        handler.await.expect("it ends").expect("sent");
    }

    /// The clock is paused, so the deadline is over as soon as everything waits.
    #[tokio::test(start_paused = true)]
    async fn a_handler_that_does_not_answer_is_given_up_after_30_seconds() {
        for begin in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nh"] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let url = format!("http://{}/", listener.local_addr().expect("an address"));
            let handler = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                tokio::io::AsyncWriteExt::write_all(&mut stream, begin.as_bytes())
                    .await
                    .expect("sent");
                std::future::pending::<()>().await;
            });
            let start = tokio::time::Instant::now();
            let sent = send(&url, Request::new(Bytes::new()), LOCAL).await;
            assert_eq!(sent.error.as_deref(), Some("no whole answer within 30 s"));
            assert!((30..32).contains(&start.elapsed().as_secs()));
            handler.abort();
        }
    }

    #[test]
    fn only_http_is_supported() {
        for url in [
            "https://127.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "127.0.0.1:80",
            "/x",
            "",
            "http://a@127.0.0.1/",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
        assert!(check("http://127.0.0.1:3000/webhooks?x=1").is_ok());
    }
}
