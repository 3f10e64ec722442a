//! A gRPC status is in a header of a response with HTTP status 200.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use tower_webhook_auth::replay::{Claimed, MemoryStore};

use crate::support::{
    Answer, Scripted, by_body, delivery, github, guarded, handler, handler_of, is_duplicate, send,
};

fn call() -> Request<Full<Bytes>> {
    let mut request = delivery("\0\0\0\0\0");
    let grpc = "application/grpc+proto".parse().expect("a value");
    request.headers_mut().insert(CONTENT_TYPE, grpc);
    request
}

#[tokio::test]
async fn a_grpc_error_releases_the_delivery_and_a_grpc_success_does_not() {
    for (code, expected) in [("0", 1), ("14", 2)] {
        let calls = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let inner = handler_of(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut response = Answer::default();
            let code = code.parse().expect("a value");
            response.headers_mut().insert("grpc-status", code);
            async { Ok(response) }
        });
        let service = guarded(github(), by_body(MemoryStore::new(1)), inner);
        for _ in 0..2 {
            send(&service, call()).await;
        }
        assert_eq!(calls.load(Ordering::SeqCst), expected, "{code}");
    }
}

#[tokio::test]
async fn a_duplicate_already_exists_and_a_call_in_progress_is_unavailable() {
    for (claimed, status, duplicate) in [
        (Claimed::Done, "6", true),
        (Claimed::InFlight(std::time::Duration::ZERO), "14", false),
    ] {
        let store = Scripted::granting().claim(move || async move { Ok(claimed) });
        let (handler, _) = handler(|_| 200);
        let response = send(&guarded(github(), by_body(store), handler), call()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], status);
        assert_eq!(is_duplicate(&response), duplicate);
    }
}
