//! A kept value with a source that misbehaves, and with tokio's clock paused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, sleep};
use tower_webhook_auth::{
    BoxError,
    sync::{Document, Event, Fetched, FileStore, Kept, Made, State, Store, Validators, respond},
};

use super::source::{Answer, SECOND, Source, build, document, keep, keep_with, schedule};

async fn started(source: &Source) -> Kept<serde_json::Value> {
    let kept = keep(source).start();
    sleep(5 * SECOND).await;
    kept
}

fn have(kept: &Kept<serde_json::Value>) -> Option<u64> {
    kept.current().map(|snapshot| *snapshot.version())
}

// The value.

#[tokio::test(start_paused = true)]
async fn a_request_brings_the_new_value_and_readers_of_the_old_one_keep_it() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).start();
    assert!(kept.current().is_none());
    assert_eq!(kept.status().state, State::NotReady);
    kept.ready().await;
    let old = kept.current().expect("it is ready");
    assert_eq!(kept.status().state, State::Ready);

    source.answers_with([Answer::Revision(13, "on")]);
    assert!(kept.request(13));
    kept.reached(&13).await;
    assert_eq!(kept.current().expect("ready")["flag"], "on");
    assert_eq!(old["flag"], "off");
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_the_source_replaces_a_good_value_and_each_is_retried() {
    let faults = [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Status(204),
        Answer::Body(Bytes::new()),
        Answer::Body(Bytes::from_static(b"<html>")),
        Answer::Body(Bytes::from_static(b"{}")),
        Answer::Body(Bytes::from_static(b"\xff\xfe")),
        Answer::Incomplete,
        Answer::Endless,
        Answer::Hangs,
        Answer::RetryAfter(7),
    ];
    for fault in faults {
        let source = Source::new([Answer::Revision(12, "off")]);
        let kept = started(&source).await;
        source.answers_with([fault.clone(), Answer::Revision(13, "on")]);
        kept.request(13);
        sleep(SECOND / 2).await;
        assert_eq!(have(&kept), Some(12), "{fault:?}");
        sleep(30 * SECOND).await;
        assert_eq!(have(&kept), Some(13), "{fault:?}");
        assert_eq!(kept.status().failures, 0, "{fault:?}");
        assert_eq!(source.request_count(), 3, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_panics_replaces_nothing() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep_with(&source, |bytes: &Bytes| {
        let made = build(bytes)?;
        assert!(
            !bytes.ends_with(b"\"revision\":14}"),
            "a document that breaks the build"
        );
        Ok(made)
    })
    .start();
    kept.ready().await;
    source.answers_with([Answer::Revision(14, "x"), Answer::Revision(15, "y")]);
    kept.request(14);
    sleep(SECOND / 2).await;
    assert_eq!(have(&kept), Some(12));
    sleep(10 * SECOND).await;
    assert_eq!(have(&kept), Some(15));
}

#[tokio::test(start_paused = true)]
async fn an_older_version_does_not_replace_a_newer_one() {
    let source = Source::new([Answer::Revision(20, "on")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Revision(3, "off")]);
    sleep(301 * SECOND).await;
    assert_eq!(have(&kept), Some(20));
    assert_eq!(kept.status().older, Some(3));
    assert_eq!(kept.status().state, State::Ready);
    // The source no longer confirms the current version, so after some time it is stale.
    sleep(900 * SECOND).await;
    assert_eq!(have(&kept), Some(20));
    assert_eq!(kept.status().state, State::Stale);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_set_back_is_believed_after_an_hour_or_on_request() {
    let source = Source::new([Answer::Revision(20, "on")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Revision(3, "off")]);
    sleep(3500 * SECOND).await;
    assert_eq!(have(&kept), Some(20));
    sleep(700 * SECOND).await;
    assert_eq!(have(&kept), Some(3));
    assert_eq!(kept.status().state, State::Ready);
    assert_eq!(kept.status().older, None);

    source.answers_with([Answer::Revision(2, "on")]);
    kept.accept_older_once();
    sleep(2 * SECOND).await;
    assert_eq!(have(&kept), Some(2));
    // Only once.
    source.answers_with([Answer::Revision(1, "off")]);
    sleep(400 * SECOND).await;
    assert_eq!(have(&kept), Some(2));
}

/// The hour is measured for one version. If the source goes back to another version, the hour begins again.
#[tokio::test(start_paused = true)]
async fn each_older_version_must_stay_for_an_hour() {
    let source = Source::new([Answer::Revision(20, "on")]);
    let kept = started(&source).await;
    for revision in [3, 4] {
        source.answers_with([Answer::Revision(revision, "off")]);
        sleep(3000 * SECOND).await;
        assert_eq!(have(&kept), Some(20), "{revision}");
    }
    sleep(1200 * SECOND).await;
    assert_eq!(have(&kept), Some(4));
}

/// The nodes of a CDN disagree. The older version is interrupted by the current one, and is never accepted.
#[tokio::test(start_paused = true)]
async fn nodes_that_disagree_do_not_set_the_value_back() {
    let source = Source::new([Answer::Revision(20, "on")]);
    let kept = started(&source).await;
    for _ in 0..20 {
        source.answers_with([Answer::Revision(19, "off")]);
        sleep(600 * SECOND).await;
        assert_eq!(have(&kept), Some(20));
        source.answers_with([Answer::Revision(20, "on")]);
        sleep(600 * SECOND).await;
    }
}

// Requests.

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_cost_two_downloads_and_replays_cost_none() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Revision(1000, "on")]);
    let news = (13..=1000)
        .filter(|revision| kept.request(*revision))
        .count();
    assert_eq!(news, 988);
    sleep(100 * SECOND).await;
    assert_eq!(have(&kept), Some(1000));
    assert_eq!(source.request_count(), 2);
    for revision in 0..=1000 {
        assert!(!kept.request(revision));
    }
    sleep(100 * SECOND).await;
    assert_eq!(source.request_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_the_current_run_tries_for_is_not_news() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    assert!(kept.request(13));
    sleep(SECOND).await;
    assert_eq!(kept.status().wanted, Some(13));
    assert!(!kept.request(13));
    assert!(kept.request(14));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_never_comes_is_given_up_and_hides_no_other() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    kept.request(99_999);
    sleep(60 * SECOND).await;
    source.answers_with([Answer::Revision(13, "on")]);
    sleep(6 * SECOND).await;
    assert_eq!(have(&kept), Some(13));
    sleep(300 * SECOND).await;
    let status = kept.status();
    assert_eq!(
        (status.given_up, status.state),
        (Some(99_999), State::Stale)
    );
    // The next poll succeeds.
    sleep(301 * SECOND).await;
    let status = kept.status();
    assert_eq!((status.given_up, status.state), (None, State::Ready));
}

/// It saves nothing, and never says so.
struct HangingStore;

impl Store for HangingStore {
    async fn load(&self) -> Result<Option<Document>, BoxError> {
        Ok(None)
    }

    async fn save(&self, _: &Document) -> Result<(), BoxError> {
        std::future::pending().await
    }
}

struct SilentStore;

impl Store for SilentStore {
    async fn load(&self) -> Result<Option<Document>, BoxError> {
        std::future::pending().await
    }

    async fn save(&self, _: &Document) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_does_not_keep_the_value_out() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(SilentStore).start();
    sleep(30 * SECOND).await;
    assert_eq!(have(&kept), Some(12));
    // The value was saved, so the failure is over.
    assert_eq!(kept.status().store_failure, None);
    assert_eq!(source.request_count(), 1);
}

/// The value is replaced before it is saved, and the run ends at its deadline.
#[tokio::test(start_paused = true)]
async fn a_version_that_is_there_is_not_wanted_although_its_run_failed() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(HangingStore).start();
    kept.reached(&12).await;
    source.answers_with([Answer::Revision(13, "on")]);
    assert!(kept.request(13));
    kept.reached(&13).await;
    sleep(10 * SECOND + SECOND / 2).await;
    let status = kept.status();
    assert_eq!((status.failures, status.have), (1, Some(13)));
    assert_eq!(status.wanted, None);
}

#[tokio::test(start_paused = true)]
async fn after_an_interruption_the_source_is_asked_once_within_the_time() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Revision(13, "on")]);
    kept.look_within(5 * SECOND);
    sleep(6 * SECOND).await;
    assert_eq!(have(&kept), Some(13));
    sleep(100 * SECOND).await;
    assert_eq!(source.request_count(), 2);
}

/// VWO's server has the new settings two seconds after its own webhook.
#[tokio::test(start_paused = true)]
async fn after_a_notice_without_a_version_the_source_is_asked_until_the_content_differs() {
    let source = Source::new([Answer::Bare(7, "old")]);
    let kept = keep_with(&source, |bytes: &Bytes| Ok(Made::new((), bytes.clone())))
        .schedule(schedule().look_again([2, 5, 10, 30].map(Duration::from_secs)))
        .start();
    sleep(5 * SECOND).await;

    let begin = Instant::now();
    kept.request_change();
    sleep(3 * SECOND / 2).await;
    source.answers_with([Answer::Bare(8, "new")]);
    kept.subscribe()
        .wait_for(|now| now.as_ref().is_some_and(|now| now.change() == 2))
        .await
        .expect("kept");
    assert_eq!(begin.elapsed().as_secs(), 2);
    sleep(100 * SECOND).await;
    assert_eq!(source.request_count(), 3, "the change is there");

    // A notice without a change costs five requests, and the state stays ready.
    kept.request_change();
    sleep(100 * SECOND).await;
    assert_eq!(source.request_count(), 3 + 5);
    assert_eq!(kept.status().state, State::Ready);
    // A notice during the waits starts them from the beginning.
    kept.request_change();
    sleep(46 * SECOND).await;
    kept.request_change();
    sleep(3 * SECOND / 2).await;
    source.answers_with([Answer::Bare(9, "newer")]);
    sleep(SECOND).await;
    assert_eq!(kept.status().change, 3);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_download_is_cut_by_a_greater_request_and_by_its_deadline() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Hangs, Answer::Revision(14, "on")]);
    let begin = Instant::now();
    kept.request(13);
    sleep(SECOND).await;
    kept.request(14);
    kept.reached(&14).await;
    assert_eq!(begin.elapsed().as_secs(), 4);

    sleep(2 * SECOND).await;
    source.answers_with([Answer::Hangs, Answer::Revision(15, "off")]);
    kept.request(15);
    let begin = Instant::now();
    kept.reached(&15).await;
    assert_eq!(begin.elapsed().as_secs(), 11);
}

/// Optimizely says that its CDN may be some minutes behind.
#[tokio::test(start_paused = true)]
async fn a_cdn_that_lags_2_12_or_120_seconds_is_asked_until_it_has_the_revision() {
    for (lag, latest, most_requests) in [(2, 2.2, 3), (12, 2.2, 8), (120, 5.2, 45)] {
        let source = Source::new([Answer::Revision(12, "off")]);
        let kept = started(&source).await;
        let (before, begin) = (source.request_count(), Instant::now());
        assert!(kept.request(13));
        sleep(lag * SECOND - SECOND / 10).await;
        let status = kept.status();
        assert_eq!((status.have, status.wanted), (Some(12), Some(13)));
        // A lag is not a failure.
        assert_eq!((status.failures, status.state), (0, State::Ready));
        sleep(SECOND / 10).await;
        source.answers_with([Answer::Revision(13, "on")]);
        kept.reached(&13).await;
        let late = (begin.elapsed() - lag * SECOND).as_secs_f64();
        assert!(late <= latest, "{lag}: {late}");
        let requests = source.requests().split_off(before);
        let conditional = |headers: &HeaderMap| headers.contains_key(header::IF_NONE_MATCH);
        assert!(requests.iter().all(conditional), "{lag}: {requests:?}");
        assert!(requests.len() <= most_requests, "{lag}: {}", requests.len());
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_delays_the_next_download() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    source.answers_with([Answer::RetryAfter(120), Answer::Revision(14, "on")]);
    let begin = Instant::now();
    kept.request(13);
    sleep(SECOND).await;
    kept.request(14);
    kept.reached(&14).await;
    assert_eq!(begin.elapsed().as_secs(), 120);
}

// Subscribers.

#[tokio::test(start_paused = true)]
async fn a_new_revision_alone_is_no_change_but_is_served() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    let (mut values, statuses) = (kept.subscribe(), kept.subscribe_status());
    values.mark_unchanged();
    source.answers_with([Answer::Revision(13, "off")]);
    kept.request(13);
    kept.reached(&13).await;
    assert!(!values.has_changed().expect("kept"));
    assert_eq!(*values.borrow().as_ref().expect("one").version(), 13);
    assert_eq!(
        &kept.current().expect("one").document().bytes,
        &document(13, "off")
    );
    assert!(statuses.has_changed().expect("kept"));

    source.answers_with([Answer::Revision(14, "on")]);
    kept.request(14);
    values.changed().await.expect("kept");
    assert_eq!(values.borrow().as_ref().expect("one")["flag"], "on");
}

#[tokio::test(start_paused = true)]
async fn the_events_are_those_of_openfeature() {
    let source = Source::new([Answer::Status(500)]);
    let kept = keep(&source).start();
    let mut statuses = kept.subscribe_status();
    let mut before = kept.status();
    let mut events = Vec::new();
    let mut seen = async |until: State, change: u64| {
        let now = statuses
            .wait_for(|status| status.state == until && status.change == change)
            .await
            .expect("kept")
            .clone();
        events.extend(now.events_since(&before));
        before = now;
    };
    seen(State::Failed, 0).await;
    source.answers_with([Answer::Revision(12, "off")]);
    seen(State::Ready, 1).await;
    source.answers_with([Answer::Revision(13, "on")]);
    kept.request(13);
    seen(State::Ready, 2).await;
    source.answers_with([Answer::Status(500)]);
    seen(State::Stale, 2).await;
    source.answers_with([Answer::Revision(13, "on")]);
    seen(State::Ready, 2).await;
    assert_eq!(
        events,
        [
            Event::Failed,
            Event::Ready,
            Event::Changed,
            Event::Stale,
            Event::Ready
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_becomes_stale_when_the_source_is_silent_and_stays_available() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    source.answers_with([Answer::Status(503)]);
    sleep(890 * SECOND).await;
    assert_eq!(kept.status().state, State::Ready);
    sleep(20 * SECOND).await;
    // The state is computed when it is asked for. No run had to end.
    assert_eq!(kept.status().state, State::Stale);
    assert_eq!(have(&kept), Some(12));
    let failure = kept.status().last_failure.expect("a failure");
    assert!(failure.contains("503"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn the_time_until_a_value_is_stale_can_be_set_and_switched_off() {
    for (time, state) in [
        (Some(20 * SECOND), State::Stale),
        (Some(400 * SECOND), State::Ready),
        (None, State::Ready),
    ] {
        let source = Source::new([Answer::Revision(12, "off")]);
        let kept = keep(&source).stale_after(time).start();
        kept.ready().await;
        source.answers_with([Answer::Status(503)]);
        sleep(30 * SECOND).await;
        assert_eq!(kept.status().state, state, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_until_an_older_version_is_believed_can_be_set_and_switched_off() {
    for (time, have_then) in [(Some(600 * SECOND), 3), (None, 20)] {
        let source = Source::new([Answer::Revision(20, "on")]);
        let kept = keep(&source).accept_older_after(time).start();
        kept.ready().await;
        source.answers_with([Answer::Revision(3, "off")]);
        // It is polled every 300 seconds.
        sleep(650 * SECOND).await;
        assert_eq!(have(&kept), Some(20), "{time:?}");
        sleep(10_000 * SECOND).await;
        assert_eq!(have(&kept), Some(have_then), "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_keeps_the_value_and_asks_within_the_time() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    let clone = kept.clone();
    drop(kept);
    source.answers_with([Answer::Revision(13, "on")]);
    clone.look_within(10 * SECOND);
    sleep(11 * SECOND).await;
    assert_eq!(have(&clone), Some(13));
    assert_eq!(source.request_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_the_run_before_has_brought_is_not_asked_for_again() {
    let source = Source::new([Answer::Slow(SECOND, 12, "off")]);
    let kept = keep(&source).start();
    sleep(SECOND / 2).await;
    // The current run is for any version.
    assert!(kept.request(12));
    sleep(60 * SECOND).await;
    assert_eq!(have(&kept), Some(12));
    assert_eq!(source.request_count(), 1);
    assert_eq!(kept.status().state, State::Ready);
}

/// A source that says "not modified" to a client without a document.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_ready_is_no_event() {
    let source = Source::new([Answer::Status(500), Answer::Status(304)]);
    let kept = keep(&source).start();
    let before = kept.status();
    let mut statuses = kept.subscribe_status();
    let failed = statuses.wait_for(|status| status.state == State::Failed);
    let failed = failed.await.expect("kept").clone();
    let events: Vec<Event> = failed.events_since(&before).collect();
    assert_eq!(events, [Event::Failed]);
    let now = statuses.wait_for(|status| status.state == State::NotReady);
    let now = now.await.expect("kept").clone();
    assert_eq!(now.events_since(&failed).next(), None);
    assert!(kept.current().is_none());
}

// Downloads.

#[tokio::test]
async fn a_document_may_have_16_mib() {
    const LARGEST: usize = 16 << 20;
    for (length, is_allowed) in [(LARGEST, true), (LARGEST + 1, false)] {
        let source = Source::new([Answer::Body(vec![b' '; length].into())]);
        let fetched = source.download().fetch(Validators::default()).await;
        assert_eq!(fetched.is_ok(), is_allowed, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn downloads_are_conditional_and_the_same_bytes_are_built_once() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = started(&source).await;
    sleep(301 * SECOND).await;
    let requests = source.requests();
    assert!(!requests[0].contains_key(header::IF_NONE_MATCH));
    assert_eq!(requests[1][header::IF_NONE_MATCH], "\"12-off\"");
    assert_eq!(kept.status().downloads, 1);

    let builds = Arc::new(AtomicUsize::new(0));
    let (source, count) = (Source::new([Answer::Bare(12, "off")]), Arc::clone(&builds));
    let kept = keep_with(&source, move |bytes: &Bytes| {
        count.fetch_add(1, Ordering::Relaxed);
        build(bytes)
    })
    .schedule(schedule())
    .start();
    sleep(3000 * SECOND).await;
    assert!(kept.status().downloads >= 9);
    assert_eq!(builds.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn the_validators_of_a_rejected_document_are_not_kept() {
    let source = Source::new([Answer::Revision(20, "on")]);
    let _kept = started(&source).await;
    source.answers_with([Answer::Revision(3, "off"), Answer::Revision(20, "on")]);
    sleep(700 * SECOND).await;
    let requests = source.requests();
    assert_eq!(requests[2][header::IF_NONE_MATCH], "\"20-on\"");
}

#[tokio::test]
async fn a_download_sends_its_headers_and_takes_no_document_over_its_limit() {
    let source = Source::new([Answer::Revision(12, "off")]);
    let mut headers = HeaderMap::new();
    let token = "Bearer wJ4mX9".parse().expect("a value");
    headers.insert(header::AUTHORIZATION, token);
    let size = document(12, "off").len();
    let download = source.download().headers(headers).max_bytes(size);
    let fetched = download.clone().fetch(Validators::default()).await;
    let Fetched::New(fetched) = fetched.expect("a document of this size") else {
        panic!("the document was not known before");
    };
    assert_eq!(fetched.bytes, document(12, "off"));
    assert_eq!(source.requests()[0][header::AUTHORIZATION], "Bearer wJ4mX9");

    let error = download.max_bytes(size - 1).fetch(Validators::default());
    let error = error.await.expect_err("one byte too many");
    assert_eq!(error.cause().to_string(), "length limit exceeded");
}

// The store.

fn file() -> (tempfile::TempDir, FileStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path().join("datafile"));
    (folder, store)
}

#[tokio::test(start_paused = true)]
async fn a_restart_with_the_source_down_serves_the_last_good_value_as_stale() {
    for down in [
        Answer::Status(500),
        Answer::Hangs,
        Answer::Body(Bytes::from_static(b"oops")),
    ] {
        let (_folder, store) = file();
        let source = Source::new([Answer::Revision(12, "off")]);
        let kept = keep(&source).store(store.clone()).start();
        kept.reached(&12).await;
        source.answers_with([Answer::Revision(13, "on")]);
        kept.request(13);
        sleep(5 * SECOND).await;
        kept.stop().await;
        drop(kept);

        source.answers_with([down]);
        let begin = Instant::now();
        let kept = keep(&source).store(store.clone()).start();
        kept.ready().await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert_eq!(have(&kept), Some(13));
        assert_eq!(kept.status().state, State::Stale);
        sleep(5 * SECOND).await;
        assert_eq!(kept.status().state, State::Stale);

        // A 304 confirms it: no download and no change.
        source.answers_with([Answer::Revision(13, "on")]);
        sleep(70 * SECOND).await;
        assert_eq!(kept.status().state, State::Ready);
        let last = source.requests().pop().expect("requests");
        assert_eq!(last[header::IF_NONE_MATCH], "\"13-on\"");
        assert_eq!(kept.status().change, 1);
    }
}

/// The names of files on Unix are bytes.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_file_with_a_name_that_is_not_utf_8_stores_the_value() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path().join(OsStr::from_bytes(b"datafile-\xff")));
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(store.clone()).start();
    kept.reached(&12).await;
    kept.stop().await;
    assert_eq!(kept.status().store_failure, None);
    let stored = store.load().await.expect("a file").expect("a document");
    assert_eq!(stored.bytes, document(12, "off"));
}

#[tokio::test(start_paused = true)]
async fn a_version_older_than_the_stored_one_is_not_accepted() {
    let (_folder, store) = file();
    let source = Source::new([Answer::Revision(20, "on")]);
    let kept = keep(&source).store(store.clone()).start();
    kept.reached(&20).await;
    sleep(SECOND).await;
    drop(kept);
    source.answers_with([Answer::Revision(19, "off")]);
    let kept = keep(&source).store(store).start();
    sleep(100 * SECOND).await;
    assert_eq!(have(&kept), Some(20));
    assert_eq!(kept.status().older, Some(19));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_cut_or_changed_is_not_loaded_and_stops_nothing() {
    let good = {
        let (folder, store) = file();
        store
            .save(&Document::new(document(12, "off")))
            .await
            .expect("saved");
        std::fs::read(folder.path().join("datafile")).expect("a file")
    };
    let mut bad = vec![vec![], b"\n".to_vec(), b"{}\n".to_vec(), vec![0xff; 1000]];
    bad.extend((0..good.len()).map(|length| good[..length].to_vec()));
    bad.extend((0..good.len()).map(|at| {
        let mut changed = good.clone();
        changed[at] ^= 1;
        changed
    }));
    let (folder, store) = file();
    let path = folder.path().join("datafile");
    std::fs::write(&path, &good).expect("written");
    assert_eq!(
        store.load().await.expect("good").expect("one").bytes,
        document(12, "off")
    );
    for bytes in bad {
        std::fs::write(&path, &bytes).expect("written");
        match store.load().await {
            Err(_) => {}
            // Some changes of the first line have no effect, such as the case of a field that is ignored.
            Ok(document_) => assert_eq!(document_.expect("one").bytes, document(12, "off")),
        }
    }
    // The failure is in the status, and the value is downloaded.
    std::fs::write(&path, b"not a document").expect("written");
    let source = Source::new([Answer::Revision(13, "on")]);
    let kept = keep(&source).store(store.clone()).start();
    kept.ready().await;
    sleep(SECOND).await;
    assert_eq!(have(&kept), Some(13));
    assert_eq!(
        store.load().await.expect("mended").expect("one").bytes,
        document(13, "on")
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_written_is_reported_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path().join("no-such-folder/datafile"));
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(store).start();
    sleep(5 * SECOND).await;
    assert_eq!(have(&kept), Some(12));
    assert_eq!(kept.status().state, State::Ready);
    assert!(kept.status().store_failure.is_some());
    assert_eq!(kept.status().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_save_is_repeated_after_the_next_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path().join("later/datafile"));
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(store.clone()).start();
    sleep(5 * SECOND).await;
    assert!(kept.status().store_failure.is_some());
    std::fs::create_dir(folder.path().join("later")).expect("a folder");
    sleep(301 * SECOND).await;
    assert_eq!(kept.status().store_failure, None);
    assert_eq!(kept.status().downloads, 1);
    assert_eq!(
        store.load().await.expect("good").expect("one").bytes,
        document(12, "off")
    );
}

#[tokio::test]
async fn saves_leave_no_other_file_and_the_last_save_wins() {
    let (folder, store) = file();
    let saves = (0..100).map(|revision| {
        let store = store.clone();
        async move { store.save(&Document::new(document(revision, "x"))).await }
    });
    let saved = futures_util::future::join_all(saves).await;
    assert!(saved.into_iter().all(|saved| saved.is_ok()));
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1
    );
    assert_eq!(
        store.load().await.expect("good").expect("one").bytes,
        document(99, "x")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let about = std::fs::metadata(folder.path().join("datafile")).expect("a file");
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
}

// The stop.

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_current_download_and_stores_it() {
    let (_folder, store) = file();
    let source = Source::new([Answer::Revision(12, "off")]);
    let kept = keep(&source).store(store.clone()).start();
    sleep(5 * SECOND).await;
    source.answers_with([Answer::Slow(3 * SECOND, 13, "on")]);
    kept.request(13);
    sleep(SECOND).await;
    let begin = Instant::now();
    kept.stop().await;
    assert_eq!(begin.elapsed().as_secs(), 2);
    assert_eq!(have(&kept), Some(13));
    assert_eq!(
        store.load().await.expect("good").expect("one").bytes,
        document(13, "on")
    );
    sleep(1000 * SECOND).await;
    assert_eq!(source.request_count(), 2);
}

// Serving the document.

#[test]
fn a_conditional_get_gets_the_response_that_rfc_9110_defines() -> Result<(), BoxError> {
    let mut validators = Validators::default();
    validators.last_modified = Some("Sat, 18 May 2019 00:11:33 GMT".parse()?);
    let document = Document::new("{}").with_validators(validators);
    let ask = |headers: &[(http::HeaderName, &str)]| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().expect("a value"));
        }
        respond(&map, &document, "application/json")
    };
    let plain = ask(&[]);
    assert_eq!(plain.status(), StatusCode::OK);
    let etag = plain.headers()[header::ETAG].to_str()?.to_owned();
    // Half of a SHA-256, in quotes: that of `{}` begins with `44136fa3`.
    assert_eq!(etag, "\"44136fa355b3678a1146ad16f7e8649e\"");
    let none_match = header::IF_NONE_MATCH;
    let since = header::IF_MODIFIED_SINCE;
    let date = "Sat, 18 May 2019 00:11:33 GMT";
    for (headers, status) in [
        (vec![(none_match.clone(), etag.as_str())], 304),
        (vec![(none_match.clone(), "*")], 304),
        (vec![(none_match.clone(), &format!("W/{etag}"))], 304),
        (
            vec![(none_match.clone(), &format!("\"a\", W/\"b\" ,{etag}"))],
            304,
        ),
        (
            vec![(none_match.clone(), "\"a\""), (none_match.clone(), &etag)],
            304,
        ),
        (vec![(none_match.clone(), "\"a\"")], 200),
        (
            vec![(none_match.clone(), "\"a\""), (since.clone(), date)],
            200,
        ),
        (vec![(since.clone(), date)], 304),
        (vec![(since.clone(), "Sat, 18 May 2019 00:11:34 GMT")], 200),
    ] {
        let response = ask(&headers);
        assert_eq!(response.status().as_u16(), status, "{headers:?}");
        assert_eq!(response.headers()[header::ETAG], etag);
        assert_eq!(response.headers()[header::LAST_MODIFIED], date);
    }
    Ok(())
}

/// A header may hold an access token, and so may a document.
#[tokio::test(start_paused = true)]
async fn nothing_that_is_printed_shows_a_header_or_a_document() {
    const HIDDEN: &str = "never-to-be-seen";
    let token = HeaderValue::from_static(HIDDEN);
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, token)]);
    let source = Source::new([Answer::Bare(12, HIDDEN)]);
    let kept = started(&source).await;
    let snapshot = kept.current().expect("it is ready");
    let made = build(&Bytes::from(document(12, HIDDEN))).expect("a value");
    for (printed, beginning) in [
        (
            format!("{:?}", source.download().headers(headers)),
            "Download { host: Some(\"cdn.test\"), headers",
        ),
        (format!("{:?}", keep(&source)), "Keep { schedule: Schedule"),
        (format!("{kept:?}"), "Kept { refresher: Refresher { task"),
        (
            format!("{snapshot:?}"),
            "Snapshot { version: 12, change: 1, document: Document",
        ),
        (
            format!("{:?}", snapshot.document()),
            "Document { bytes: 41, validators",
        ),
        (format!("{made:?}"), "Made { version: 12, .. }"),
    ] {
        assert!(printed.starts_with(beginning), "{printed}");
        assert!(!printed.contains(HIDDEN), "{printed}");
    }
}
