//! Replicas that tell each other over a bus in memory, with tokio's clock paused.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, broadcast},
    time::sleep,
};
use tower_webhook_auth::{
    BoxError,
    sync::{Bus, Fleet, Heard, Subscriber},
};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Hub {
    messages: broadcast::Sender<Bytes>,
    down: Arc<AtomicBool>,
    cut: Arc<Notify>,
    told: Arc<AtomicUsize>,
    /// How often each message is delivered.
    copies: usize,
}

impl Hub {
    fn new(copies: usize) -> Self {
        Self {
            messages: broadcast::Sender::new(4096),
            down: Arc::default(),
            cut: Arc::default(),
            told: Arc::default(),
            copies,
        }
    }

    fn goes_down(&self) {
        self.down.store(true, Ordering::Relaxed);
        self.cut.notify_waiters();
    }

    fn is_up(&self) {
        self.down.store(false, Ordering::Relaxed);
    }
}

impl Bus for Hub {
    async fn tell(&self, message: Bytes) -> Result<(), BoxError> {
        if self.down.load(Ordering::Relaxed) {
            return Err("down".into());
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        for _ in 0..self.copies {
            let _ = self.messages.send(message.clone());
        }
        Ok(())
    }

    async fn hear(&self, subscriber: Subscriber) -> Result<(), BoxError> {
        if self.down.load(Ordering::Relaxed) {
            return Err("down".into());
        }
        let mut messages = self.messages.subscribe();
        let subscription = subscriber.subscribed();
        let cut = self.cut.notified();
        tokio::pin!(cut);
        loop {
            tokio::select! {
                message = messages.recv() => subscription.heard(&message?),
                () = &mut cut => return Err("cut".into()),
            }
        }
    }
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Heard<u64>>>>);

impl Listener {
    fn join(&self, hub: &Hub) -> Fleet<u64> {
        let heard = self.clone();
        Fleet::join(hub.clone(), move |what| {
            heard
                .0
                .lock()
                .expect("no thread panicked with the lock")
                .push(what)
        })
    }

    fn take(&self) -> Vec<Heard<u64>> {
        std::mem::take(&mut *self.0.lock().expect("no thread panicked with the lock"))
    }

    fn hints(&self) -> Vec<u64> {
        let hint = |heard| match heard {
            Heard::Hint { version, .. } => Some(version),
            Heard::Subscribed => None,
        };
        self.take().into_iter().filter_map(hint).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn all_replicas_hear_at_once_what_one_tells() {
    let (hub, a, b) = (Hub::new(1), Listener::default(), Listener::default());
    let (one, two) = (a.join(&hub), b.join(&hub));
    one.joined().await;
    two.joined().await;
    one.tell("k", 14);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(
        b.take(),
        [
            Heard::Subscribed,
            Heard::Hint {
                key: "k".into(),
                version: 14
            }
        ]
    );
    assert_eq!(a.hints(), [14]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_becomes_few_messages_and_the_last_is_the_greatest() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let (one, _two) = (Listener::default().join(&hub), b.join(&hub));
    for revision in 0..500 {
        one.tell("k", revision);
        one.tell("other", 1);
        sleep(SECOND / 500).await;
    }
    sleep(SECOND).await;
    assert_eq!(b.hints().into_iter().max(), Some(499));
    assert!(hub.told.load(Ordering::Relaxed) <= 2 * 52);
}

#[tokio::test(start_paused = true)]
async fn unsent_messages_are_sent_when_the_bus_is_back() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let (one, two) = (Listener::default().join(&hub), b.join(&hub));
    two.joined().await;
    hub.goes_down();
    sleep(SECOND).await;
    assert!(!two.connected());
    for revision in [13, 15, 14] {
        one.tell("k", revision);
        sleep(SECOND).await;
    }
    sleep(60 * SECOND).await;
    b.take();
    hub.is_up();
    sleep(10 * SECOND).await;
    assert!(two.connected());
    let heard = b.take();
    assert!(heard.contains(&Heard::Subscribed), "{heard:?}");
    // It may be told before the second replica is back. `Subscribed` exists for that case.
    assert_eq!(hub.told.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn each_new_subscription_is_reported() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let two = b.join(&hub);
    for _ in 0..5 {
        two.joined().await;
        hub.cut.notify_waiters();
        sleep(SECOND).await;
    }
    let subscribed = b
        .take()
        .into_iter()
        .filter(|heard| *heard == Heard::Subscribed);
    assert_eq!(subscribed.count(), 6);
}

/// A bus whose first subscriptions panic.
#[derive(Clone)]
struct Panicking {
    hub: Hub,
    panics: Arc<AtomicUsize>,
}

impl Bus for Panicking {
    async fn tell(&self, message: Bytes) -> Result<(), BoxError> {
        self.hub.tell(message).await
    }

    async fn hear(&self, subscriber: Subscriber) -> Result<(), BoxError> {
        if self.panics.load(Ordering::Relaxed) > 0 {
            self.panics.fetch_sub(1, Ordering::Relaxed);
            let _subscription = subscriber.subscribed();
            sleep(SECOND).await;
            panic!("the test's own");
        }
        self.hub.hear(subscriber).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_hears_the_others_again_after_a_panic_of_the_bus() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let panicking = Panicking {
        hub: hub.clone(),
        panics: Arc::new(AtomicUsize::new(2)),
    };
    let heard = b.clone();
    let two = Fleet::join(panicking, move |what| {
        heard.0.lock().expect("no panic").push(what);
    });
    two.joined().await;
    sleep(SECOND + Duration::from_millis(40)).await;
    assert!(!two.connected());
    sleep(5 * SECOND).await;
    assert!(two.connected());
    let one = Listener::default().join(&hub);
    one.tell("k", 14);
    sleep(SECOND).await;
    assert_eq!(b.hints(), [14]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_hears_the_others_again_after_a_panic_of_its_listener() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let heard = b.clone();
    let two = Fleet::join(hub.clone(), move |what| {
        assert!(
            !matches!(what, Heard::Hint { version: 13, .. }),
            "the test's own"
        );
        heard.0.lock().expect("no panic").push(what);
    });
    let one = Listener::default().join(&hub);
    two.joined().await;
    one.joined().await;
    one.tell("k", 13);
    sleep(5 * SECOND).await;
    assert!(two.connected());
    one.tell("k", 14);
    sleep(SECOND).await;
    assert_eq!(b.hints(), [14]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_read_are_ignored() {
    let (hub, b) = (Hub::new(2), Listener::default());
    let two = b.join(&hub);
    two.joined().await;
    let of_length = |bytes: usize| {
        let frame = "{\"key\":\"\",\"version\":1}";
        frame.replacen(
            "\"\"",
            &format!("\"{}\"", "k".repeat(bytes - frame.len())),
            1,
        )
    };
    let long = of_length(4097);
    for unreadable in [
        "",
        "{}",
        "null",
        "\u{0}",
        "[1,2]",
        "{\"key\":1,\"version\":1}",
        &long,
    ] {
        hub.tell(Bytes::copy_from_slice(unreadable.as_bytes()))
            .await
            .expect("up");
    }
    hub.tell(Bytes::from_static(
        b"{\"key\":\"k\",\"version\":7,\"new\":true}",
    ))
    .await
    .expect("up");
    // The longest message that is read.
    hub.tell(of_length(4096).into()).await.expect("up");
    sleep(SECOND).await;
    assert_eq!(b.hints(), [7, 7, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_leaves_tells_the_rest_and_does_not_wait_long() {
    let (hub, b) = (Hub::new(1), Listener::default());
    let (one, _two) = (Listener::default().join(&hub), b.join(&hub));
    sleep(SECOND).await;
    one.tell("k", 1);
    one.tell("k", 2);
    let begin = tokio::time::Instant::now();
    one.leave().await;
    assert!(begin.elapsed() < SECOND / 2, "all was told before");
    sleep(SECOND).await;
    assert_eq!(b.hints().last(), Some(&2));

    let one = Listener::default().join(&hub);
    hub.goes_down();
    one.tell("k", 3);
    let begin = tokio::time::Instant::now();
    one.leave().await;
    assert!(begin.elapsed() <= 2 * SECOND);
}

/// Without this, a replica that was dropped would call its listener as long as the process runs.
#[tokio::test(start_paused = true)]
async fn a_replica_that_is_dropped_hears_nothing_more() {
    let (hub, listener, other) = (Hub::new(1), Listener::default(), Listener::default());
    let (dropped, stays) = (listener.join(&hub), other.join(&hub));
    dropped.joined().await;
    stays.joined().await;
    listener.take();
    drop(dropped);
    stays.tell("flags", 14);
    sleep(SECOND).await;
    assert_eq!(other.hints(), [14]);
    assert_eq!(listener.hints(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_unsent_keys_is_known() {
    let (hub, listener) = (Hub::new(1), Listener::default());
    let fleet = listener.join(&hub);
    fleet.joined().await;
    assert_eq!(fleet.unsent(), 0);
    hub.goes_down();
    for key in ["a", "b", "a", "c"] {
        fleet.tell(key, 1);
    }
    assert_eq!(fleet.unsent(), 3);
    hub.is_up();
    sleep(120 * SECOND).await;
    assert_eq!(fleet.unsent(), 0);
}

/// It writes down how what it gets is printed.
#[derive(Clone, Default)]
struct Printing(Arc<Mutex<Vec<String>>>);

impl Bus for Printing {
    async fn tell(&self, _: Bytes) -> Result<(), BoxError> {
        Ok(())
    }

    async fn hear(&self, subscriber: Subscriber) -> Result<(), BoxError> {
        let mut printed = vec![format!("{subscriber:?}")];
        printed.push(format!("{:?}", subscriber.subscribed()));
        *self.0.lock().expect("no thread panicked with the lock") = printed;
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_fleet_print_their_names() {
    let bus = Printing::default();
    let fleet = Fleet::join(bus.clone(), |_: Heard<u64>| {});
    assert_eq!(format!("{fleet:?}"), "Fleet { connected: false, .. }");
    fleet.joined().await;
    assert_eq!(format!("{fleet:?}"), "Fleet { connected: true, .. }");
    let printed = bus.0.lock().expect("no thread panicked with the lock");
    assert_eq!(*printed, ["Subscriber", "Subscription"]);
}
