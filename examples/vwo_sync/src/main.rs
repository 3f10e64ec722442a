//! Keeps the settings of VWO up to date by webhooks.
//!
//! There is no SDK of VWO in Rust: what is kept is the settings' JSON, which another program, or an
//! SDK beside this one, reads at `GET /settings`. It carries an `ETag`: who asks with
//! `If-None-Match` gets 304 until there is something new.
//!
//! With no configuration it shows the whole way on this machine: it starts a stand-in for VWO's
//! server, sends itself a delivery, prints the settings' version before and after, and goes on
//! serving until Ctrl-C:
//!
//! ```text
//! cargo run -p vwo_sync
//! curl -i http://127.0.0.1:3000/settings
//! ```
//!
//! With these environment variables it does the real thing. In VWO, the webhook's URL is
//! `https://<your host>/webhooks/vwo`.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HOST` | where to listen, by default `127.0.0.1` |
//! | `PORT` | by default `3000`; `0` lets the system choose |
//! | `VWO_WEBHOOK_KEY` | the webhook's key; without it all else is ignored |
//! | `VWO_ACCOUNT_ID` | the account's id |
//! | `VWO_SDK_KEY` | the SDK key of the environment |
//! | `VWO_POLL_SECONDS` | how often to look without being told, by default `600`, as VWO's SDKs do |
//! | `VWO_HOST` | by default `https://dev.visualwebsiteoptimizer.com` |
//!
//! VWO repeats a delivery every one or two seconds for an hour until it is answered with 200. So the
//! answer is 200 at once, and the download is done afterwards, at most once a second. A delivery
//! does not say what changed, nor in which version: whatever it says, it means one download.

use std::{env, time::Duration};

use support::download;
use tokio::{net::TcpListener, signal::ctrl_c};
use tower_webhook_auth::{BoxError, Secret, sync::Schedule};
use vwo_sync::{demo::demo, service::app, settings::Settings};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let variable = |name: &str| env::var(name).ok();
    let required =
        |name: &str| variable(name).ok_or(format!("environment variable {name} is not set"));

    let host = variable("HOST").unwrap_or("127.0.0.1".into());
    let port = variable("PORT").unwrap_or("3000".into()).parse()?;
    let listener = TcpListener::bind((host, port)).await?;
    let us = listener.local_addr()?;
    println!("listening on http://{us}");

    let poll_seconds = variable("VWO_POLL_SECONDS")
        .unwrap_or("600".into())
        .parse()?;
    let schedule = Schedule::new().poll_every(Duration::from_secs(poll_seconds));
    let server = match variable("VWO_WEBHOOK_KEY") {
        Some(secret) => {
            let vwo =
                variable("VWO_HOST").unwrap_or("https://dev.visualwebsiteoptimizer.com".into());
            let (account, sdk_key) = (required("VWO_ACCOUNT_ID")?, required("VWO_SDK_KEY")?);
            let https = download::https()?;
            let settings = Settings::start(&vwo, &account, &sdk_key, https, schedule)?;
            let app = app(Secret::new(secret)?, settings);
            tokio::spawn(axum::serve(listener, app).into_future())
        }
        None => {
            println!("*** DEMONSTRATION: VWO_WEBHOOK_KEY is not set. ***");
            let demo = demo(listener, schedule).await?;
            println!("before   version {}", demo.before["version"]);
            println!("delivery {}", demo.delivery);
            println!("after    version {}", demo.after["version"]);
            println!("try      curl -i http://{us}/settings");
            demo.server
        }
    };
    tokio::select! {
        served = server => served??,
        stopped = ctrl_c() => stopped?,
    }
    Ok(())
}
