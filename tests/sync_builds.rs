//! Builds that never end. They occupy the places of the whole process, so this test has a process of its own.
#![cfg(feature = "sync")]

#[path = "sync/source.rs"]
#[allow(dead_code, reason = "this test uses a part of it")]
mod source;

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use tower_webhook_auth::sync::Kept;

use source::{Answer, Source, build, keep_with, schedule};

/// The clock is real here: the paused clock does not move while a blocking thread works.
#[tokio::test]
async fn a_build_that_never_ends_blocks_neither_other_values_nor_the_stop() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let (release, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let millisecond = Duration::from_millis(1);
    // More of them than may build at a time.
    let most_builds = std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4));
    let hanging: Vec<Kept<serde_json::Value>> = {
        (0..most_builds + 2)
            .map(|_| {
                let wait = Arc::clone(&wait);
                keep_with(&source, move |bytes: &Bytes| {
                    let released = wait
                        .lock()
                        .expect("no thread panicked with the lock")
                        .recv();
                    assert!(released.is_err(), "the test drops the sender");
                    build(bytes)
                })
                .schedule(schedule().deadline(20 * millisecond).retries(0))
                .start()
            })
            .collect()
    };
    let other = keep_with(&source, build)
        .schedule(
            schedule()
                .spacing(millisecond)
                .backoff(millisecond, millisecond),
        )
        .start();
    other.ready().await;
    for kept in &hanging {
        kept.stop().await;
        assert!(kept.current().is_none());
    }
    drop(release);
}
