//! Keeps Optimizely SDK clients up to date by webhooks, and answers with their decisions.
//!
//! With no configuration it shows the whole way on this machine: it starts a stand-in for
//! Optimizely's CDN, sends itself a signed delivery, prints a flag's decision before and after, and
//! goes on serving until Ctrl-C:
//!
//! ```text
//! cargo run -p datafile_sync
//! curl 'http://127.0.0.1:3000/decide?user=alice&flag=new_checkout'
//! ```
//!
//! With these environment variables it does the real thing. In Optimizely, the URL of each
//! project's webhook is `https://<your host>/webhooks/optimizely`.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HOST` | where to listen, by default `127.0.0.1` |
//! | `PORT` | by default `3000`; `0` lets the system choose |
//! | `OPTIMIZELY_PROJECTS` | the projects' ids, separated by commas; without it all else is ignored |
//! | `OPTIMIZELY_WEBHOOK_SECRET_<id>` | the secret of the project's webhook; each project has another |
//! | `OPTIMIZELY_SDK_KEYS_<id>` | its environments and their SDK keys: `Production=QMVJ…,Staging=KVpG…` |
//! | `OPTIMIZELY_POLL_SECONDS` | how often to look without being told, by default `300` |
//! | `OPTIMIZELY_CDN` | by default `https://cdn.optimizely.com` |
//!
//! If there is only one project, `_<id>` may be left out of the names. An SDK key without a name is
//! refreshed by deliveries for any environment of its project. The name is the one that deliveries
//! carry in `data.environment`.
//!
//! ```text
//! OPTIMIZELY_PROJECTS=11387641093 \
//! OPTIMIZELY_WEBHOOK_SECRET=yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4 \
//! OPTIMIZELY_SDK_KEYS=Production=QMVJcUKEJZFg8pQ2jhAybK \
//! cargo run -p datafile_sync
//! ```
//!
//! `GET /decide?user=…&flag=…` answers by the first SDK key, or by that of `&sdk_key=…`: 404 if
//! there is no such key, 503 before the first datafile is there.
//!
//! What it does not do: authenticated datafiles, and sending events.

use std::env;

use datafile_sync::{
    config::Config,
    demo::demo,
    service::{Environments, app},
};
use support::download;
use tokio::{net::TcpListener, signal::ctrl_c};
use tower_webhook_auth::{BoxError, sync::Schedule};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let variable = |name: &str| env::var(name).ok();
    let config = Config::read(variable)?;

    let host = variable("HOST").unwrap_or("127.0.0.1".into());
    let port = variable("PORT").unwrap_or("3000".into()).parse()?;
    let listener = TcpListener::bind((host, port)).await?;
    let us = listener.local_addr()?;
    println!("listening on http://{us}");

    // The defaults are right for a CDN: no two downloads within a second, a minute at most between
    // retries, 30 seconds for one download.
    let schedule = Schedule::new();
    let server = match config {
        Some(config) => {
            let environments = Environments::start(&config, &download::https()?, &schedule)?;
            let app = app(&config, environments)?;
            tokio::spawn(axum::serve(listener, app).into_future())
        }
        None => {
            println!("*** DEMONSTRATION: OPTIMIZELY_PROJECTS is not set. ***");
            let demo = demo(listener, &schedule).await?;
            println!("before   {}", demo.before);
            println!("delivery {}", demo.delivery);
            println!("after    {}", demo.after);
            println!("try      curl 'http://{us}/decide?user=bob&flag=new_checkout'");
            demo.server
        }
    };
    tokio::select! {
        served = server => served??,
        stopped = ctrl_c() => stopped?,
    }
    Ok(())
}
