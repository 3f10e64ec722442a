//! Keeps the settings of VWO up to date by webhooks.
//!
//! There is no SDK of VWO in Rust. So the example keeps the JSON of the settings, and another program, or an
//! SDK next to this program, reads it at `GET /settings`. The response has an `ETag`: a request with
//! `If-None-Match` gets 304 until the settings change.
//!
//! Without configuration it demonstrates the whole way on this machine, on a loopback address only. It
//! starts a stand-in for VWO's server, sends itself a delivery, prints the version of the settings before and
//! after, and then serves until Ctrl-C:
//!
//! ```text
//! cargo run -p vwo_sync
//! curl -i http://127.0.0.1:3000/settings
//! ```
//!
//! With these environment variables it works with your account. In VWO, the URL of the webhook is
//! `https://<your host>/webhooks/vwo`.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HOST` | where to listen, by default `127.0.0.1` |
//! | `PORT` | by default `3000`; `0` lets the system choose |
//! | `VWO_WEBHOOK_KEY` | the key of the webhook |
//! | `VWO_ACCOUNT_ID` | the id of the account |
//! | `VWO_SDK_KEY` | the SDK key of the environment |
//! | `VWO_POLL_SECONDS` | how often to look for new settings without a delivery, by default `600` as in VWO's SDKs |
//! | `VWO_HOST` | by default `https://dev.visualwebsiteoptimizer.com` |
//!
//! VWO repeats a delivery every one or two seconds for an hour until the response is 200. So the response is
//! 200 at once, and the download follows, at most once a second. A delivery does not say what changed, nor in
//! which version: each one causes a download.
//!
//! The dependencies are in the `Cargo.toml` next to `src`.

use std::{env, error::Error, process::ExitCode, time::Duration};

use support::{
    download, output, say,
    settings::{demonstrate_on, listen, reject_unknown, require, secret, setting},
};
use tower_webhook_auth::{server, sync::Schedule};
use vwo_sync::{demo::demo, service::app, settings::Settings};

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let known = [
        "VWO_WEBHOOK_KEY",
        "VWO_ACCOUNT_ID",
        "VWO_SDK_KEY",
        "VWO_POLL_SECONDS",
        "VWO_HOST",
    ];
    reject_unknown(&["VWO_"], &known)?;
    require("VWO_WEBHOOK_KEY", &["VWO_"])?;
    let key = secret("VWO_WEBHOOK_KEY")?;
    let poll_seconds = setting("VWO_POLL_SECONDS", 600)?;
    let schedule = Schedule::new().poll_every(Duration::from_secs(poll_seconds));

    let listener = listen().await?;
    let address = listener.local_addr()?;
    if key.is_none() {
        demonstrate_on(address, "VWO_WEBHOOK_KEY")?;
    }
    match key {
        Some(key) => {
            let required = |name: &str| {
                env::var(name).map_err(|_| {
                    format!("environment variable {name} is not set: VWO_WEBHOOK_KEY needs it")
                })
            };
            let host = "https://dev.visualwebsiteoptimizer.com".to_owned();
            let vwo = setting("VWO_HOST", host)?;
            let (account, sdk_key) = (required("VWO_ACCOUNT_ID")?, required("VWO_SDK_KEY")?);
            let https = download::https()?;
            let settings = Settings::start(&vwo, &account, &sdk_key, https, schedule)?;
            say!("listening on http://{address}");
            server::serve(listener, app(key, settings)).await?;
        }
        None => {
            say!("listening on http://{address}");
            say!("*** DEMONSTRATION: VWO_WEBHOOK_KEY is not set. ***");
            let demo = demo(listener, schedule).await?;
            say!("before   version {}", demo.before["version"]);
            say!("delivery {}", demo.delivery);
            say!("after    version {}", demo.after["version"]);
            say!("try      curl -i http://{address}/settings");
            demo.server.await??;
        }
    }
    Ok(())
}
