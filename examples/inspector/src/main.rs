//! A request bin on your own machine: it keeps each delivery, verifies it with the code that runs in
//! production, and says why one is rejected.
//!
//! ```sh
//! cargo run -p inspector
//! ```
//!
//! It prints the address for senders, the link of the page, and a `curl` line that sends a delivery. With a
//! secret of your own:
//!
//! ```sh
//! WEBHOOK_SECRET_GITHUB=… cargo run -p inspector
//! ```
//!
//! It listens on two ports. The **inbox** is for senders, and a tunnel may lead to it. The **page** is for the
//! browser on this machine: only loopback addresses are accepted, and the link contains a token. Everything
//! is kept in memory and is deleted when the program stops. Nothing is sent anywhere that you did not enter.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `INBOX` | where deliveries are received, at `/in/<sender>` or `/in/any` | `127.0.0.1:4000` |
//! | `CONSOLE` | where the page is: a loopback address | `127.0.0.1:4001` |
//! | `WEBHOOK_SECRET_<SENDER>` | the secret of a sender, for example `WEBHOOK_SECRET_GITHUB` | |
//! | `WEBHOOK_SECRET_<SENDER>_<KEY>` | one more key of the sender, for example `WEBHOOK_SECRET_GITHUB_OLD` | |
//! | `WEBHOOK_URL_<SENDER>` | the URL that the sender calls, if its signature covers the URL | the inbox |
//! | `FORWARD_TO` | sends each verified delivery on to this URL; `{sender}` is replaced by the sender's name | |
//! | `ALLOW_REMOTE` | `1` allows sending to other machines | |
//! | `BODY_DEADLINE_MS` | the time limit for a body, in milliseconds | `30000` |
//!
//! The modules are in the order in which a delivery passes through them: `inbox` receives it, `judge`
//! verifies it, `deliveries` keeps it, `console` shows it, `send` and `export` pass it on.

mod catalogue;
mod cause;
mod console;
mod deliveries;
mod demonstration;
mod example;
mod export;
mod forward;
mod handshakes;
mod inbox;
mod inspector;
mod judge;
mod keys;
mod page;
mod send;
mod settings;
mod sign;

use std::{process::ExitCode, sync::Arc, time::Duration};

use support::say;
use tokio::{net::TcpListener, sync::watch};
use tower_webhook_auth::server::Server;

use crate::{inspector::Inspector, settings::Settings};

/// How long requests in progress may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return support::exit(Err(format!("cannot start the runtime: {error}"))),
    };
    let result = runtime.block_on(run());
    // The search for a cause may be at work on its own thread.
    runtime.shutdown_timeout(Duration::from_secs(1));
    support::exit(result)
}

async fn run() -> Result<(), String> {
    let settings = Settings::from_env()?;
    let inbox = listen("INBOX", settings.inbox).await?;
    let console = listen("CONSOLE", settings.console).await?;
    let (stop, stopping) = watch::channel(false);
    let inspector = Arc::new(Inspector::new(
        settings,
        &inbox,
        &console,
        stopping.clone(),
    )?);

    say!("inbox    {}/in/<sender>", inspector.inbox_url());
    say!("page     {}", inspector.page_link());
    say!("test     {}", demonstration::test_line(&inspector));

    tokio::spawn(cause::find_causes(Arc::clone(&inspector)));
    tokio::spawn(forward::forward_deliveries(Arc::clone(&inspector)));
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        // An error means that the sender is dropped: the program ends.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let server = Server::new().grace(GRACE);
    let receive = server
        .clone()
        .max_connections(inbox::MOST_CONNECTIONS)
        .serve_until(
            inbox,
            inbox::router(Arc::clone(&inspector)),
            stopped(stopping.clone()),
        );
    let show = server
        .max_connections(console::MOST_CONNECTIONS)
        .serve_until(console, console::router(inspector), stopped(stopping));
    let serve = async { tokio::join!(receive, show) };
    tokio::select! {
        _ = serve => {}
        result = stop_at_signals(stop) => result?,
    }
    Ok(())
}

/// The first signal starts the graceful stop. The second one ends the program at once.
async fn stop_at_signals(stop: watch::Sender<bool>) -> Result<(), String> {
    let mut signals =
        Signals::install().map_err(|error| format!("cannot handle signals: {error}"))?;
    signals.next().await;
    stop.send_replace(true);
    signals.next().await;
    Ok(())
}

async fn listen(variable: &str, address: std::net::SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program uses it: set ",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need a permission: set ",
            _ => "set an address of this machine in ",
        };
        format!("cannot listen on {address}: {error}: {remedy}{variable}")
    })
}

/// Ctrl-C and SIGTERM.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
