//! Without a broker: each replica passes the signed request on to the others, which verify it again.
//!
//! For senders that sign. A shared key would be passed on as it is.

use std::{
    cmp::Ordering,
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use support::download::{self, Transport};
use tokio::net::lookup_host;
use tower::ServiceExt;
use tower_webhook_auth::{
    BoxError,
    sync::{Outcome, Refresher, Schedule},
};
use tracing::warn;

use crate::{Counts, add};

/// A replica does not pass on a request that has this header. The header is not signed. If it is removed, each replica
/// passes the request on once more. Then every replica has the revision.
pub const RELAYED: HeaderName = HeaderName::from_static("x-webhook-relayed");

/// A verified request.
#[derive(Clone)]
pub struct Signed {
    /// If several requests with one key wait, the one with the greatest number is passed on.
    pub number: u64,
    pub path: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Signed {
    fn request(&self, address: SocketAddr) -> Result<Request<Full<Bytes>>, BoxError> {
        let path = self
            .path
            .path_and_query()
            .ok_or("the request has no path")?;
        let mut request =
            Request::post(format!("http://{address}{path}")).body(Full::new(self.body.clone()))?;
        // `Host` stays as the sender wrote it: some senders sign it.
        let mut headers = self.headers.clone();
        for name in [
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::CONNECTION,
            header::EXPECT,
        ] {
            headers.remove(name);
        }
        headers.insert(RELAYED, HeaderValue::from_static("1"));
        *request.headers_mut() = headers;
        Ok(request)
    }
}

impl Ord for Signed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}
impl PartialOrd for Signed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Eq for Signed {}
impl PartialEq for Signed {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// The other replicas.
pub struct Peers {
    names: Arc<[String]>,
    client: Transport,
    counts: Arc<Counts>,
    /// One for each key: a delivery of one environment does not replace that of another.
    keys: Mutex<HashMap<String, Refresher<Signed>>>,
}

impl Peers {
    /// Each name is looked up for each request. A name may have many addresses, for example that of a headless
    /// service of Kubernetes. This replica may have one of these addresses.
    ///
    /// # Errors
    ///
    /// If there is no name, or one is not `host:port`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let names: Arc<[String]> = names.into_iter().collect();
        if names.is_empty() {
            return Err("there is no peer: name the others as \"host:port\"".into());
        }
        for name in names.iter() {
            let port = name.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                return Err(format!("the peer {name:?} is not \"host:port\""));
            }
        }
        Ok(Self {
            names,
            client: download::http(),
            counts: Arc::default(),
            keys: Mutex::default(),
        })
    }

    /// Passes the request on, and repeats it until each replica has accepted it, for about five minutes. It never
    /// waits.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn relay(&self, key: &str, signed: Signed) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains_key(key) {
            keys.insert(key.to_owned(), self.refresher());
        }
        keys[key].request(signed);
    }

    /// How many keys have a request that some replica has not accepted yet.
    pub fn unsent(&self) -> usize {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values()
            .filter(|key| key.progress().wanted.is_some())
            .count()
    }

    /// Whether no peer failed to accept the last requests.
    pub fn connected(&self) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values().all(|key| key.progress().failures == 0)
    }

    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    fn refresher(&self) -> Refresher<Signed> {
        let schedule = Schedule::new()
            .spacing(Duration::from_millis(20))
            .backoff(Duration::from_millis(100), Duration::from_secs(5))
            .deadline(Duration::from_secs(5))
            .jitter(0.5)
            .retries(60);
        let relay = Relay {
            names: Arc::clone(&self.names),
            client: self.client.clone(),
            counts: Arc::clone(&self.counts),
            failed: Arc::default(),
        };
        schedule.spawn(move |signed| relay.clone().run(signed))
    }
}

/// How long one peer may take for its response.
const ACCEPT_WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Relay {
    names: Arc<[String]>,
    client: Transport,
    counts: Arc<Counts>,
    /// Some peer did not accept the current request.
    failed: Arc<Mutex<bool>>,
}

impl Relay {
    async fn run(self, signed: Option<Signed>) -> Outcome {
        let Some(signed) = signed else {
            return Outcome::Done;
        };
        let (mut addresses, mut failures) = (Vec::new(), Vec::new());
        for name in self.names.iter() {
            match lookup_host(name).await {
                Ok(found) => addresses.extend(found),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
        let sent = addresses
            .into_iter()
            .map(|address| self.send(&signed, address));
        failures.extend(join_all(sent).await.into_iter().filter_map(Result::err));
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.is_empty() {
            if std::mem::take(&mut *failed) {
                add(&self.counts.catch_ups);
            }
            return Outcome::Done;
        }
        // One line for each interruption, although the request is repeated.
        if !std::mem::replace(&mut *failed, true) {
            warn!(?failures, "a peer did not accept a request: it is repeated");
        }
        // All get it again. A replica that has the revision ignores it.
        Outcome::Retry
    }

    async fn send(&self, signed: &Signed, address: SocketAddr) -> Result<(), String> {
        let sent = async {
            let request = signed.request(address)?;
            let response = self.client.clone().oneshot(request).await?;
            match response.status() {
                status if status.is_success() => Ok(()),
                status => Err(BoxError::from(format!("it responded with {status}"))),
            }
        };
        let sent = tokio::time::timeout(ACCEPT_WITHIN, sent).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no response in {ACCEPT_WITHIN:?}").into()));
        match sent {
            Ok(()) => {
                add(&self.counts.told);
                Ok(())
            }
            Err(error) => {
                add(&self.counts.lost);
                Err(format!("{address}: {error}"))
            }
        }
    }
}
