//! The state that inbox and console share.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore, mpsc, watch},
};

use crate::{
    catalogue::{self, Entry},
    console::{Events, MOST_PAGES},
    deliveries::{Delivery, Received, Ring},
    demonstration,
    forward::{Forward, Job, MOST_WAITING},
    judge::{self, Verdict},
    keys::{Key, Keyring, Origin},
    settings::{Settings, secret_variable},
};

pub type Shared = Arc<Inspector>;

pub struct Inspector {
    pub inbox: SocketAddr,
    pub console: SocketAddr,
    pub allow_remote: bool,
    pub body_deadline: Duration,
    /// Marks the test deliveries that the console sends to the inbox.
    pub test_mark: String,
    pub events: Events,
    /// One for each page that is open.
    pub pages: Arc<Semaphore>,
    /// How many bytes of bodies are being received.
    pub receiving: AtomicUsize,
    /// Told when a delivery waits for its cause.
    pub rejected: Notify,
    /// One search for causes at a time for the console.
    pub searches: Semaphore,
    pub forwards: mpsc::Sender<Job>,
    forward_jobs: Mutex<Option<mpsc::Receiver<Job>>>,
    pub stopping: watch::Receiver<bool>,
    token: String,
    state: Mutex<State>,
}

pub struct State {
    pub ring: Ring,
    pub keyring: Keyring,
    pub forward: Option<Forward>,
}

impl Inspector {
    pub fn new(
        settings: Settings,
        inbox: &TcpListener,
        console: &TcpListener,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, String> {
        let address =
            |listener: &TcpListener| listener.local_addr().map_err(|error| error.to_string());
        let (forwards, jobs) = mpsc::channel(MOST_WAITING);
        let inspector = Self {
            inbox: reachable(address(inbox)?),
            console: address(console)?,
            allow_remote: settings.allow_remote,
            body_deadline: settings.body_deadline,
            test_mark: random()?,
            events: Events::new(),
            pages: Arc::new(Semaphore::new(MOST_PAGES)),
            receiving: AtomicUsize::new(0),
            rejected: Notify::new(),
            searches: Semaphore::new(1),
            forwards,
            forward_jobs: Mutex::new(Some(jobs)),
            stopping,
            token: random()?,
            state: Mutex::new(State {
                ring: Ring::default(),
                keyring: Keyring::default(),
                forward: settings.forward,
            }),
        };
        let mut keyring = Keyring::default();
        for (entry, url) in settings.urls {
            let set = keyring.set_url(entry, Some(url), &inspector.inbox_of(entry));
            set.map_err(|error| {
                format!(
                    "WEBHOOK_URL_{}: {error}",
                    entry.sender.name.to_ascii_uppercase()
                )
            })?;
        }
        for key in settings.secrets {
            let variable = secret_variable(key.entry.sender.name, &key.name);
            let set = keyring.set(
                key.entry,
                Key::new(key.name, key.text, Origin::Environment),
                &inspector.inbox_of(key.entry),
            );
            set.map_err(|error| format!("{variable}: {error}"))?;
        }
        demonstration::add_key(&mut keyring, &inspector)?;
        inspector.state().keyring = keyring;
        Ok(inspector)
    }

    /// A panic while the lock is held cannot leave the state half changed, so a poisoned lock is used.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a new delivery and tells the pages. Returns its id.
    pub fn keep(&self, delivery: Delivery) -> u64 {
        let is_pending = delivery.verdict.is_pending();
        let id = {
            let mut state = self.state();
            let id = state.ring.push(delivery);
            // Under the lock, so that the pages see the changes in their order.
            if let Some(delivery) = state.ring.get(id) {
                self.events.delivery(delivery, &state);
            }
            id
        };
        if is_pending {
            self.rejected.notify_one();
        }
        id
    }

    /// Changes a delivery that is still kept, and tells the pages.
    pub fn update(&self, id: u64, change: impl FnOnce(&mut Delivery)) {
        let is_pending = {
            let mut state = self.state();
            state.ring.update(id, change);
            let Some(delivery) = state.ring.get(id) else {
                return;
            };
            self.events.changed(delivery, &state);
            delivery.verdict.is_pending()
        };
        if is_pending {
            self.rejected.notify_one();
        }
    }

    /// Judges the kept deliveries of a sender again, because its keys or its URL changed. Each is judged at the time
    /// of its arrival.
    pub async fn judge_again(self: &Arc<Self>, entry: &Entry) {
        let name = entry.sender.name;
        let is_concerned = |delivery: &&Delivery| {
            let addressed = &delivery.received.addressed;
            let seen = || catalogue::seen_in(&delivery.received.headers);
            addressed == name
                || (addressed == "any" && seen().iter().any(|seen| seen.sender.name == name))
        };
        let can_change = |delivery: &&Delivery| match &delivery.verdict {
            Verdict::Handshake { .. } => false,
            Verdict::Rejected(rejected) => !rejected.is_final,
            Verdict::Unkeyed { .. } | Verdict::Verified(_) => true,
        };
        let concerned: Vec<(u64, Received)> = {
            let state = self.state();
            let concerned = state.ring.iter().filter(can_change).filter(is_concerned);
            concerned
                .map(|delivery| (delivery.id, delivery.received.clone()))
                .collect()
        };
        for (id, received) in concerned {
            let judgement = judge::judge(self, &received).await;
            self.update(id, |delivery| {
                delivery.sender = judgement.sender;
                delivery.verdict = judgement.verdict;
            });
        }
    }

    /// The receiver of the jobs, the first time.
    pub fn take_forward_jobs(&self) -> Option<mpsc::Receiver<Job>> {
        self.forward_jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub fn inbox_url(&self) -> String {
        format!("http://{}", self.inbox)
    }

    /// Where the deliveries of a sender are received.
    pub fn inbox_of(&self, entry: &Entry) -> String {
        format!("{}/in/{}", self.inbox_url(), entry.sender.name)
    }

    /// The part after the `#` is never sent to a server, so it is in no log.
    pub fn page_link(&self) -> String {
        format!("http://{}/#{}", self.console, self.token)
    }

    /// Compares in constant time.
    pub fn is_token(&self, presented: &str) -> bool {
        self.token.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// 128 bits from the operating system's random numbers, as hexadecimal digits.
pub fn random() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// A listener on all addresses is reached at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use tower_webhook_auth::{Secret, provider, testing::Signer};

    use super::*;
    use crate::{deliveries::tests::delivery, judge::Verdict};

    async fn inspector() -> Shared {
        let (inbox, console) = tokio::join!(
            TcpListener::bind("127.0.0.1:0"),
            TcpListener::bind("127.0.0.1:0")
        );
        let (_, stopping) = watch::channel(false);
        let (inbox, console) = (inbox.expect("a port"), console.expect("a port"));
        Arc::new(
            Inspector::new(Settings::default(), &inbox, &console, stopping).expect("an inspector"),
        )
    }

    /// Slack's deliveries are valid for 5 minutes. This one came in time in 2023.
    #[tokio::test]
    async fn a_kept_delivery_is_judged_by_the_clock_of_its_arrival() {
        let inspector = inspector().await;
        let secret = Secret::new("the secret").expect("a secret");
        let signer = Signer::new(&provider::slack(secret.clone()), &secret).expect("a signer");
        for (seconds_late, addressed) in [(299, "slack"), (301, "slack"), (299, "any")] {
            let mut kept = delivery(b"{}".to_vec());
            let signed_at = kept.received.at - Duration::from_secs(seconds_late);
            let request = signer
                .clone()
                .at(signed_at)
                .sign(Request::new(Bytes::from("{}")));
            kept.received.headers = request.headers().clone();
            kept.received.addressed = addressed.to_owned();
            inspector.keep(kept);
        }
        let slack = catalogue::find("slack").expect("Slack");
        let key = Key::new("default", "the secret", Origin::Typed);
        let set = inspector
            .state()
            .keyring
            .set(slack, key, &inspector.inbox_of(slack));
        set.expect("a key");
        inspector.judge_again(slack).await;
        let state = inspector.state();
        let codes: Vec<_> = state
            .ring
            .iter()
            .map(|delivery| delivery.verdict.code())
            .collect();
        assert_eq!(codes, ["verified", "timestamp_too_old", "verified"]);
        let Some(Verdict::Verified(accepted)) = state.ring.get(1).map(|delivery| &delivery.verdict)
        else {
            panic!("it is verified");
        };
        assert_eq!(accepted.skew_ms, Some(299_000));
    }

    #[tokio::test]
    async fn the_token_is_another_one_each_time_and_only_all_of_it_is_accepted() {
        let (one, other) = (inspector().await, inspector().await);
        assert_eq!(one.token.len(), 32);
        assert!(one.is_token(&one.token) && !one.is_token(&other.token));
        assert!(!one.is_token(&one.token[1..]) && !one.is_token(""));
    }
}
