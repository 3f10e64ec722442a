//! The background refresher, with tokio's clock paused: no test waits, none depends on the machine.
#![cfg(feature = "sync")]

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tower_webhook_auth::sync::{Outcome, Refresher, Schedule};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Runs(Arc<Mutex<Vec<Run>>>);

struct Run {
    /// Seconds since the test began.
    begin: f64,
    wanted: Option<u64>,
}

impl Runs {
    /// Work that takes a tenth of a second and ends as `outcome` says for the run of this number.
    fn spawn(
        &self,
        schedule: Schedule,
        outcome: impl Fn(usize) -> Outcome + Send + 'static,
    ) -> Refresher<u64> {
        let (runs, begin) = (self.clone(), Instant::now());
        schedule.spawn(move |wanted| {
            let outcome = outcome(runs.note(begin, wanted));
            async move {
                sleep(SECOND / 10).await;
                outcome
            }
        })
    }

    fn note(&self, begin: Instant, wanted: Option<u64>) -> usize {
        let mut runs = self.0.lock().expect("no run panicked here");
        let begin = begin.elapsed().as_secs_f64();
        runs.push(Run { begin, wanted });
        runs.len()
    }

    fn wanted(&self) -> Vec<Option<u64>> {
        let runs = self.0.lock().expect("no run panicked here");
        runs.iter().map(|run| run.wanted).collect()
    }

    /// Rounded to tenths of a second: tokio's timers tick in milliseconds.
    fn begins(&self) -> Vec<f64> {
        let runs = self.0.lock().expect("no run panicked here");
        let tenths = |run: &Run| (run.begin * 10.0).round() / 10.0;
        runs.iter().map(tenths).collect()
    }
}

fn done(_: usize) -> Outcome {
    Outcome::Done
}

fn retry(_: usize) -> Outcome {
    Outcome::Retry
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_unasked() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new(), done);
    sleep(1000 * SECOND).await;
    assert!(runs.begins().is_empty());
    drop(refresher);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_within_a_second_cause_two_runs() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new(), done);
    for revision in 0..1000 {
        refresher.request(revision);
        sleep(SECOND / 1000).await;
    }
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 1.1]);
    assert_eq!(runs.wanted(), [Some(0), Some(999)]);
}

#[tokio::test(start_paused = true)]
async fn requests_at_one_moment_are_one_run_for_the_greatest() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new(), done);
    for revision in [3, 9, 4] {
        refresher.request(revision);
    }
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(9)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_during_a_run_is_the_next_run() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new(), done);
    refresher.request(1);
    sleep(SECOND / 20).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_repeated_after_waits_that_double_up_to_the_longest() {
    let runs = Runs::default();
    let schedule = Schedule::new().backoff(2 * SECOND, 5 * SECOND).retries(4);
    let refresher = runs.spawn(schedule, retry);
    refresher.request(7);
    sleep(1000 * SECOND).await;
    // Each wait begins at the end of a run, which takes a tenth: 2, 4, 5 and 5 seconds.
    assert_eq!(runs.begins(), [0.0, 2.1, 6.2, 11.3, 16.4]);
    assert_eq!(runs.wanted(), [Some(7); 5]);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_not_wanted_of_later_runs() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new().retries(0), retry);
    refresher.request(7);
    sleep(10 * SECOND).await;
    refresher.request(2);
    sleep(10 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(7), Some(2)]);
}

/// The origin is down for half a minute, while ten deliveries arrive: each of them fails at once.
#[tokio::test(start_paused = true)]
async fn a_request_that_comes_late_has_as_many_tries_as_any_other() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let refresher = runs.spawn(Schedule::new(), move |_| {
        match begin.elapsed() < 30 * SECOND {
            true => Outcome::Retry,
            false => Outcome::Done,
        }
    });
    for revision in 0..=10 {
        refresher.request(revision);
        sleep(SECOND + SECOND / 10).await;
    }
    sleep(1000 * SECOND).await;
    let begins = runs.begins();
    let last = begins.last().expect("runs");
    assert!((30.0..100.0).contains(last), "{begins:?}");
    assert_eq!(runs.wanted().last(), Some(&Some(10)));
}

#[tokio::test(start_paused = true)]
async fn a_success_forgets_the_failures_before_it() {
    let runs = Runs::default();
    let outcome = |number: usize| match number {
        3 => Outcome::Done,
        _ => Outcome::Retry,
    };
    let refresher = runs.spawn(Schedule::new().spacing(Duration::ZERO).retries(3), outcome);
    refresher.request(1);
    sleep(5 * SECOND).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    // 1 and 2 seconds of back-off, then a success, then again from 1 second.
    assert_eq!(runs.begins(), [0.0, 1.1, 3.2, 5.0, 6.1, 8.2, 12.3]);
}

#[tokio::test(start_paused = true)]
async fn a_request_during_the_back_off_ends_it_but_keeps_the_spacing() {
    let runs = Runs::default();
    let schedule = Schedule::new().backoff(60 * SECOND, 60 * SECOND);
    let refresher = runs.spawn(schedule, |number| match number {
        1 => Outcome::Retry,
        _ => Outcome::Done,
    });
    refresher.request(2);
    sleep(SECOND / 5).await;
    refresher.request(1);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 1.1]);
    assert_eq!(runs.wanted(), [Some(2), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn polling_runs_when_nothing_was_requested_for_the_interval() {
    let runs = Runs::default();
    let refresher = runs.spawn(Schedule::new().poll_every(60 * SECOND), done);
    sleep(70 * SECOND).await;
    refresher.request(5);
    sleep(61 * SECOND).await;
    assert_eq!(runs.begins(), [60.0, 70.0, 130.1]);
    assert_eq!(runs.wanted(), [None, Some(5), None]);
}

#[tokio::test(start_paused = true)]
async fn a_run_over_its_deadline_is_dropped_and_repeated() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let held = Arc::new(());
    let refresher = Schedule::new().deadline(10 * SECOND).spawn({
        let (runs, held) = (runs.clone(), Arc::clone(&held));
        move |wanted| {
            let number = runs.note(begin, wanted);
            let held = Arc::clone(&held);
            async move {
                if number == 1 {
                    pending::<()>().await;
                }
                drop(held);
                Outcome::Done
            }
        }
    });
    refresher.request(1);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 11.0]);
    // Ours, and that of the work from which each run gets one.
    assert_eq!(Arc::strong_count(&held), 2);
    drop(refresher);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_is_repeated() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let noted = runs.clone();
    let refresher = Schedule::new().spawn(move |wanted| {
        let number = noted.note(begin, wanted);
        async move {
            assert_ne!(number, 1, "the first run panics");
            Outcome::Done
        }
    });
    refresher.request(1);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(1), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_before_it_runs_is_repeated() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let noted = runs.clone();
    let refresher = Schedule::new().spawn(move |wanted| {
        assert_ne!(noted.note(begin, wanted), 1, "the first run panics");
        ready(Outcome::Done)
    });
    refresher.request(1);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(1), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_last_handle_even_in_the_middle_of_a_run() {
    let held = Arc::new(());
    let refresher = Schedule::new().spawn({
        let held = Arc::clone(&held);
        move |_| {
            let held = Arc::clone(&held);
            async move {
                pending::<()>().await;
                drop(held);
                Outcome::Done
            }
        }
    });
    refresher.request(());
    sleep(SECOND).await;
    assert_eq!(Arc::strong_count(&held), 3);

    let clone = refresher.clone();
    drop(refresher);
    sleep(SECOND).await;
    assert_eq!(Arc::strong_count(&held), 3);

    drop(clone);
    sleep(SECOND).await;
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn times_that_no_clock_holds_are_never() {
    let runs = Runs::default();
    let schedule = Schedule::new()
        .backoff(Duration::MAX, Duration::MAX)
        .deadline(Duration::MAX)
        .poll_every(Duration::MAX)
        .spacing(Duration::MAX);
    let refresher = runs.spawn(schedule, retry);
    refresher.request(1);
    sleep(1000 * SECOND).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0]);
}
