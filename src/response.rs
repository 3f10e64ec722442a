//! Response bodies, and the default responses to rejected requests.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
#[cfg(feature = "axum")]
use http::header::CONTENT_LENGTH;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::rejection::Rejection;

pin_project! {
    /// The body of a response: the body of the inner service, or the text of an error response.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Text { text: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    pub(crate) fn text(text: Bytes) -> Self {
        let text = Some(text).filter(|text| !text.is_empty());
        Self {
            kind: Kind::Text { text },
        }
    }
}

/// An empty body, for outer layers that make their own response, such as tower-http's timeout.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::text(Bytes::new())
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner { body } => body.poll_frame(context),
            KindProjection::Text { text } => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Text { text } => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

/// The same response with this text as its body.
#[cfg(feature = "axum")]
pub(crate) fn with_text<B>(response: Response<B>, text: String) -> Response<ResponseBody<B>> {
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    head.headers.insert(CONTENT_TYPE, plain);
    Response::from_parts(head, ResponseBody::text(text.into()))
}

/// The default response to a rejected request.
pub(crate) fn rejected(rejection: &Rejection, request: &HeaderMap) -> Response<Bytes> {
    if is_grpc(request) {
        grpc(rejection.status())
    } else {
        problem(rejection.status())
    }
}

/// A problem document of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) that contains only the
/// status. An untrusted client cannot distinguish a missing header, an unreadable header and a wrong key.
fn problem(status: StatusCode) -> Response<Bytes> {
    let text: &[u8] = match status {
        StatusCode::BAD_REQUEST => br#"{"title":"Bad Request","status":400}"#,
        StatusCode::REQUEST_TIMEOUT => br#"{"title":"Request Timeout","status":408}"#,
        StatusCode::PAYLOAD_TOO_LARGE => br#"{"title":"Content Too Large","status":413}"#,
        StatusCode::INTERNAL_SERVER_ERROR => br#"{"title":"Internal Server Error","status":500}"#,
        StatusCode::UNPROCESSABLE_ENTITY => br#"{"title":"Unprocessable Content","status":422}"#,
        StatusCode::SERVICE_UNAVAILABLE => br#"{"title":"Service Unavailable","status":503}"#,
        _ => br#"{"title":"Unauthorized","status":401}"#,
    };
    let mut response = Response::new(Bytes::from_static(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match status {
        // RFC 9110 section 15.5.2 requires a challenge in a 401. None is registered for webhooks.
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// Whether the request is gRPC: `application/grpc`, with or without a format after it. gRPC-Web is
/// another protocol.
fn is_grpc(request: &HeaderMap) -> bool {
    request
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]))
}

/// A gRPC client reads its status from a header of a response with HTTP status 200
/// ([Trailers-Only](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses)).
fn grpc(status: StatusCode) -> Response<Bytes> {
    let (code, message) = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ("3", "invalid argument"),
        StatusCode::REQUEST_TIMEOUT => ("4", "deadline exceeded"),
        StatusCode::PAYLOAD_TOO_LARGE => ("8", "resource exhausted"),
        StatusCode::INTERNAL_SERVER_ERROR => ("13", "internal error"),
        StatusCode::SERVICE_UNAVAILABLE => ("14", "unavailable"),
        _ => ("16", "unauthenticated"),
    };
    trailers_only(code, message)
}

/// The response to a delivery that was processed before.
#[cfg(feature = "replay")]
pub(crate) fn already_done(request: &HeaderMap) -> Response<Bytes> {
    if is_grpc(request) {
        // A successful gRPC response needs a message, and only the handler can make it.
        trailers_only("6", "already exists")
    } else {
        Response::new(Bytes::new())
    }
}

fn trailers_only(code: &'static str, message: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static(code),
    );
    headers.insert(
        HeaderName::from_static("grpc-message"),
        HeaderValue::from_static(message),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [(u16, &str, &str); 7] = [
        (400, "Bad Request", "3"),
        (401, "Unauthorized", "16"),
        (408, "Request Timeout", "4"),
        (413, "Content Too Large", "8"),
        (422, "Unprocessable Content", "3"),
        (500, "Internal Server Error", "13"),
        (503, "Service Unavailable", "14"),
    ];

    /// The titles are those of RFC 9110, and the codes are those of
    /// <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>.
    #[test]
    fn each_status_has_its_own_problem_document_and_grpc_code() {
        for (status, title, code) in STATUSES {
            let status = StatusCode::from_u16(status).expect("a status");
            let response = problem(status);
            assert_eq!(response.status(), status);
            let expected = format!("{{\"title\":\"{title}\",\"status\":{}}}", status.as_u16());
            assert_eq!(response.body(), expected.as_bytes());

            let response = grpc(status);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["grpc-status"], code, "{status}");
        }
    }

    #[test]
    fn the_end_of_a_body_is_known_before_it_is_polled() {
        use http_body_util::Full;
        type TestBody = ResponseBody<Full<Bytes>>;

        assert!(ResponseBody::inner(Full::<Bytes>::default()).is_end_stream());
        assert!(!ResponseBody::inner(Full::<Bytes>::from("text")).is_end_stream());
        let mut text = TestBody::text("text".into());
        assert!(!text.is_end_stream());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut text).poll_frame(&mut context).is_ready());
        assert!(text.is_end_stream());
    }
}
