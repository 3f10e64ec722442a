//! The port for senders. Each delivery is kept and judged, and gets the response that the layer would give.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Instant, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use tower_webhook_auth::RejectionKind;

use crate::{
    catalogue,
    deliveries::{Delivery, Received},
    forward,
    inspector::{Inspector, Shared},
    judge::{self, Judgement, Rejected, Verdict},
};

/// The largest body that is kept, in bytes.
pub const MOST_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How many bytes of bodies are received at the same time.
const MOST_RECEIVING_BYTES: usize = 64 * 1024 * 1024;

pub const MOST_CONNECTIONS: usize = 256;

/// Marks a test delivery of the console. Its value is a random number that only this program knows.
pub const TEST: HeaderName = HeaderName::from_static("x-inspector-test");

/// The id of the delivery, in the response to a test delivery.
pub const ID: HeaderName = HeaderName::from_static("x-inspector-id");

pub fn router(inspector: Shared) -> Router {
    Router::new().fallback(receive).with_state(inspector)
}

/// Every path that begins with `/in/` and the name of a sender. What follows may be anything, also a text that is not
/// UTF-8, so no extractor reads it.
async fn receive(State(inspector): State<Shared>, request: Request) -> Response {
    let Some(addressed) = addressed(request.uri().path()) else {
        let text =
            "deliver to /in/<sender> or to /in/any: the page lists the names of the senders\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let (mut head, body) = request.into_parts();
    let mark = head.headers.remove(TEST);
    let is_test = mark.is_some_and(|mark| mark.as_bytes() == inspector.test_mark.as_bytes());
    let at = SystemTime::now();
    let body = read(&inspector, body).await;
    let begin = Instant::now();
    let received = Received {
        at,
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body: body.clone().unwrap_or_default(),
        addressed,
        is_test,
    };
    let judgement = match body {
        Ok(_) => judge::judge(&inspector, &received).await,
        Err(kind) => Judgement {
            sender: catalogue::find(&received.addressed).map(|entry| entry.sender.name),
            verdict: unread(kind),
            reply: None,
        },
    };
    let reply = judgement.reply.unwrap_or_else(|| judgement.verdict.reply());
    let mut response = Response::new(Body::from(reply.body.clone()));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers.clone();
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let id = inspector.keep(Delivery {
        id: 0,
        received,
        sender: judgement.sender,
        verdict: judgement.verdict,
        reply,
        took: begin.elapsed(),
        sent_to: Vec::new(),
    });
    if is_test {
        headers.insert(ID, HeaderValue::from(id));
    } else {
        forward::offer(&inspector, id);
    }
    response
}

/// The sender's name in a path, or `any`.
fn addressed(path: &str) -> Option<String> {
    let name = path.strip_prefix("/in/")?.split('/').next()?;
    let is_known = name == "any" || catalogue::find(name).is_some();
    is_known.then(|| name.to_owned())
}

/// The rejection of a body that was not read.
fn unread(kind: RejectionKind) -> Verdict {
    let message = match kind {
        RejectionKind::BodyTooLarge => format!("the body is larger than {MOST_BODY_BYTES} bytes"),
        RejectionKind::BodyTimeout => "the body did not end before the deadline".to_owned(),
        RejectionKind::BudgetExhausted => {
            "too many bodies are received at the same time".to_owned()
        }
        _ => "the connection broke before the end of the body".to_owned(),
    };
    Verdict::Rejected(Rejected {
        code: kind.as_str(),
        message,
        header: None,
        status: kind.status().as_u16(),
        detail: None,
        skew_ms: None,
        tried: Vec::new(),
        cause: None,
        is_final: true,
    })
}

/// The whole body, within the limits of its size, its time, and the memory for all bodies.
async fn read(inspector: &Inspector, body: Body) -> Result<Bytes, RejectionKind> {
    // A declared length over the limit is rejected before the body is read, as the layer does.
    let is_too_large =
        |bytes: u64| usize::try_from(bytes).map_or(true, |bytes| bytes > MOST_BODY_BYTES);
    if is_too_large(body.size_hint().lower()) {
        return Err(RejectionKind::BodyTooLarge);
    }
    let mut charged = Charged {
        total: &inspector.receiving,
        bytes: 0,
    };
    let read = read_frames(body, &mut charged);
    let read = tokio::time::timeout(inspector.body_deadline, read);
    read.await.unwrap_or(Err(RejectionKind::BodyTimeout))
}

async fn read_frames(mut body: Body, charged: &mut Charged<'_>) -> Result<Bytes, RejectionKind> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| RejectionKind::BodyUnreadable)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > MOST_BODY_BYTES {
            return Err(RejectionKind::BodyTooLarge);
        }
        charged.add(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The part of the memory for all bodies that one body uses. It is given back when this is dropped.
struct Charged<'a> {
    total: &'a AtomicUsize,
    bytes: usize,
}

impl Charged<'_> {
    fn add(&mut self, bytes: usize) -> Result<(), RejectionKind> {
        self.bytes += bytes;
        match self.total.fetch_add(bytes, Ordering::Relaxed) + bytes {
            0..=MOST_RECEIVING_BYTES => Ok(()),
            _ => Err(RejectionKind::BudgetExhausted),
        }
    }
}

impl Drop for Charged<'_> {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(total: &AtomicUsize, body: impl Into<Body>) -> Result<Bytes, RejectionKind> {
        use futures_util::FutureExt;

        let mut charged = Charged { total, bytes: 0 };
        read_frames(body.into(), &mut charged)
            .now_or_never()
            .expect("a whole body")
    }

    #[test]
    fn a_path_names_a_sender_and_may_have_more() {
        for (path, name) in [
            ("/in/github", "github"),
            ("/in/github/", "github"),
            ("/in/any/%FF/..//x", "any"),
        ] {
            assert_eq!(addressed(path).as_deref(), Some(name));
        }
        for path in [
            "/",
            "/in",
            "/in/",
            "/in//github",
            "/in/nobody",
            "/x/in/github",
            "*",
        ] {
            assert_eq!(addressed(path), None, "{path}");
        }
    }

    #[test]
    fn a_body_may_have_8_mib_and_no_byte_more() {
        let total = AtomicUsize::new(0);
        assert_eq!(
            read(&total, vec![7; MOST_BODY_BYTES]).map(|body| body.len()),
            Ok(MOST_BODY_BYTES)
        );
        assert_eq!(
            read(&total, vec![7; MOST_BODY_BYTES + 1]),
            Err(RejectionKind::BodyTooLarge)
        );
        assert_eq!(total.load(Ordering::Relaxed), 0, "the memory is given back");
    }

    #[test]
    fn bodies_that_are_received_at_the_same_time_share_a_memory() {
        let total = AtomicUsize::new(MOST_RECEIVING_BYTES - 10);
        assert_eq!(read(&total, vec![7; 10]).map(|body| body.len()), Ok(10));
        assert_eq!(
            read(&total, vec![7; 11]),
            Err(RejectionKind::BudgetExhausted)
        );
        assert_eq!(total.load(Ordering::Relaxed), MOST_RECEIVING_BYTES - 10);
    }
}
