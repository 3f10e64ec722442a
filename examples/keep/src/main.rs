//! Keeps one Optimizely SDK client up to date by webhooks, and serves its decisions.
//!
//! It shows only the module `sync`. A service needs to copy only [`flags`]. `examples/sync_server`
//! is the program to deploy: several projects and environments, metrics, a file for the next
//! start.
//!
//! Without configuration it runs as a demonstration on a loopback address. It starts a local
//! server in place of Optimizely's CDN, sends itself a signed delivery, prints the decision for a
//! flag before and after, and then serves until Ctrl-C:
//!
//! ```text
//! cargo run -p keep
//! curl 'http://127.0.0.1:3000/decide?user=alice&flag=new_checkout'
//! ```
//!
//! With `OPTIMIZELY_WEBHOOK_SECRET` and `OPTIMIZELY_SDK_KEY` it works with one environment of your account. The
//! URL of the webhook is `https://<your host>/webhooks/optimizely`. `HOST` (default `127.0.0.1`) and `PORT`
//! (default `3000`) say where to listen.
//!
//! The crate `optimizely` is unofficial. It does not support holdouts and variables, and it
//! rejects datafiles in which some optional fields are missing. `examples/sync_server` therefore
//! serves the datafile itself to the official SDKs.

mod demo;

use std::{collections::HashSet, env, error::Error, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, Uri},
    routing::{get, post},
};
use bytes::Bytes;
use optimizely::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{
    download::{self, Transport},
    output, say,
    settings::{demonstrate_on, listen, reject_unknown, require, secret},
};
use tower_webhook_auth::{
    BoxError, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely::Event},
    server,
    sync::{Download, Keep, Kept, Made, Schedule},
};

/// What is built from one datafile.
struct Flags {
    client: Client,
    /// The client decides "off" for a flag that does not exist.
    keys: HashSet<String>,
}

/// Starts to keep a client. There is none before the first download is complete.
fn flags(transport: Transport, uri: Uri, sdk_key: String) -> Kept<Flags> {
    let download = Download::new(transport, uri);
    let schedule = Schedule::new().poll_every(Duration::from_secs(300));
    Keep::new(
        move |known| download.clone().fetch(known),
        move |bytes| build(bytes, &sdk_key),
    )
    .schedule(schedule)
    .start()
}

/// Makes a client from a datafile.
fn build(datafile: &Bytes, sdk_key: &str) -> Result<Made<Flags, u64>, BoxError> {
    let json: Value = serde_json::from_slice(datafile)?;
    let listed = json["featureFlags"].as_array().into_iter().flatten();
    let keys = listed.filter_map(|flag| flag["key"].as_str().map(str::to_owned));
    let keys = keys.collect();
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
    Ok(Made::new(revision, Flags { client, keys }))
}

fn app(secret: Secret, flags: Kept<Flags>) -> Router {
    let layer = WebhookAuthLayer::new(provider::optimizely(secret));
    Router::new()
        .route("/webhooks/optimizely", post(delivered).route_layer(layer))
        .route("/decide", get(decide))
        .with_state(flags)
}

/// It responds at once. The download is done in the background.
async fn delivered(State(flags): State<Kept<Flags>>, webhook: Verified<Event>) -> StatusCode {
    if let Some(datafile) = webhook.datafile() {
        flags.request(datafile.revision);
    }
    StatusCode::OK
}

#[derive(Deserialize)]
struct Question {
    user: String,
    flag: String,
}

async fn decide(
    State(flags): State<Kept<Flags>>,
    Query(question): Query<Question>,
) -> Result<Json<Value>, StatusCode> {
    let flags = flags.current().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    if !flags.keys.contains(&question.flag) {
        return Err(StatusCode::NOT_FOUND);
    }
    let user = flags.client.create_user_context(&question.user);
    let decision = user.decide(&question.flag);
    Ok(Json(json!({
        "enabled": decision.enabled(),
        "flag": question.flag,
        "revision": flags.version(),
        "user": question.user,
        "variation": decision.variation_key(),
    })))
}

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let known = ["OPTIMIZELY_WEBHOOK_SECRET", "OPTIMIZELY_SDK_KEY"];
    reject_unknown(&["OPTIMIZELY_"], &known)?;
    require("OPTIMIZELY_WEBHOOK_SECRET", &["OPTIMIZELY_"])?;
    let secret = secret("OPTIMIZELY_WEBHOOK_SECRET")?;
    let listener = listen().await?;
    let address = listener.local_addr()?;
    let Some(secret) = secret else {
        demonstrate_on(address, "OPTIMIZELY_WEBHOOK_SECRET")?;
        say!("listening on http://{address}");
        say!("*** DEMONSTRATION: OPTIMIZELY_WEBHOOK_SECRET is not set. ***");
        return demo::run(listener).await;
    };
    let sdk_key = env::var("OPTIMIZELY_SDK_KEY").map_err(|_| {
        "OPTIMIZELY_SDK_KEY is not set: OPTIMIZELY_WEBHOOK_SECRET needs it".to_owned()
    })?;
    let uri = format!("https://cdn.optimizely.com/datafiles/{sdk_key}.json")
        .parse()
        .map_err(|error| format!("OPTIMIZELY_SDK_KEY={sdk_key:?} makes no URL: {error}"))?;
    let flags = flags(download::https()?, uri, sdk_key);
    say!("listening on http://{address}");
    server::serve(listener, app(secret, flags.clone())).await?;
    flags.stop().await;
    Ok(())
}
