//! Keeps Optimizely SDK clients up to date by webhooks, and serves their decisions.
//!
//! Without configuration it demonstrates the whole way on this machine, on a loopback address only. It
//! starts a stand-in for Optimizely's CDN, sends itself a signed delivery, prints the decision for a flag
//! before and after, and then serves until Ctrl-C:
//!
//! ```text
//! cargo run -p datafile_sync
//! curl 'http://127.0.0.1:3000/decide?user=alice&flag=new_checkout'
//! ```
//!
//! With these environment variables it works with your account. In Optimizely, the URL of each project's
//! webhook is `https://<your host>/webhooks/optimizely`.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HOST` | where to listen, by default `127.0.0.1` |
//! | `PORT` | by default `3000`; `0` lets the system choose |
//! | `OPTIMIZELY_PROJECTS` | the ids of the projects, separated by commas |
//! | `OPTIMIZELY_WEBHOOK_SECRET_<id>` | the secret of the project's webhook; each project has its own |
//! | `OPTIMIZELY_SDK_KEYS_<id>` | its environments and their SDK keys: `Production=QMVJ…,Staging=KVpG…` |
//! | `OPTIMIZELY_POLL_SECONDS` | how often to look for a new datafile without a delivery, by default `300` |
//! | `OPTIMIZELY_CDN` | by default `https://cdn.optimizely.com` |
//!
//! With a single project, `_<id>` may be left out of the names. An SDK key without a name is refreshed by
//! deliveries for any environment of its project. The name is the value of `data.environment` in deliveries.
//!
//! ```text
//! OPTIMIZELY_PROJECTS=11387641093 \
//! OPTIMIZELY_WEBHOOK_SECRET=yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4 \
//! OPTIMIZELY_SDK_KEYS=Production=QMVJcUKEJZFg8pQ2jhAybK \
//! cargo run -p datafile_sync
//! ```
//!
//! `GET /decide?user=…&flag=…` decides with the first SDK key, or with that of `&sdk_key=…`. It responds with
//! 404 if there is no such key, and with 503 before the first datafile has arrived.
//!
//! Not included: authenticated datafiles, and sending events. The dependencies are in the `Cargo.toml` next
//! to `src`.

use std::{env, error::Error, process::ExitCode};

use datafile_sync::{
    config::Config,
    demo::demo,
    service::{Environments, app},
};
use support::{
    download, output, say,
    settings::{demonstrate_on, listen, reject_unknown, require},
};
use tower_webhook_auth::{server, sync::Schedule};

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let known = [
        "OPTIMIZELY_PROJECTS",
        "OPTIMIZELY_WEBHOOK_SECRET",
        "OPTIMIZELY_WEBHOOK_SECRET_*",
        "OPTIMIZELY_SDK_KEYS",
        "OPTIMIZELY_SDK_KEYS_*",
        "OPTIMIZELY_POLL_SECONDS",
        "OPTIMIZELY_CDN",
    ];
    reject_unknown(&["OPTIMIZELY_"], &known)?;
    require("OPTIMIZELY_PROJECTS", &["OPTIMIZELY_"])?;
    let config = Config::read(|name| env::var(name).ok())?;

    let listener = listen().await?;
    let address = listener.local_addr()?;
    if config.is_none() {
        demonstrate_on(address, "OPTIMIZELY_PROJECTS")?;
    }
    say!("listening on http://{address}");

    // The defaults suit a CDN: at most one download in a second, at most a minute between retries,
    // 30 seconds for one download.
    let schedule = Schedule::new();
    match config {
        Some(config) => {
            let environments = Environments::start(&config, &download::https()?, &schedule)?;
            let app = app(&config, environments)?;
            server::serve(listener, app).await?;
        }
        None => {
            say!("*** DEMONSTRATION: OPTIMIZELY_PROJECTS is not set. ***");
            let demo = demo(listener, &schedule).await?;
            say!("before   {}", demo.before);
            say!("delivery {}", demo.delivery);
            say!("after    {}", demo.after);
            say!("try      curl 'http://{address}/decide?user=bob&flag=new_checkout'");
            demo.server.await??;
        }
    }
    Ok(())
}
