//! Deliveries as senders make them, over a socket, signed without the crate.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{GITHUB, SLACK, STRIPE, VWO};

pub struct Delivery {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn new(path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            path: path.to_owned(),
            headers,
            body: body.into(),
        }
    }

    /// The same head with another body: what a relay does that changes it.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn to(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn value(&self, name: &str) -> &str {
        &self
            .headers
            .iter()
            .find(|(one, _)| one.eq_ignore_ascii_case(name))
            .expect("the header")
            .1
    }

    /// Sends it, and returns the status.
    pub async fn send(&self, inbox: SocketAddr) -> u16 {
        let mut request = format!(
            "POST {} HTTP/1.1\r\nHost: {inbox}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        raw(inbox, &[request.as_bytes(), &self.body].concat())
            .await
            .status
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    for part in parts {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
pub fn github(event: &str, body: impl Into<Vec<u8>>) -> Delivery {
    let body = body.into();
    let signature = format!("sha256={}", hmac_sha256(GITHUB, &[&body]));
    let headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", event),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("X-Hub-Signature-256", &signature),
    ];
    Delivery::new("/in/github", &headers, body)
}

/// <https://docs.stripe.com/webhooks/signature>; `age` in seconds.
pub fn stripe(age: u64, body: &str) -> Delivery {
    let time = now() - age;
    let signature = hmac_sha256(STRIPE, &[format!("{time}.").as_bytes(), body.as_bytes()]);
    let value = format!("t={time},v1={signature}");
    Delivery::new(
        "/in/stripe",
        &[
            ("Content-Type", "application/json"),
            ("Stripe-Signature", &value),
        ],
        body,
    )
}

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
pub fn slack(body: &str) -> Delivery {
    let time = now();
    let signature = hmac_sha256(SLACK, &[format!("v0:{time}:").as_bytes(), body.as_bytes()]);
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Slack-Request-Timestamp", &time.to_string()),
        ("X-Slack-Signature", &format!("v0={signature}")),
    ];
    Delivery::new("/in/slack", &headers, body)
}

fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.expect("after 1970").as_secs()
}

/// The example of Optimizely's documentation, with the signature that is printed there.
pub fn optimizely() -> Delivery {
    let body = r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#;
    let headers = [
        ("Content-Type", "application/json"),
        (
            "X-Hub-Signature",
            "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666",
        ),
    ];
    Delivery::new("/in/optimizely", &headers, body)
}

pub fn vwo(body: &str) -> Delivery {
    Delivery::new(
        "/in/vwo",
        &[("Content-Type", "application/json"), ("X-VWO-Auth", VWO)],
        body,
    )
}

pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Writes bytes to a socket and reads the response until the end. The request has to say `Connection: close`.
pub async fn raw(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = TcpStream::connect(address).await.expect("a listener");
    // A server may respond before it has read everything, and then it closes: the response counts.
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let body = bytes[end + 4..].to_vec();
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Response {
        status,
        head,
        body: if chunked { unchunked(&body) } else { body },
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let from = line + 2;
        body.extend_from_slice(&rest[from..from + size]);
        rest = &rest[(from + size + 2).min(rest.len())..];
        if size == 0 {
            break;
        }
    }
    body
}
