//! Tells the other replicas of a service.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    refresh::Refresher,
    schedule::{Outcome, Schedule, random},
};
use crate::error::BoxError;

/// The largest message in bytes that is read.
const MAX_MESSAGE_BYTES: usize = 4096;

/// How long [`Fleet::leave`] waits for messages that are not sent yet.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The waits between two subscriptions.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A channel on which every replica hears every message, for example Redis pub/sub.
///
/// The channel need not be reliable. Polls replace lost messages, a repeated message has no
/// effect, and a replica asks its source when its connection is back. The channel need not be
/// trusted: a message never carries the value, it only makes a replica ask its own source.
pub trait Bus: Send + Sync + 'static {
    /// Sends this message to all replicas.
    ///
    /// # Errors
    ///
    /// If the message may not have been sent. It is then sent again.
    fn tell(&self, message: Bytes) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Subscribes, calls [`Subscriber::subscribed`], and hands over each message until the subscription ends.
    ///
    /// An implementation must detect a dead connection, for example with a ping: a half-open
    /// connection can be silent without a time limit.
    ///
    /// # Errors
    ///
    /// The reason why the subscription ended. `hear` is then called again.
    fn hear(&self, subscriber: Subscriber) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// What [`Bus::hear`] gets. It must call [`subscribed`](Self::subscribed) before it can hand over
/// messages. At this call the replica asks its source for the changes that it missed.
#[derive(Clone)]
pub struct Subscriber(Arc<dyn Listen>);

impl Subscriber {
    /// Reports that the subscription is active: no message is missed after this call.
    #[must_use = "messages are handed to the subscription"]
    pub fn subscribed(self) -> Subscription {
        self.0.subscribed();
        Subscription(self.0)
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscriber")
    }
}

/// Where a [`Bus`] hands over the messages of a subscription.
#[derive(Clone)]
pub struct Subscription(Arc<dyn Listen>);

impl Subscription {
    /// Hands over a message. A message that cannot be read is ignored.
    pub fn heard(&self, message: &[u8]) {
        self.0.heard(message);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

/// What a replica hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<V> {
    /// Another replica learned that there is a new version. Call
    /// [`Kept::request`](super::Kept::request).
    Hint {
        /// The name of the kept value. It may be one that this replica does not have.
        key: String,
        /// The version. `()` if there is none.
        version: V,
    },
    /// This replica may have missed messages until now. Call [`Kept::look_within`](super::Kept::look_within) for each
    /// kept value.
    Subscribed,
}

/// This replica's connection to the others.
///
/// It cannot be cloned. Put it into an [`Arc`] to share it with handlers. When it is dropped, the replica no longer
/// hears the others, and messages that are not sent yet are lost. [`leave`](Self::leave) sends them first.
#[must_use = "the replica leaves when this is dropped"]
pub struct Fleet<V> {
    outbox: Arc<Outbox<V>>,
    teller: Refresher<u64>,
    connected: watch::Receiver<bool>,
    hearing: AbortHandle,
}

impl<V> Fleet<V>
where
    V: Ord + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Joins the fleet. `listener` is called with everything that is heard, also with this replica's own messages if
    /// the bus returns them. It must not block.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn join(bus: impl Bus, listener: impl Fn(Heard<V>) + Send + Sync + 'static) -> Self {
        let bus = Arc::new(bus);
        let outbox = Arc::new(Outbox::default());
        // The first message is sent at once. Later ones are collected for a moment, and repeated until they are sent.
        let schedule = Schedule::new()
            .spacing(Duration::from_millis(20))
            .backoff(FIRST_WAIT, LONGEST_WAIT)
            .deadline(Duration::from_secs(2))
            .jitter(0.5)
            .retries(60);
        let teller = schedule.spawn({
            let (outbox, bus) = (Arc::clone(&outbox), Arc::clone(&bus));
            move |_| tell(Arc::clone(&outbox), Arc::clone(&bus))
        });
        let (state, connected) = watch::channel(false);
        let listener = Arc::new(Listener {
            listener,
            state,
            version: PhantomData,
        });
        let hearing = tokio::spawn(hear(bus, listener)).abort_handle();
        Self {
            outbox,
            teller,
            connected,
            hearing,
        }
    }

    /// Tells the other replicas that the value `key` has this version. It never waits.
    ///
    /// Messages that are not sent yet merge: one message per key with the greatest version.
    pub fn tell(&self, key: &str, version: V) {
        let number = self.outbox.put(key, version);
        self.teller.request(number);
    }

    /// Whether this replica hears the others at this moment.
    #[must_use]
    pub fn connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// The number of keys whose message is not sent yet.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.outbox.lock().unsent.len()
    }

    /// Waits until this replica hears the others.
    pub async fn joined(&self) {
        let mut connected = self.connected.clone();
        // The sender lives in the task that hears, which runs for as long as `self`.
        drop(connected.wait_for(|connected| *connected).await);
    }

    /// Stops the subscription, and waits at most one second for the messages that are not sent
    /// yet.
    pub async fn leave(self) {
        self.hearing.abort();
        let told = async {
            while self.unsent() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        // Messages that are not sent by then are lost. The other replicas find the change with
        // their next poll.
        drop(timeout(LEAVE_WITHIN, told).await);
        drop(timeout(LEAVE_WITHIN, self.teller.stop()).await);
    }
}

impl<V> fmt::Debug for Fleet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("connected", &*self.connected.borrow())
            .finish_non_exhaustive()
    }
}

impl<V> Drop for Fleet<V> {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

#[derive(Serialize, Deserialize)]
struct Message<V> {
    key: String,
    version: V,
}

/// The messages that are not sent yet.
struct Outbox<V>(Mutex<Untold<V>>);

struct Untold<V> {
    /// The number of the last message.
    last: u64,
    /// The greatest version of each key, and the number of the message that brought it.
    unsent: BTreeMap<String, (u64, V)>,
}

impl<V> Default for Outbox<V> {
    fn default() -> Self {
        Self(Mutex::new(Untold {
            last: 0,
            unsent: BTreeMap::new(),
        }))
    }
}

impl<V> Outbox<V> {
    // Only whole values are replaced under the lock, so a poisoned lock holds no broken state.
    fn lock(&self) -> MutexGuard<'_, Untold<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &str, version: V) -> u64
    where
        V: Ord,
    {
        let mut outbox = self.lock();
        outbox.last = outbox.last.saturating_add(1);
        let number = outbox.last;
        let version = match outbox.unsent.remove(key) {
            Some((_, unsent)) => unsent.max(version),
            None => version,
        };
        outbox.unsent.insert(key.to_owned(), (number, version));
        number
    }

    /// Removes a message that was sent, unless there is a newer message for the same key.
    fn remove(&self, key: &str, number: u64) {
        let mut outbox = self.lock();
        if outbox
            .unsent
            .get(key)
            .is_some_and(|(last, _)| *last == number)
        {
            outbox.unsent.remove(key);
        }
    }
}

async fn tell<V: Clone + Serialize, B: Bus>(outbox: Arc<Outbox<V>>, bus: Arc<B>) -> Outcome {
    let unsent = outbox.lock().unsent.clone();
    for (key, (number, version)) in unsent {
        let message = Message { key, version };
        // A version that cannot be written as JSON cannot be sent.
        if let Ok(bytes) = serde_json::to_vec(&message)
            && bus.tell(bytes.into()).await.is_err()
        {
            return Outcome::Retry;
        }
        outbox.remove(&message.key, number);
    }
    Outcome::Done
}

/// A listener without its type, so that a [`Bus`] is not generic over the version.
trait Listen: Send + Sync {
    fn heard(&self, message: &[u8]);
    fn subscribed(&self);
}

struct Listener<L, V> {
    listener: L,
    state: watch::Sender<bool>,
    version: PhantomData<fn(V)>,
}

impl<L, V> Listen for Listener<L, V>
where
    L: Fn(Heard<V>) + Send + Sync,
    V: DeserializeOwned,
{
    fn heard(&self, message: &[u8]) {
        if message.len() > MAX_MESSAGE_BYTES {
            return;
        }
        if let Ok(Message { key, version }) = serde_json::from_slice(message) {
            (self.listener)(Heard::Hint { key, version });
        }
    }

    fn subscribed(&self) {
        self.state.send_replace(true);
        (self.listener)(Heard::Subscribed);
    }
}

/// Subscribes again and again. The wait grows while no subscription succeeds.
async fn hear<V, B, L>(bus: Arc<B>, listener: Arc<Listener<L, V>>)
where
    V: DeserializeOwned + 'static,
    B: Bus,
    L: Fn(Heard<V>) + Send + Sync + 'static,
{
    let mut wait = FIRST_WAIT;
    loop {
        let subscriber = Subscriber(Arc::clone(&listener) as Arc<dyn Listen>);
        // A set of one. A panic of the bus or of the listener ends the subscription, as an error does. The
        // subscription is aborted when this task is.
        let mut hearing = JoinSet::new();
        hearing.spawn({
            let bus = Arc::clone(&bus);
            // The bus logs the reason itself, because it knows which addresses and secrets it must not print.
            async move { drop(bus.hear(subscriber).await) }
        });
        drop(hearing.join_next().await);
        if listener.state.send_replace(false) {
            wait = FIRST_WAIT;
        }
        sleep(part_of(wait)).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// From half of the time to all of it, at random, so that replicas do not subscribe together.
fn part_of(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + random() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_from_half_of_the_time_to_all_of_it() {
        let waits: Vec<_> = (0..1000).map(|_| part_of(LONGEST_WAIT)).collect();
        let (least, most) = (waits.iter().min(), waits.iter().max());
        assert!(
            least.is_some_and(|least| *least >= LONGEST_WAIT / 2 && *least < LONGEST_WAIT * 6 / 10)
        );
        assert!(most.is_some_and(|most| *most <= LONGEST_WAIT && *most > LONGEST_WAIT * 9 / 10));
    }

    /// While a message is being sent, a newer one for the same key may come.
    #[test]
    fn a_message_that_was_sent_is_removed_and_a_newer_one_is_not() {
        let outbox = Outbox::default();
        let first = outbox.put("flags", 1);
        let other = outbox.put("users", 7);
        let second = outbox.put("flags", 3);
        let third = outbox.put("flags", 2);
        for sent in [first, second] {
            outbox.remove("flags", sent);
            assert_eq!(outbox.lock().unsent["flags"], (third, 3));
        }
        outbox.remove("flags", third);
        assert_eq!(outbox.lock().unsent.keys().collect::<Vec<_>>(), ["users"]);
        outbox.remove("users", other);
        assert!(outbox.lock().unsent.is_empty());
    }
}
