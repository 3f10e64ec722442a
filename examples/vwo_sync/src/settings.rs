//! The settings, and the refresher that keeps them up to date.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::Uri;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{
    download::{Download, Transport, Validators, download},
    output::write_error,
};
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
    /// Starts to keep the settings. There are none before the first download is complete.
    ///
    /// # Errors
    ///
    /// If `vwo` is not `http://` or `https://` with a host, or the account or the SDK key is not valid.
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

    /// The settings changed. It never waits.
    pub fn changed(&self) {
        self.refresher.request(());
    }

    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.source.current.borrow().clone()
    }

    /// Sees each change of the settings.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.source.current.subscribe()
    }
}

/// The settings as downloaded.
pub struct Snapshot {
    pub json: Bytes,
    /// Made from the content: VWO's server may send none.
    pub etag: HeaderValue,
    validators: Validators,
}

impl Snapshot {
    fn read(json: Bytes, account: &str, validators: Validators) -> Result<Self, BoxError> {
        // An error page may be JSON, too.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Settings {
            account_id: Value,
            #[serde(rename = "version")]
            _version: Value,
        }
        let settings: Settings = serde_json::from_slice(&json)?;
        // VWO's SDKs accept a number or a text.
        let theirs = match &settings.account_id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if theirs != account {
            return Err(format!("the settings belong to account {theirs:?}").into());
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
                write_error(format_args!("settings: {:?}", error.to_string()));
                Outcome::Retry
            }
        }
    }

    /// After an error the current settings stay.
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
            write_error(format_args!(
                "settings: {} bytes, {:?}",
                next.json.len(),
                next.etag
            ));
            self.current.send_replace(Some(Arc::new(next)));
        }
        Ok(())
    }
}

/// The URL from which VWO's SDKs download after a webhook: it has no cache in front.
fn uri(vwo: &str, account: &str, sdk_key: &str) -> Result<Uri, BoxError> {
    for (name, value) in [
        ("account id (VWO_ACCOUNT_ID)", account),
        ("SDK key (VWO_SDK_KEY)", sdk_key),
    ] {
        // Each becomes a part of a query.
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(
                format!("{value:?} is not an {name}: it has letters and digits only").into(),
            );
        }
    }
    let vwo = vwo.trim_end_matches('/');
    let text = format!(
        "{vwo}/server-side/v2-pull?a={account}&i={sdk_key}&platform=server&api-version=1&s=prod"
    );
    let uri: Uri = text
        .parse()
        .map_err(|error| format!("VWO_HOST={vwo:?} makes no URL: {error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        _ => Err(format!("VWO_HOST={vwo:?} does not begin with http:// or https://").into()),
    }
}
