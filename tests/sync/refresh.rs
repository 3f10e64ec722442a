//! The refresher, with tokio's clock paused: no test waits for real time.

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tower_webhook_auth::sync::{Outcome, Refresher, Schedule};

/// Without jitter, since these tests compare times.
fn schedule() -> Schedule {
    Schedule::new().jitter(0.0)
}

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
        let mut runs = self.0.lock().expect("no thread panicked with the lock");
        let begin = begin.elapsed().as_secs_f64();
        runs.push(Run { begin, wanted });
        runs.len()
    }

    fn wanted(&self) -> Vec<Option<u64>> {
        let runs = self.0.lock().expect("no thread panicked with the lock");
        runs.iter().map(|run| run.wanted).collect()
    }

    /// The begin of each run, rounded to tenths of a second: tokio's timers tick in milliseconds.
    fn begins(&self) -> Vec<f64> {
        let runs = self.0.lock().expect("no thread panicked with the lock");
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
async fn nothing_runs_without_a_request() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), done);
    sleep(1000 * SECOND).await;
    assert!(runs.begins().is_empty());
    drop(refresher);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_within_a_second_cause_two_runs() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), done);
    for revision in 0..1000 {
        refresher.request(revision);
        sleep(SECOND / 1000).await;
    }
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 1.1]);
    assert_eq!(runs.wanted(), [Some(0), Some(999)]);
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_cause_one_run_for_the_greatest() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), done);
    for revision in [3, 9, 4] {
        refresher.request(revision);
    }
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(9)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_during_a_run_causes_the_next_run() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), done);
    refresher.request(1);
    sleep(SECOND / 20).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_repeated_after_waits_that_double_up_to_the_longest() {
    let runs = Runs::default();
    let schedule = schedule().backoff(2 * SECOND, 5 * SECOND).retries(4);
    let refresher = runs.spawn(schedule, retry);
    refresher.request(7);
    sleep(1000 * SECOND).await;
    // Each wait begins at the end of a run, which takes a tenth: 2, 4, 5 and 5 seconds.
    assert_eq!(runs.begins(), [0.0, 2.1, 6.2, 11.3, 16.4]);
    assert_eq!(runs.wanted(), [Some(7); 5]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_given_up_is_not_part_of_later_runs() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule().retries(0), retry);
    refresher.request(7);
    sleep(10 * SECOND).await;
    refresher.request(2);
    sleep(10 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(7), Some(2)]);
}

/// The source is down for half a minute while ten deliveries arrive. Each run fails at once.
#[tokio::test(start_paused = true)]
async fn a_request_that_comes_late_has_as_many_tries_as_any_other() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let refresher = runs.spawn(schedule(), move |_| match begin.elapsed() < 30 * SECOND {
        true => Outcome::Retry,
        false => Outcome::Done,
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
async fn a_success_resets_the_failures_before_it() {
    let runs = Runs::default();
    let outcome = |number: usize| match number {
        3 => Outcome::Done,
        _ => Outcome::Retry,
    };
    let refresher = runs.spawn(schedule().spacing(Duration::ZERO).retries(3), outcome);
    refresher.request(1);
    sleep(5 * SECOND).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    // 1 and 2 seconds of backoff, then a success, then again from 1 second.
    assert_eq!(runs.begins(), [0.0, 1.1, 3.2, 5.0, 6.1, 8.2, 12.3]);
}

#[tokio::test(start_paused = true)]
async fn a_request_during_the_backoff_ends_it_but_not_the_spacing() {
    let runs = Runs::default();
    let schedule = schedule().backoff(60 * SECOND, 60 * SECOND);
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
async fn a_poll_runs_when_nothing_was_requested_for_the_interval() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule().poll_every(60 * SECOND), done);
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
    let refresher = schedule().deadline(10 * SECOND).spawn({
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
    // One in this test, and one in the closure from which each run gets a clone.
    assert_eq!(Arc::strong_count(&held), 2);
    drop(refresher);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_is_repeated() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let noted = runs.clone();
    let refresher = schedule().spawn(move |wanted| {
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
    let refresher = schedule().spawn(move |wanted| {
        assert_ne!(noted.note(begin, wanted), 1, "the first run panics");
        ready(Outcome::Done)
    });
    refresher.request(1);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.wanted(), [Some(1), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_last_handle_even_during_a_run() {
    let held = Arc::new(());
    let refresher = schedule().spawn({
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
async fn times_that_no_clock_can_represent_never_come() {
    let runs = Runs::default();
    let schedule = schedule()
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

fn not_yet(_: usize) -> Outcome {
    Outcome::NotYet
}

#[tokio::test(start_paused = true)]
async fn a_source_that_lags_is_asked_after_short_waits_and_then_given_up() {
    let runs = Runs::default();
    let schedule = schedule().look_again([2 * SECOND, 2 * SECOND, 5 * SECOND]);
    let refresher = runs.spawn(schedule, not_yet);
    refresher.request(7);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 2.1, 4.2, 9.3]);
    assert_eq!(refresher.progress().given_up, Some(7));
    assert_eq!(refresher.progress().failures, 0);
}

/// With a backoff it took up to twice the lag: a lag of 12 s became 16 s.
#[tokio::test(start_paused = true)]
async fn a_lag_costs_at_most_two_seconds_more() {
    for lag in [1, 5, 12, 40] {
        let (runs, begin) = (Runs::default(), Instant::now());
        let refresher = runs.spawn(schedule(), move |_| match begin.elapsed() < lag * SECOND {
            true => Outcome::NotYet,
            false => Outcome::Done,
        });
        refresher.request(7);
        sleep(1000 * SECOND).await;
        let last = *runs.begins().last().expect("runs");
        assert!(last <= f64::from(lag) + 2.2, "{lag}: {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_request_starts_the_waits_from_the_beginning() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule().look_again([2 * SECOND, 10 * SECOND]), not_yet);
    refresher.request(7);
    sleep(10 * SECOND).await;
    refresher.request(7);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 2.1, 10.0, 12.1, 22.2]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_for_every_request() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), |number| match number {
        1 => Outcome::RetryAfter(120 * SECOND),
        2 => Outcome::RetryAfter(Duration::MAX),
        _ => Outcome::Done,
    });
    refresher.request(1);
    for revision in 2..1000 {
        sleep(SECOND).await;
        refresher.request(revision);
    }
    sleep(1000 * SECOND).await;
    // At most ten minutes.
    assert_eq!(runs.begins()[..3], [0.0, 120.1, 720.2]);
    assert_eq!(runs.wanted()[1], Some(121));
}

/// Many replicas may have got the same response, so their tries spread. A request does not wait for longer than the
/// source demands.
#[tokio::test(start_paused = true)]
async fn tries_after_retry_after_spread_and_requests_run_when_it_is_over() {
    for is_requested in [false, true] {
        let mut seconds = Vec::new();
        for _ in 0..40 {
            let runs = Runs::default();
            let refresher = runs.spawn(Schedule::new().jitter(0.5), |number| match number {
                1 => Outcome::RetryAfter(100 * SECOND),
                _ => Outcome::Done,
            });
            refresher.request(1);
            sleep(SECOND).await;
            if is_requested {
                refresher.request(2);
            }
            sleep(200 * SECOND).await;
            assert_eq!(runs.begins().len(), 2);
            seconds.push(runs.begins()[1]);
        }
        assert!(seconds.iter().all(|begin| *begin >= 100.1), "{seconds:?}");
        let are_spread = seconds.iter().any(|begin| *begin > 110.0);
        assert_eq!(are_spread, !is_requested, "{seconds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_greater_request_cuts_a_run_that_hangs() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let noted = runs.clone();
    let refresher = schedule().deadline(30 * SECOND).spawn(move |wanted| {
        let number = noted.note(begin, wanted);
        async move {
            if number == 1 {
                pending::<()>().await;
            }
            Outcome::Done
        }
    });
    refresher.request(1);
    sleep(3 * SECOND).await;
    refresher.request(1); // Not greater, so the run continues.
    sleep(2 * SECOND).await;
    refresher.request(2);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 8.0]);
    assert_eq!(runs.wanted(), [Some(1), Some(2)]);
    assert_eq!(refresher.progress().failures, 0);
}

/// A download takes 5 seconds, and each second something greater is requested. If each run was cut, none would end.
#[tokio::test(start_paused = true)]
async fn a_slow_source_completes_under_a_stream_of_requests() {
    let done = Arc::new(Mutex::new(0));
    let count = Arc::clone(&done);
    let refresher = schedule().spawn(move |_| {
        let count = Arc::clone(&count);
        async move {
            sleep(5 * SECOND).await;
            *count.lock().expect("no thread panicked with the lock") += 1;
            Outcome::Done
        }
    });
    for revision in 0..100 {
        refresher.request(revision);
        sleep(SECOND).await;
    }
    assert!(*done.lock().expect("no thread panicked with the lock") >= 10);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_current_run_and_starts_no_other() {
    let (runs, begin) = (Runs::default(), Instant::now());
    let (noted, held) = (runs.clone(), Arc::new(()));
    let hold = Arc::clone(&held);
    let refresher = schedule().poll_every(5 * SECOND).spawn(move |wanted| {
        noted.note(begin, wanted);
        let hold = Arc::clone(&hold);
        async move {
            sleep(3 * SECOND).await;
            drop(hold);
            Outcome::Retry
        }
    });
    refresher.request(1);
    sleep(SECOND).await;
    refresher.request(2);
    refresher.stop().await;
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(Arc::strong_count(&held), 1);
    refresher.request(3);
    sleep(1000 * SECOND).await;
    assert_eq!(runs.begins(), [0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_wait_or_a_hanging_run_is_bounded() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule(), done);
    refresher.request(1);
    sleep(100 * SECOND).await;
    let begin = Instant::now();
    refresher.stop().await;
    refresher.clone().stop().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);

    let refresher = schedule().spawn(|_: Option<()>| pending::<Outcome>());
    refresher.request(());
    sleep(SECOND).await;
    refresher.stop().await;
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn polls_of_many_replicas_spread() {
    let mut firsts = Vec::new();
    for _ in 0..50 {
        let runs = Runs::default();
        let schedule = Schedule::new().poll_every(300 * SECOND).jitter(0.1);
        let refresher = runs.spawn(schedule, done);
        sleep(400 * SECOND).await;
        firsts.push(runs.begins()[0]);
        drop(refresher);
    }
    let least = firsts.iter().copied().fold(f64::MAX, f64::min);
    let most = firsts.iter().copied().fold(0.0, f64::max);
    assert!(
        (270.0..280.0).contains(&least) && (320.0..=330.1).contains(&most),
        "{least} {most}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_poll_within_a_time_runs_once_and_the_polls_continue() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule().poll_every(300 * SECOND), done);
    sleep(10 * SECOND).await;
    for _ in 0..10 {
        refresher.poll_within(5 * SECOND);
    }
    sleep(100 * SECOND).await;
    let begins = runs.begins();
    assert_eq!(begins.len(), 1, "{begins:?}");
    assert!((10.0..15.1).contains(&begins[0]));
    sleep(300 * SECOND).await;
    assert_eq!(runs.begins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_poll_interval_of_zero_means_no_polls() {
    let runs = Runs::default();
    let refresher = runs.spawn(schedule().poll_every(Duration::ZERO), done);
    sleep(1000 * SECOND).await;
    assert!(runs.begins().is_empty());
    drop(refresher);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_and_the_time_until_a_run_is_cut_can_be_set() {
    let runs = Runs::default();
    let begin = Instant::now();
    let note = runs.clone();
    let schedule = schedule()
        .spacing(SECOND)
        .backoff(SECOND, SECOND)
        .deadline(3 * SECOND);
    let hanging = schedule.clone().spawn(move |wanted| {
        note.note(begin, wanted);
        pending::<Outcome>()
    });
    hanging.request(1);
    sleep(7 * SECOND).await;
    assert_eq!(runs.begins(), [0.0, 4.0]);
    drop(hanging);

    let runs = Runs::default();
    let (begin, note) = (Instant::now(), runs.clone());
    let cut = schedule.deadline(600 * SECOND).cut_after(5 * SECOND);
    let cut = cut.spawn(move |wanted| {
        note.note(begin, wanted);
        pending::<Outcome>()
    });
    cut.request(1);
    sleep(SECOND).await;
    cut.request(2);
    sleep(10 * SECOND).await;
    assert_eq!(runs.begins().len(), 2);
    assert!(
        (6.0..=7.0).contains(&runs.begins()[1]),
        "{:?}",
        runs.begins()
    );
}

#[test]
fn the_default_schedule_has_the_documented_values_and_a_jitter_that_is_no_number_is_none() {
    let printed = |schedule: Schedule| format!("{schedule:?}");
    assert_eq!(printed(Schedule::default()), printed(Schedule::new()));
    assert_eq!(
        printed(Schedule::new().jitter(f64::NAN)),
        printed(Schedule::new().jitter(0.0))
    );
}
