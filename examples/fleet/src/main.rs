//! One replica of a service that keeps a datafile of Optimizely. It tells the others when a delivery reaches it.
//!
//! | variable | meaning |
//! |---|---|
//! | `HOST`, `PORT` | where to listen, by default `127.0.0.1:3000` |
//! | `OPTIMIZELY_WEBHOOK_SECRET` | the secret of the webhook |
//! | `OPTIMIZELY_SDK_KEY` | the environment |
//! | `OPTIMIZELY_CDN` | by default `https://cdn.optimizely.com` |
//! | `FLEET_REDIS` | the URL of a Redis: replicas tell each other over it |
//! | `FLEET_PEERS` | `host:port,…`: replicas pass the signed request on |
//!
//! Without `FLEET_REDIS` and `FLEET_PEERS`, the other replicas only poll.

use std::{
    env,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use fleet::{
    peers::{Peers, RELAYED, Signed},
    redis_bus::RedisBus,
};
use serde_json::Value;
use support::{
    download, output, say,
    settings::{listen, setting},
};
use tower_webhook_auth::{
    BoxError, Secret, Verified, WebhookAuthLayer, provider,
    provider::optimizely::Event,
    server,
    sync::{Download, Fleet, Heard, Keep, Kept, Made, Schedule, respond},
};

#[derive(Clone)]
struct Replica {
    sdk_key: Arc<str>,
    kept: Kept<()>,
    fleet: Option<Arc<Fleet<u64>>>,
    peers: Option<Arc<Peers>>,
    /// The verified requests so far.
    deliveries: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let sdk_key: Arc<str> = env::var("OPTIMIZELY_SDK_KEY")
        .map_err(|_| "OPTIMIZELY_SDK_KEY is not set")?
        .into();
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let cdn = setting("OPTIMIZELY_CDN", "https://cdn.optimizely.com".to_owned())?;
    let uri = format!("{cdn}/datafiles/{sdk_key}.json").parse()?;
    let download = Download::new(download::https()?, uri);
    let kept = Keep::new(move |known| download.clone().fetch(known), build)
        .schedule(Schedule::new().poll_every(Duration::from_secs(300)))
        .start();
    let fleet = match env::var("FLEET_REDIS") {
        Ok(url) => Some(Arc::new(join(
            RedisBus::new(&url, "datafiles")?,
            &kept,
            &sdk_key,
        ))),
        Err(_) => None,
    };
    let peers = match env::var("FLEET_PEERS") {
        Ok(list) => Some(Arc::new(Peers::new(list.split(',').map(str::to_owned))?)),
        Err(_) => None,
    };
    let replica = Replica {
        sdk_key,
        kept: kept.clone(),
        fleet,
        peers,
        deliveries: Arc::default(),
    };
    let layer = WebhookAuthLayer::new(provider::optimizely(secret));
    let app = Router::new()
        .route("/webhooks/optimizely", post(delivered).route_layer(layer))
        .route("/datafile", get(datafile))
        .route("/status", get(status))
        .with_state(replica);
    let listener = listen().await?;
    say!("listening on http://{}", listener.local_addr()?);
    server::serve(listener, app).await?;
    kept.stop().await;
    Ok(())
}

/// A message only makes this replica ask its own source, so the broker need not be trusted with datafiles.
fn join(bus: RedisBus, kept: &Kept<()>, sdk_key: &Arc<str>) -> Fleet<u64> {
    let (kept, sdk_key) = (kept.clone(), Arc::clone(sdk_key));
    Fleet::join(bus, move |heard| match heard {
        Heard::Hint { key, version } if *key == *sdk_key => {
            kept.request(version);
        }
        Heard::Hint { .. } => {}
        // Messages may have been missed. The replicas ask at different times.
        Heard::Subscribed => kept.look_within(Duration::from_secs(2)),
    })
}

fn build(bytes: &Bytes) -> Result<Made<(), u64>, BoxError> {
    let datafile: Value = serde_json::from_slice(bytes)?;
    let revision = datafile["revision"]
        .as_str()
        .ok_or("the datafile has no revision")?;
    Ok(Made::new(revision.parse()?, ()))
}

async fn delivered(
    State(replica): State<Replica>,
    OriginalUri(path): OriginalUri,
    headers: HeaderMap,
    webhook: Verified<Event>,
) -> StatusCode {
    replica.deliveries.fetch_add(1, Ordering::Relaxed);
    let Some(datafile) = webhook.datafile() else {
        return StatusCode::OK;
    };
    let revision = datafile.revision;
    // Only a new revision is passed on, so a message does not circulate without end.
    if !replica.kept.request(revision) || headers.contains_key(RELAYED) {
        return StatusCode::OK;
    }
    if let Some(fleet) = &replica.fleet {
        fleet.tell(&replica.sdk_key, revision);
    }
    if let Some(peers) = &replica.peers {
        let body = webhook.body().clone();
        let signed = Signed {
            number: revision,
            path,
            headers,
            body,
        };
        peers.relay(&replica.sdk_key, signed);
    }
    StatusCode::OK
}

async fn datafile(State(replica): State<Replica>, headers: HeaderMap) -> Response {
    match replica.kept.current() {
        Some(snapshot) => respond(&headers, snapshot.document(), "application/json").map(Body::new),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The revision, and what the replica did for it.
async fn status(State(replica): State<Replica>) -> String {
    let status = replica.kept.status();
    let revision = status.have.unwrap_or_default();
    let connected = replica
        .fleet
        .as_ref()
        .is_some_and(|fleet| fleet.connected());
    let deliveries = replica.deliveries.load(Ordering::Relaxed);
    format!("revision={revision} connected={connected} deliveries={deliveries}\n")
}
