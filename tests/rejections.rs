//! What a rejection tells the owner.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Piece, Provider, Rejection, RejectionDetail, Secret, SignatureScheme, Timestamp, TimestampUnit,
    WebhookAuthLayer,
};

const NOW: u64 = 1_700_000_000;

/// The rejection of a delivery that carries this timestamp, at 1,700,000,000 seconds after 1970.
fn rejection(timestamp: Timestamp, written: &str) -> Option<Rejection> {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build()
        .expect("a scheme");
    let secret = Secret::new("wJ4mX9").expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let service = WebhookAuthLayer::new(provider)
        .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let request = Request::post("/")
        .header("x-time", written)
        .header("x-signature", "0".repeat(64))
        .body(Full::<Bytes>::from("{}"))
        .expect("a request");
    let response = futures_executor::block_on(service.oneshot(request)).expect("infallible");
    response.extensions().get::<Rejection>().cloned()
}

fn seconds() -> Timestamp {
    Timestamp::header("x-time")
}

#[test]
fn a_timestamp_outside_the_tolerance_is_reported_with_both_durations() {
    for (timestamp, written, expected) in [
        (
            seconds(),
            "1699999580",
            "timestamp is too old: x-time: 420 s from now, tolerated 300 s",
        ),
        (
            seconds().tolerance(Duration::from_millis(1_500)),
            "1700000002",
            "timestamp is in the future: x-time: 2 s from now, tolerated 1.5 s",
        ),
        (
            seconds().milliseconds(),
            "1699999699999",
            "timestamp is too old: x-time: 300.001 s from now, tolerated 300 s",
        ),
        (
            seconds().rfc3339(),
            "2023-11-14T22:23:21Z",
            "timestamp is in the future: x-time: 601 s from now, tolerated 300 s",
        ),
    ] {
        let rejection = rejection(timestamp, written).expect(written);
        assert_eq!(rejection.to_string(), expected);
        let Some(RejectionDetail::Timestamp { looks_like, .. }) = rejection.detail() else {
            panic!("no detail: {rejection:?}");
        };
        assert_eq!(looks_like, None, "{written}");
    }
}

#[test]
fn a_timestamp_in_another_unit_is_recognised() {
    for (timestamp, written, unit) in [
        (
            seconds(),
            "1700000000000",
            Some(TimestampUnit::Milliseconds),
        ),
        (
            seconds(),
            "1699913600000",
            Some(TimestampUnit::Milliseconds),
        ),
        (seconds(), "1699913599000", None),
        (seconds(), "1800000000000", None),
        (
            seconds().milliseconds(),
            "1700000000",
            Some(TimestampUnit::Seconds),
        ),
        (seconds().milliseconds(), "1600000000", None),
    ] {
        let rejection = rejection(timestamp, written).expect(written);
        let Some(RejectionDetail::Timestamp { looks_like, .. }) = rejection.detail() else {
            panic!("no detail: {rejection:?}");
        };
        assert_eq!(looks_like, unit, "{written}");
        // Not the number itself: the sender chose it.
        assert!(!rejection.to_string().contains(written), "{rejection}");
        assert_eq!(rejection.to_string().contains("looks like"), unit.is_some());
    }
}

#[test]
fn a_timestamp_that_cannot_be_compared_has_no_detail_and_is_no_panic() {
    for written in ["", "9999999999999999999", "18446744073709551615"] {
        let rejection = rejection(seconds(), written).expect(written);
        assert!(!rejection.to_string().contains("looks like"), "{rejection}");
    }
    assert_eq!(
        rejection(seconds(), "soon").expect("malformed").detail(),
        None
    );
}
