//! Keeps datafiles of Optimizely and settings of VWO up to date by webhooks, and serves them to SDKs.
//!
//! An SDK that polls its vendor gets a change after minutes. Here the vendor's webhook causes one download, and
//! the SDKs of all languages poll this service every few seconds:
//!
//! - Optimizely: set the SDK's URL template to `http://<api>/datafiles/%s.json` (Python, and the same in others).
//! - VWO: set the SDK's `proxyUrl` to `http://<api>`.
//!
//! The bytes are served as the vendor made them. This program contains no SDK. The only Rust SDK
//! for Optimizely, the crate `optimizely`, is unofficial: it does not support holdouts and
//! variables, and rejects datafiles that the official SDKs read. There is no Rust SDK for VWO.
//! `examples/keep` shows decisions with that crate.
//!
//! Without configuration it runs as a demonstration on loopback, without a network: `cargo run -p
//! sync_server`.
//!
//! ```text
//! sync_server [--check] [FILE]
//! ```
//!
//! The configuration is `FILE`, or the file that `SYNC_CONFIG` names, or `/etc/sync/config.toml` if that exists.
//! `--check` reads it, prints it without secrets, and ends. `sync.toml` next to `src` shows all fields.
//!
//! | port | route | |
//! |---|---|---|
//! | hooks | `POST /webhooks/optimizely`, `POST /webhooks/vwo` | deliveries |
//! | api | `GET /datafiles/<key>.json`, `GET /datafiles/auth/<key>.json` | `ETag`, `Last-Modified`, 304; the second asks for the token |
//! | api | `GET /server-side/{v2-settings,v2-pull,settings,pull}?i=<key>` | the same for VWO |
//! | admin | `GET /healthz` | 200 while the program works |
//! | admin | `GET /readyz` | 200 when each document has been available; one line for each document, and one for the fleet |
//! | admin | `GET /metrics` | Prometheus |
//! | admin | `POST /older/<key>` | accepts an older document once |
//!
//! With several replicas, a delivery reaches one of them. `[fleet]` lets it tell the others: over Redis, or by passing
//! the signed request on to the addresses in `peers`, which verify it again. Each replica then asks its own source.
//! Without `[fleet]` the others find the change with their next poll. A failure of the fleet takes no replica out of
//! service: `/readyz` and the metrics `fleet_…` show it. Deliveries of VWO are not passed on to peers, because they
//! contain the key. A program that can publish on the Redis channel can cause requests to the source, at most one per
//! second and environment, so restrict it with an ACL if others use the same Redis.
//!
//! Log lines go to standard error: as text, or with `log = "json"` as one JSON object per line. They contain no secret,
//! no body and no whole SDK key.
//!
//! Signals: SIGHUP reads the configuration again. Keys, environments and the fleet change, the ports do not. If the
//! file cannot be used, nothing changes. SIGTERM and Ctrl-C stop gracefully within `sync.drain`, also as process 1 of a
//! container. A second signal stops at once.
//!
//! `Containerfile` makes an image with the static program alone, and `container/run` tests it. `cargo bench -p
//! sync_server` measures the program: see `benches/measure.rs`.
//!
//! Alerts to start with: `sync_state{state="stale"}` for 10 minutes; `sync_wanted_revision` present for 5 minutes;
//! `webhook_deliveries_total{result="key_mismatch"}` over 1 per second for 5 minutes (a rotated key: VWO repeats
//! for an hour); `fleet_connected` 0 for 5 minutes.

mod admin;
mod api;
mod config;
mod demo;
mod environment;
mod hooks;
mod metrics;
mod replicas;
mod service;

use std::{env, fs, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use axum::Router;
use support::{
    download::{self, Transport},
    output, say,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tower::{ServiceBuilder, limit::ConcurrencyLimitLayer, util::BoxCloneSyncService};
use tower_http::decompression::DecompressionLayer;
use tower_webhook_auth::{BoxError, server::Server};
use tracing::{error, info};

use crate::{
    config::{Listen, Loaded, Log},
    service::Service,
};

const DEFAULT_PATH: &str = "/etc/sync/config.toml";

/// How many requests to the sources may wait for a response at a time.
const MAX_DOWNLOADS: usize = 32;

/// Where the ports are.
pub struct Ports {
    hooks: SocketAddr,
    api: SocketAddr,
    admin: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    support::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    // Before anything else: as process 1 of a container, the system ignores signals without a handler.
    let mut signals = Signals {
        hangup: signal(SignalKind::hangup())?,
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let arguments = Arguments::read()?;
    let Some(path) = arguments.path else {
        return match arguments.check {
            true => {
                Err("there is no configuration to check: name a file, or set SYNC_CONFIG".into())
            }
            false => demonstrate(&mut signals).await,
        };
    };
    let read = || load(&path);
    let loaded = read()?;
    if arguments.check {
        say!("{loaded}");
        return Ok(());
    }
    match loaded.config.log {
        Log::Json => output::log_json(),
        Log::Text => output::log(),
    }
    let drain = loaded.config.sync.drain;
    let listeners = Listeners::bind(&loaded.config.listen).await?;
    let service = Service::start(loaded, transport(download::https()?))?;
    let running = listeners.serve(&service, drain)?;
    loop {
        match signals.next().await {
            Told::Stop => break,
            Told::Reload => match read().and_then(|loaded| service.reload(loaded)) {
                Ok(()) => info!("the configuration was read again"),
                Err(error) => {
                    error!("the configuration cannot be used, so nothing changed: {error}")
                }
            },
        }
    }
    running.stop(&service, drain, &mut signals).await;
    Ok(())
}

async fn demonstrate(signals: &mut Signals) -> Result<(), BoxError> {
    output::log();
    let loopback = || "127.0.0.1:0".to_owned();
    let listen = Listen {
        hooks: loopback(),
        api: loopback(),
        admin: loopback(),
    };
    let listeners = Listeners::bind(&listen).await?;
    let (stand_ins, loaded) = demo::start().await?;
    let drain = loaded.config.sync.drain;
    let service = Service::start(loaded, transport(download::http()))?;
    let ports = listeners.ports()?;
    let running = listeners.serve(&service, drain)?;
    say!("*** DEMONSTRATION: there is no configuration. ***");
    demo::show(stand_ins, &service, &ports).await?;
    while matches!(signals.next().await, Told::Reload) {}
    running.stop(&service, drain, signals).await;
    Ok(())
}

struct Arguments {
    check: bool,
    path: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Result<Self, BoxError> {
        let mut arguments = Self {
            check: false,
            path: env::var_os("SYNC_CONFIG").map(PathBuf::from).or_else(|| {
                let path = PathBuf::from(DEFAULT_PATH);
                path.exists().then_some(path)
            }),
        };
        for argument in env::args_os().skip(1) {
            match argument.to_str() {
                Some("--check") => arguments.check = true,
                Some(option) if option.starts_with('-') => {
                    return Err(format!(
                        "{option:?} is not an option: usage: sync_server [--check] [FILE]"
                    )
                    .into());
                }
                _ => arguments.path = Some(argument.into()),
            }
        }
        Ok(arguments)
    }
}

fn load(path: &PathBuf) -> Result<Loaded, BoxError> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let loaded = Loaded::read(&text, |name| env::var(name).ok());
    loaded.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The client of all downloads. The size limit of a download counts what the decompression returns.
fn transport(transport: Transport) -> Transport {
    let client = ServiceBuilder::new()
        .map_response(|response: http::Response<_>| response.map(axum::body::Body::new))
        .layer(DecompressionLayer::new())
        .layer(ConcurrencyLimitLayer::new(MAX_DOWNLOADS))
        .service(transport);
    BoxCloneSyncService::new(client)
}

struct Listeners {
    hooks: TcpListener,
    api: TcpListener,
    admin: TcpListener,
}

impl Listeners {
    async fn bind(listen: &Listen) -> Result<Self, BoxError> {
        let bind = async |name: &str, address: &str| {
            TcpListener::bind(address)
                .await
                .map_err(|error| format!("cannot listen on {address} (listen.{name}): {error}"))
        };
        Ok(Self {
            hooks: bind("hooks", &listen.hooks).await?,
            api: bind("api", &listen.api).await?,
            admin: bind("admin", &listen.admin).await?,
        })
    }

    fn ports(&self) -> Result<Ports, BoxError> {
        Ok(Ports {
            hooks: self.hooks.local_addr()?,
            api: self.api.local_addr()?,
            admin: self.admin.local_addr()?,
        })
    }

    fn serve(self, service: &Arc<Service>, drain: Duration) -> Result<Running, BoxError> {
        let Ports { hooks, api, admin } = self.ports()?;
        say!("hooks on http://{hooks}");
        say!("api on http://{api}");
        say!("admin on http://{admin}");
        let (stop, _) = watch::channel(Stop::No);
        let serve = |listener, router: Router, at: Stop| {
            let mut stopped = stop.subscribe();
            let server = Server::new().grace(drain);
            tokio::spawn(async move {
                server
                    .serve_until(listener, router, async move {
                        drop(stopped.wait_for(|stop| *stop >= at).await);
                    })
                    .await;
            })
        };
        Ok(Running {
            public: [
                serve(self.hooks, hooks::port(Arc::clone(service)), Stop::Public),
                serve(self.api, api::port(Arc::clone(service)), Stop::Public),
            ],
            admin: serve(self.admin, admin::port(Arc::clone(service)), Stop::All),
            stop,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    No,
    /// The ports of deliveries and documents.
    Public,
    All,
}

struct Running {
    public: [JoinHandle<()>; 2],
    admin: JoinHandle<()>,
    stop: watch::Sender<Stop>,
}

impl Running {
    /// Stops in order: no new requests, the downloads in progress, the admin port. A second signal ends it at once.
    async fn stop(self, service: &Service, drain: Duration, signals: &mut Signals) {
        service.stopping();
        info!("stopping");
        let stopped = async {
            self.stop.send_replace(Stop::Public);
            for port in self.public {
                drop(port.await);
            }
            let ended = service.stop(drain).await;
            self.stop.send_replace(Stop::All);
            drop(self.admin.await);
            ended
        };
        tokio::select! {
            ended = timeout(drain, stopped) => match ended {
                Ok(true) => info!("stopped"),
                _ => info!("stopped after {drain:?}, not everything had ended"),
            },
            () = signals.stop() => info!("stopped at once by a second signal"),
        }
    }
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

enum Told {
    Reload,
    Stop,
}

impl Signals {
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hangup.recv() => Told::Reload,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
        }
    }

    async fn stop(&mut self) {
        while matches!(self.next().await, Told::Reload) {}
    }
}
