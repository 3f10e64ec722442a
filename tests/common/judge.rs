//! Sends one request through a layer, and returns the event or the rejection.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Provider, Rejection, RejectionKind, Verified, WebhookAuthLayer, tenants::KeySource,
};

/// The time in all tests that do not set another one.
pub const NOW: u64 = 1_700_000_000;

pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A POST with these headers, in this order.
pub fn post(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::post("/hook");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("a request")
}

/// The event that the handler receives at [`NOW`], or the reason why it is not called.
pub fn judge<E: Send + Sync + 'static>(
    provider: &Provider<E>,
    request: Request<Full<Bytes>>,
) -> Result<Verified<E>, RejectionKind> {
    let layer = WebhookAuthLayer::new(provider.clone()).clock(|| at(NOW));
    through(&layer, request).map_err(|rejection| rejection.kind())
}

pub fn through<E: Send + Sync + 'static>(
    layer: &WebhookAuthLayer<E>,
    request: Request<Full<Bytes>>,
) -> Result<Verified<E>, Rejection> {
    through_any(layer, request)
}

/// The same for a layer with any key source.
pub fn through_any<E: Send + Sync + 'static, K: KeySource>(
    layer: &WebhookAuthLayer<E, K>,
    request: Request<Full<Bytes>>,
) -> Result<Verified<E>, Rejection> {
    let inner = service_fn(|request: Request<Full<Bytes>>| async move {
        let (head, body) = request.into_parts();
        let mut response = Response::new(body);
        *response.extensions_mut() = head.extensions;
        Ok::<_, Infallible>(response)
    });
    let Ok(mut response) = futures_executor::block_on(layer.layer(inner).oneshot(request));
    match response.extensions_mut().remove::<Verified<E>>() {
        Some(verified) => Ok(verified),
        None => {
            let rejection = response.extensions_mut().remove::<Rejection>();
            Err(rejection.expect("a response to a rejected request holds its reason"))
        }
    }
}

/// How often the service is polled for a request in one frame, and the status of the response. One poll hashes at
/// most 256 KiB, over all hash states together.
pub fn polls<E: Send + Sync + 'static>(
    provider: &Provider<E>,
    request: Request<Full<Bytes>>,
) -> (usize, StatusCode) {
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let layer = WebhookAuthLayer::new(provider.clone()).clock(|| at(NOW));
    let service = layer.max_body_bytes(2 << 20).layer(inner);
    let mut future = pin!(service.oneshot(request));
    let mut context = Context::from_waker(Waker::noop());
    for polls in 1..1000 {
        if let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) {
            return (polls, response.status());
        }
    }
    panic!("no response after 1000 polls")
}
