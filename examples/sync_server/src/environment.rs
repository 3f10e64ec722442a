//! One environment: its document, kept up to date.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::download::Transport;
use tokio::task::AbortHandle;
use tower_webhook_auth::{
    BoxError,
    sync::{Document, Download, FileStore, Keep, Kept, Made, Schedule, State, Status, Store},
};
use tracing::{info, warn};

use crate::config::{self, Config, Spec, Vendor, short};

/// VWO does not promise that the version of its settings grows, so this constant is used as their
/// version.
const NO_VERSION: u64 = 0;

pub struct Environment {
    pub spec: Spec,
    /// The document is in the snapshot. There is no other value, because this program only serves it.
    pub kept: Kept<(), u64>,
    log: AbortHandle,
}

impl Environment {
    /// `before` is the environment that this one replaces. Its document stays until the source has another.
    ///
    /// # Errors
    ///
    /// If the URL or the token is not valid.
    pub fn start(
        spec: Spec,
        config: &Config,
        transport: Transport,
        before: Option<&Self>,
    ) -> Result<Self, BoxError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("sync_server"));
        if let Some(config::Token(token)) = &spec.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let download = Download::new(transport, spec.url.parse()?).headers(headers);
        let build_spec = spec.clone();
        let mut schedule = Schedule::new().poll_every(config.sync.poll);
        if matches!(spec.vendor, Vendor::Vwo { .. }) {
            // VWO's server may be behind its own webhook. Each look is one conditional request.
            schedule = schedule.look_again([2, 5, 10, 30].map(Duration::from_secs));
        }
        let file = config.store.as_ref().map(|store| {
            let digest = Sha256::digest(format!("{}/{}", spec.vendor.name(), spec.sdk_key));
            FileStore::new(store.folder.join(HEXLOWER.encode(&digest)))
        });
        let current = before.and_then(|before| before.kept.current());
        let before = current.map(|snapshot| snapshot.document().clone());
        let kept = Keep::new(
            move |known| download.clone().fetch(known),
            move |bytes| build(bytes, &build_spec),
        )
        .schedule(schedule)
        .stale_after(Some(config.sync.stale_after))
        .store(Documents { before, file })
        .start();
        let log = tokio::spawn(log(kept.clone(), short(&spec.sdk_key).to_owned())).abort_handle();
        Ok(Self { spec, kept, log })
    }

    pub fn is(&self, vendor: &str, sdk_key: &str) -> bool {
        self.spec.vendor.name() == vendor && self.spec.sdk_key == sdk_key
    }
}

impl Drop for Environment {
    // The task has a handle, and the document is kept while there is one.
    fn drop(&mut self) {
        self.log.abort();
    }
}

/// What an environment starts with: the document before a reload, or that of the file.
struct Documents {
    before: Option<Document>,
    file: Option<FileStore>,
}

impl Store for Documents {
    async fn load(&self) -> Result<Option<Document>, BoxError> {
        match (&self.before, &self.file) {
            (Some(before), Some(file)) => {
                // The folder may be new, and the source may never send this document again. If it cannot be saved,
                // the next save reports it.
                drop(file.save(before).await);
                Ok(Some(before.clone()))
            }
            (Some(before), None) => Ok(Some(before.clone())),
            (None, Some(file)) => file.load().await,
            (None, None) => Ok(None),
        }
    }

    async fn save(&self, document: &Document) -> Result<(), BoxError> {
        match &self.file {
            Some(file) => file.save(document).await,
            None => Ok(()),
        }
    }
}

/// Checks the form of a document, because an error page may be JSON, too.
fn build(bytes: &Bytes, spec: &Spec) -> Result<Made<(), u64>, BoxError> {
    let mut document: Value = serde_json::from_slice(bytes)?;
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match &spec.vendor {
        Vendor::Optimizely { .. } => {
            // Datafiles of old versions have no SDK key.
            let theirs = document.get("sdkKey").filter(|key| !key.is_null());
            if let Some(theirs) = theirs
                && theirs != &spec.sdk_key
            {
                let theirs = text(theirs);
                return Err(
                    format!("the datafile belongs to the SDK key {}…", short(&theirs)).into(),
                );
            }
            let revision = document
                .get_mut("revision")
                .ok_or("the datafile has no revision")?;
            let revision = text(&revision.take()).parse()?;
            // A new number alone is no change of the content.
            Ok(Made::new(revision, ()).content(serde_json::to_vec(&document)?))
        }
        Vendor::Vwo { account } => {
            let theirs = document
                .get("accountId")
                .ok_or("the settings have no accountId")?;
            let theirs = text(theirs);
            if theirs != *account {
                return Err(format!("the settings belong to account {theirs:?}").into());
            }
            document
                .get("version")
                .ok_or("the settings have no version")?;
            Ok(Made::new(NO_VERSION, ()))
        }
    }
}

/// Writes a line for each change of the document or of its state, and for each failure.
async fn log(kept: Kept<(), u64>, key: String) {
    let mut statuses = kept.subscribe_status();
    // The first document may be there already. It gets its line, too.
    let mut before: Option<Status<u64>> = None;
    loop {
        let now = statuses.borrow_and_update().clone();
        log_difference(before.as_ref(), &now, &key);
        before = Some(now);
        if statuses.changed().await.is_err() {
            return;
        }
    }
}

fn log_difference(before: Option<&Status<u64>>, now: &Status<u64>, key: &str) {
    let (had, change) = before.map_or((None, 0), |before| (before.have, before.change));
    if now.have != had || now.change != change {
        let changed = now.change > change;
        info!(key, from = ?had, to = ?now.have, changed, "new document");
    }
    let state = before.map_or(State::NotReady, |before| before.state);
    if now.state != state {
        info!(key, from = ?state, to = ?now.state, "new state");
    }
    if let Some(failure) = &now.last_failure
        && before.is_none_or(|before| before.failures != now.failures)
    {
        warn!(key, failures = now.failures, "download failed: {failure:?}");
    }
    if let Some(failure) = &now.store_failure
        && before.is_none_or(|before| before.store_failure != now.store_failure)
    {
        warn!(key, "cannot store: {failure:?}");
    }
    if let Some(version) = now.given_up
        && before.is_none_or(|before| before.given_up != now.given_up)
    {
        warn!(key, version, "a version never came");
    }
    if let Some(version) = now.older
        && before.is_none_or(|before| before.older != now.older)
    {
        warn!(
            key,
            version, "the source has an older version: POST /older/<key> accepts it"
        );
    }
}
