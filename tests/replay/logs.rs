//! What the guard writes to the log.
#![cfg(feature = "tracing")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use tower::{Layer, ServiceExt};
use tower_webhook_auth::replay::{Claimed, MemoryStore, ReplayGuardLayer, ReplayStore};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::LevelFilter;

use crate::support::{Scripted, by_body, delivery, github, guarded, handler, send};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of `deliveries` equal deliveries.
async fn logged<St: ReplayStore>(
    guard: ReplayGuardLayer<bytes::Bytes, St>,
    status: u16,
    deliveries: usize,
) -> String {
    logged_at(LevelFilter::INFO, guard, status, deliveries).await
}

/// The same for a subscriber that takes events up to this level.
async fn logged_at<St: ReplayStore>(
    level: LevelFilter,
    guard: ReplayGuardLayer<bytes::Bytes, St>,
    status: u16,
    deliveries: usize,
) -> String {
    crate::common_log::keep_the_events_of_each_thread();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(level)
        .with_writer(move || writer.clone())
        .finish();
    let (handler, _) = handler(move |_| status);
    let service = guarded(github(), guard, handler);
    async {
        let span = tracing::info_span!("request", webhook.duplicate = tracing::field::Empty);
        for _ in 0..deliveries {
            let call = send(&service, delivery("{}"));
            tracing::Instrument::instrument(call, span.clone()).await;
            tracing::info!(parent: &span, "end of the request");
        }
    }
    .with_subscriber(subscriber)
    .await;
    let log = log.0.lock().expect("no panic").clone();
    String::from_utf8(log).expect("text")
}

fn failing() -> Scripted {
    let fail = || "no route to the store".into();
    Scripted::granting()
        .claim(move || async move { Err(fail()) })
        .settle(move || async move { Err(fail()) })
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_with_its_cause() {
    let log = logged(by_body(failing()), 200, 1).await;
    assert!(log.contains("ERROR"), "{log}");
    assert!(log.contains("no route to the store"), "{log}");
    assert!(
        log.contains(r#"webhook.reason="replay_store_unavailable""#),
        "{log}"
    );
    assert!(log.contains(r#"webhook.provider="github""#), "{log}");
}

#[tokio::test]
async fn a_commit_and_a_release_that_fail_are_errors_with_their_cause() {
    for (status, expected) in [(200, "did not remember"), (500, "did not release")] {
        let store = Scripted {
            claim: Scripted::granting().claim,
            ..failing()
        };
        let log = logged(by_body(store), status, 1).await;
        assert!(log.contains(expected), "{log}");
        assert!(log.contains("no route to the store"), "{log}");
    }
}

#[tokio::test]
async fn a_subscriber_for_other_levels_gets_nothing_about_a_store_that_fails() {
    let fails_late = || Scripted {
        claim: Scripted::granting().claim,
        ..failing()
    };
    let log = logged_at(LevelFilter::ERROR, by_body(fails_late()), 200, 1).await;
    assert!(log.contains("did not remember"), "{log}");
    for guard in [by_body(fails_late()), by_body(failing())] {
        assert_eq!(logged_at(LevelFilter::OFF, guard, 200, 1).await, "");
    }
}

#[tokio::test]
async fn a_delivery_in_flight_is_a_warning() {
    let in_flight = || async { Ok(Claimed::InFlight(std::time::Duration::ZERO)) };
    let log = logged(by_body(Scripted::granting().claim(in_flight)), 200, 1).await;
    assert!(log.contains("WARN"), "{log}");
    assert!(
        log.contains(r#"webhook.reason="delivery_in_flight""#),
        "{log}"
    );
}

#[tokio::test]
async fn the_log_of_failures_is_limited() {
    let fails_late = Scripted {
        claim: Scripted::granting().claim,
        ..failing()
    };
    for store in [failing(), fails_late] {
        let log = logged(by_body(store), 200, 100).await;
        let lines = log.matches("no route to the store").count();
        assert!((32..40).contains(&lines), "{lines}");
    }
}

#[tokio::test]
async fn a_duplicate_is_a_field_of_the_span() {
    let log = logged(by_body(MemoryStore::new(1)), 200, 1).await;
    assert!(!log.contains("webhook.duplicate"), "{log}");
    let log = logged(by_body(MemoryStore::new(1)), 200, 2).await;
    assert!(log.contains("webhook.duplicate=true"), "{log}");
    let calling = by_body(MemoryStore::new(1)).call_with_duplicates();
    let log = logged(calling, 200, 2).await;
    assert!(log.contains("webhook.duplicate=true"), "{log}");
}

#[tokio::test]
async fn a_guard_in_the_wrong_place_is_an_error() {
    crate::common_log::keep_the_events_of_each_thread();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let (handler, _) = handler(|_| 200);
    let service = by_body(MemoryStore::new(1)).layer(handler);
    let call = service.oneshot(delivery("{}")).with_subscriber(subscriber);
    assert_eq!(call.await.expect("a response").status(), 500);
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
    assert!(log.contains("ERROR"), "{log}");
    assert!(log.contains("inside of WebhookAuthLayer"), "{log}");
}
