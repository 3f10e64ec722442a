//! One environment of a project: its SDK client, and the refresher that keeps the client up to date.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::Uri;
use optimizely::Client;
use support::{
    download::{Download, Transport, Validators, download},
    output::write_error,
};
use tokio::{sync::watch, task::spawn_blocking};
use tower_webhook_auth::{
    BoxError,
    provider::optimizely::Datafile,
    sync::{Outcome, Refresher, Schedule},
};

use crate::config::EnvironmentKey;

pub struct Environment {
    project_id: i64,
    name: Option<String>,
    source: Arc<Source>,
    refresher: Refresher<u64>,
}

impl Environment {
    /// Starts to keep a client. There is none before the first download is complete.
    ///
    /// # Errors
    ///
    /// If the address of the CDN makes no URL.
    pub fn start(
        project_id: i64,
        key: &EnvironmentKey,
        cdn: &str,
        transport: Transport,
        schedule: Schedule,
    ) -> Result<Self, BoxError> {
        let source = Arc::new(Source {
            sdk_key: key.sdk_key.clone(),
            uri: key.uri(cdn)?,
            transport,
            current: watch::Sender::new(None),
        });
        let work = Arc::clone(&source);
        let refresher = schedule.spawn(move |wanted| Arc::clone(&work).refresh(wanted));
        refresher.request(0); // Any revision is good enough at first.
        Ok(Self {
            project_id,
            name: key.name.clone(),
            source,
            refresher,
        })
    }

    /// A delivery says that there is a new datafile. It never waits.
    pub fn told_of(&self, project_id: i64, datafile: &Datafile) {
        let named = match (&self.name, &datafile.environment) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            // Old deliveries name no environment.
            _ => true,
        };
        // An older revision comes from a replay or from a late delivery: no time in a delivery is checked.
        let newer = self.revision().is_none_or(|ours| datafile.revision > ours);
        if project_id == self.project_id && named && newer {
            self.refresher.request(datafile.revision);
        }
    }

    pub fn sdk_key(&self) -> &str {
        &self.source.sdk_key
    }

    /// The current client. A caller that holds it can go on with it while a newer one replaces it.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.source.current()
    }

    pub fn revision(&self) -> Option<u64> {
        self.source.revision()
    }

    /// Waits for a datafile of this revision or a newer one.
    pub async fn reached(&self, revision: u64) {
        let mut current = self.source.current.subscribe();
        let reached = |current: &Option<Arc<Snapshot>>| {
            current
                .as_ref()
                .is_some_and(|snapshot| snapshot.revision >= revision)
        };
        current
            .wait_for(reached)
            .await
            .expect("the sender lives as long as the source");
    }
}

/// A client, and the datafile that it was made from.
pub struct Snapshot {
    pub client: Client,
    pub revision: u64,
    validators: Validators,
}

impl Snapshot {
    fn read(datafile: &Bytes, sdk_key: &str, validators: Validators) -> Result<Self, BoxError> {
        let client = Client::from_string(str::from_utf8(datafile)?)
            .map_err(|report| format!("{report:#}"))?
            .initialize();
        let (theirs, revision) = {
            let datafile = client.datafile();
            (datafile.sdk_key().to_owned(), datafile.revision().into())
        };
        if theirs != sdk_key {
            return Err(format!("the datafile belongs to the SDK key {theirs:?}").into());
        }
        Ok(Self {
            client,
            revision,
            validators,
        })
    }
}

/// Where the datafile comes from, and the client that is made from it.
struct Source {
    sdk_key: String,
    uri: Uri,
    transport: Transport,
    current: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Source {
    async fn refresh(self: Arc<Self>, wanted: Option<u64>) -> Outcome {
        match self.update().await {
            Ok(update) => write_error(format_args!("{}: {update}", self.sdk_key)),
            Err(error) => {
                write_error(format_args!("{}: {:?}", self.sdk_key, error.to_string()));
                return Outcome::Retry;
            }
        }
        // The CDN may still serve an older datafile.
        if self.revision() < wanted {
            return Outcome::Retry;
        }
        Outcome::Done
    }

    /// After an error the current client stays.
    async fn update(&self) -> Result<Update, BoxError> {
        let current = self.current();
        let validators = current
            .as_ref()
            .map(|snapshot| snapshot.validators.clone())
            .unwrap_or_default();
        let (datafile, validators) = match download(&self.transport, &self.uri, &validators).await?
        {
            Download::NotModified => return Ok(Update::NotModified),
            Download::New { body, validators } => (body, validators),
        };
        // It takes time to parse a large datafile. Requests must not wait for it.
        let sdk_key = self.sdk_key.clone();
        let next =
            spawn_blocking(move || Snapshot::read(&datafile, &sdk_key, validators)).await??;

        let (from, to) = (current.map(|snapshot| snapshot.revision), next.revision);
        if Some(to) < from {
            return Ok(Update::Older(to));
        }
        self.current.send_replace(Some(Arc::new(next)));
        Ok(Update::Replaced { from, to })
    }

    fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.borrow().clone()
    }

    fn revision(&self) -> Option<u64> {
        Some(self.current()?.revision)
    }
}

enum Update {
    NotModified,
    Older(u64),
    Replaced { from: Option<u64>, to: u64 },
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotModified => f.write_str("not modified"),
            Self::Older(revision) => write!(f, "revision {revision} is older than the current one"),
            Self::Replaced { from: None, to } => write!(f, "revision {to}"),
            Self::Replaced {
                from: Some(from),
                to,
            } => write!(f, "revision {from} -> {to}"),
        }
    }
}
