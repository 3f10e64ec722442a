//! The settings, and what keeps them up to date.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::Uri;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::download::{Download, Transport, Validators, download};
use tokio::sync::watch;
use tower_webhook_auth::{
    BoxError,
    sync::{Outcome, Refresher, Schedule},
};

#[derive(Clone)]
pub struct Settings {
    source: Arc<Source>,
    refresher: Refresher<()>,
}

impl Settings {
    /// Starts to keep the settings. There are none before the first download has ended.
    ///
    /// # Errors
    ///
    /// When `vwo` is not `http://` or `https://` and a host, or the others are not what they say.
    pub fn start(
        vwo: &str,
        account: &str,
        sdk_key: &str,
        transport: Transport,
        schedule: Schedule,
    ) -> Result<Self, BoxError> {
        let source = Arc::new(Source {
            account: account.into(),
            uri: uri(vwo, account, sdk_key)?,
            transport,
            current: watch::Sender::new(None),
        });
        let work = Arc::clone(&source);
        let refresher = schedule.spawn(move |_| Arc::clone(&work).refresh());
        refresher.request(());
        Ok(Self { source, refresher })
    }

    /// They changed. Never waits.
    pub fn changed(&self) {
        self.refresher.request(());
    }

    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.source.current.borrow().clone()
    }

    /// Tells of each exchange of the settings.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.source.current.subscribe()
    }
}

/// The settings as they were downloaded.
pub struct Snapshot {
    pub json: Bytes,
    /// Ours, from the content: that of VWO's server need not be there.
    pub etag: HeaderValue,
    validators: Validators,
}

impl Snapshot {
    fn read(json: Bytes, account: &str, validators: Validators) -> Result<Self, BoxError> {
        // An error page in JSON is no settings.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Settings {
            account_id: Value,
            #[serde(rename = "version")]
            _version: Value,
        }
        let settings: Settings = serde_json::from_slice(&json)?;
        // VWO's SDKs take a number or text.
        let theirs = match &settings.account_id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if theirs != account {
            return Err(format!("the settings are those of account {theirs:?}").into());
        }
        let digest = HEXLOWER.encode(&Sha256::digest(&json));
        Ok(Self {
            etag: HeaderValue::try_from(format!("\"{digest}\""))?,
            json,
            validators,
        })
    }
}

struct Source {
    account: String,
    uri: Uri,
    transport: Transport,
    current: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Source {
    async fn refresh(self: Arc<Self>) -> Outcome {
        match self.update().await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                eprintln!("settings: {error}");
                Outcome::Retry
            }
        }
    }

    /// Whatever goes wrong on the way, the settings that are there stay.
    async fn update(&self) -> Result<(), BoxError> {
        let current = self.current.borrow().clone();
        let validators = current
            .as_ref()
            .map(|snapshot| snapshot.validators.clone())
            .unwrap_or_default();
        let next = match download(&self.transport, &self.uri, &validators).await? {
            Download::NotModified => return Ok(()),
            Download::New { body, validators } => Snapshot::read(body, &self.account, validators)?,
        };
        let differs = current.is_none_or(|current| current.json != next.json);
        if differs {
            eprintln!("settings: {} bytes, {:?}", next.json.len(), next.etag);
            self.current.send_replace(Some(Arc::new(next)));
        }
        Ok(())
    }
}

/// The URL that VWO's SDKs download from when a webhook told them to: the one that no cache of VWO
/// stands before.
fn uri(vwo: &str, account: &str, sdk_key: &str) -> Result<Uri, BoxError> {
    for (name, value) in [("account id", account), ("SDK key", sdk_key)] {
        // Each becomes a part of a query.
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{value:?} is not an {name}").into());
        }
    }
    let vwo = vwo.trim_end_matches('/');
    let text = format!(
        "{vwo}/server-side/v2-pull?a={account}&i={sdk_key}&platform=server&api-version=1&s=prod"
    );
    let uri: Uri = text.parse().map_err(|error| format!("{vwo}: {error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        _ => Err(format!("{vwo} is neither http:// nor https://").into()),
    }
}
