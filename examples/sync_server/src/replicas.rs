//! Messages and requests to the other replicas, and those that come from them.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, Uri};
use bytes::Bytes;
use fleet::{
    Counts,
    peers::{Peers, RELAYED, Signed},
    redis_bus::RedisBus,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use tower_webhook_auth::{
    BoxError,
    sync::{Fleet, Heard},
};

use crate::{config, environment::Environment};

/// After a new subscription, all environments ask their sources within this time plus `CATCH_UP_EACH` for each of them.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);
const CATCH_UP_EACH: Duration = Duration::from_millis(10);

const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// A message over Redis. The other replicas ask their own source, so it contains no document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct News {
    /// `None` if the delivery only said that something changed.
    revision: Option<u64>,
    /// The replica that publishes it. Redis returns each message also to that replica.
    replica: u64,
}

pub struct Replicas {
    id: u64,
    wire: Wire,
    counts: Arc<Counts>,
    environments: Arc<RwLock<Arc<[Arc<Environment>]>>>,
    /// The number of the last request of a project that was passed on without a revision.
    last: AtomicU64,
}

enum Wire {
    /// `None` after `leave`.
    Redis(Mutex<Option<Fleet<News>>>),
    Peers(Peers),
}

/// The unchanged request, to pass it on to peers.
pub struct Delivery<'a> {
    pub path: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

impl Replicas {
    /// # Errors
    ///
    /// If the configuration cannot be used. `config::Loaded::read` has checked it.
    pub fn join(
        fleet: &config::Fleet,
        environments: &[Arc<Environment>],
    ) -> Result<Self, BoxError> {
        let id = RandomState::new().hash_one("replica");
        let environments = Arc::new(RwLock::new(Arc::from(environments)));
        let (wire, counts) = match fleet {
            config::Fleet::Redis { url, channel } => {
                let bus = RedisBus::new(url, channel)?;
                let counts = bus.counts();
                let (heard, known) = (Arc::clone(&counts), Arc::clone(&environments));
                let fleet = Fleet::join(bus, move |message| {
                    let known = known.read().unwrap_or_else(PoisonError::into_inner);
                    let known: Arc<[Arc<Environment>]> = Arc::clone(&known);
                    hear(message, id, &known, &heard);
                });
                (Wire::Redis(Mutex::new(Some(fleet))), counts)
            }
            config::Fleet::Peers(names) => {
                let peers = Peers::new(names.iter().cloned())?;
                let counts = peers.counts();
                (Wire::Peers(peers), counts)
            }
        };
        Ok(Self {
            id,
            wire,
            counts,
            environments,
            last: AtomicU64::new(0),
        })
    }

    /// The environments that ask their sources when another replica says so.
    pub fn know(&self, environments: &[Arc<Environment>]) {
        let mut known = self
            .environments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = environments.into();
    }

    /// Tells the other replicas that one environment changed. It never waits.
    pub fn tell(&self, environment: &Environment, revision: Option<u64>) {
        let news = News {
            revision,
            replica: self.id,
        };
        if let Wire::Redis(fleet) = &self.wire
            && let Some(fleet) = &*lock(fleet)
        {
            fleet.tell(&key(environment), news);
        }
    }

    /// Passes a signed request on. It never waits. `key` is the environment or the project that changed.
    pub fn relay(&self, key: &str, revision: Option<u64>, delivery: &Delivery<'_>) {
        let Wire::Peers(peers) = &self.wire else {
            return;
        };
        // A request that another replica passed on reaches all of them already.
        if delivery.headers.contains_key(RELAYED) {
            return;
        }
        let number = revision.unwrap_or_else(|| self.last.fetch_add(1, Ordering::Relaxed));
        peers.relay(
            key,
            Signed {
                number,
                path: delivery.path.clone(),
                headers: delivery.headers.clone(),
                body: delivery.body.clone(),
            },
        );
    }

    /// Counts a verified request that another replica passed on.
    pub fn received(&self, headers: &HeaderMap) {
        if matches!(self.wire, Wire::Peers(_)) && headers.contains_key(RELAYED) {
            self.counts.count_heard();
        }
    }

    /// Redis: whether this replica hears the others. Peers: whether all accepted the last requests.
    pub fn connected(&self) -> bool {
        match &self.wire {
            Wire::Redis(fleet) => lock(fleet).as_ref().is_some_and(Fleet::connected),
            Wire::Peers(peers) => peers.connected(),
        }
    }

    /// How many environments have a change that was not passed on yet.
    pub fn unsent(&self) -> usize {
        match &self.wire {
            Wire::Redis(fleet) => lock(fleet).as_ref().map_or(0, Fleet::unsent),
            Wire::Peers(peers) => peers.unsent(),
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The line in `/readyz`.
    pub fn line(&self) -> String {
        let wire = match self.wire {
            Wire::Redis(_) => "redis",
            Wire::Peers(_) => "peers",
        };
        let state = if self.connected() {
            "Connected"
        } else {
            "Away"
        };
        format!("fleet {wire} {state}\n")
    }

    /// Waits about one second for changes that were not passed on yet. Later messages are not received.
    pub async fn leave(&self) {
        match &self.wire {
            Wire::Redis(fleet) => {
                let fleet = lock(fleet).take();
                if let Some(fleet) = fleet {
                    fleet.leave().await;
                }
            }
            Wire::Peers(peers) => {
                let told = async {
                    while peers.unsent() > 0 {
                        sleep(Duration::from_millis(10)).await;
                    }
                };
                drop(timeout(LEAVE_WITHIN, told).await);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(environment: &Environment) -> String {
    let spec = &environment.spec;
    format!("{}/{}", spec.vendor.name(), spec.sdk_key)
}

fn hear(message: Heard<News>, me: u64, environments: &[Arc<Environment>], counts: &Counts) {
    match message {
        Heard::Hint { version: news, .. } if news.replica == me => {}
        Heard::Hint {
            key: told,
            version: news,
        } => {
            counts.count_heard();
            for environment in environments {
                if key(environment) == told {
                    match news.revision {
                        Some(revision) => {
                            environment.kept.request(revision);
                        }
                        None => environment.kept.request_change(),
                    }
                }
            }
        }
        // Messages may have been missed. The replicas and their environments ask at different times.
        Heard::Subscribed => {
            let number = u32::try_from(environments.len()).unwrap_or(u32::MAX);
            let time = CATCH_UP_WITHIN + CATCH_UP_EACH * number;
            for environment in environments {
                environment.kept.look_within(time);
            }
        }
    }
}
