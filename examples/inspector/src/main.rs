//! A local request bin that verifies: shows each delivery as it arrives, whether it is genuine, and if
//! not, why.
//!
//! ```sh
//! WEBHOOK_SECRET_GITHUB=… cargo run --example inspector --all-features
//! ```
//!
//! It listens on two ports of this machine: one is for deliveries, and may be put behind a tunnel; the
//! other is the page, which is for your browser alone.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `INBOX` | where deliveries are received | `127.0.0.1:4000` |
//! | `CONSOLE` | where the page is; loopback only | `127.0.0.1:4001` |
//! | `WEBHOOK_SECRET_<SENDER>` | a sender's secret, such as `WEBHOOK_SECRET_GITHUB` | |
//! | `WEBHOOK_URL_<SENDER>` | the URL entered at the sender's, where it is signed (Square, HubSpot) | the inbox's |
//! | `ALLOW_REMOTE` | `1` lets the page send to hosts other than this machine | |

mod console;
mod deliveries;
mod export;
mod guard;
mod inbox;
mod presets;
mod send;

use std::{
    collections::HashMap,
    collections::hash_map::RandomState,
    env,
    error::Error,
    hash::BuildHasher,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::broadcast};
use tower_webhook_auth::{ConfigError, Secret};

use crate::{
    deliveries::Ring,
    presets::{PRESETS, Preset, Verifier},
};

pub type Shared = Arc<Inspector>;

pub struct Inspector {
    pub inbox: SocketAddr,
    pub console_hosts: Vec<String>,
    pub allow_remote: bool,
    pub events: broadcast::Sender<Arc<str>>,
    token: String,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub ring: Ring,
    pub keys: HashMap<&'static str, Held>,
    pub clients: usize,
}

/// The secret of a sender, in memory only.
#[derive(Clone)]
pub struct Held {
    pub secret: Secret,
    /// For hypotheses about how it was written. Not in any `Debug`, answer or log.
    pub text: String,
    pub from: &'static str,
    pub url: String,
    pub verifier: Verifier,
}

impl Inspector {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_token(&self, presented: &str) -> bool {
        // A digest of both, so that how long it takes tells nothing of the token.
        let digest = RandomState::new();
        digest.hash_one(presented) == digest.hash_one(&self.token)
            && presented.len() == self.token.len()
    }

    pub fn tell(&self, kind: &str, data: Value) {
        let event = json!({ "kind": kind, "data": data }).to_string();
        let _ = self.events.send(event.into());
    }

    pub fn url_of(&self, preset: &Preset) -> String {
        env::var(variable("WEBHOOK_URL_", preset.name))
            .unwrap_or_else(|_| format!("http://{}/in/{}", self.inbox, preset.name))
    }

    pub fn hold(
        &self,
        preset: &'static Preset,
        text: String,
        from: &'static str,
        url: Option<String>,
    ) -> Result<(), ConfigError> {
        let secret = Secret::new(text.clone())?;
        let url = url.unwrap_or_else(|| self.url_of(preset));
        let verifier = preset.build(secret.clone(), &url)?;
        self.state().keys.insert(
            preset.name,
            Held {
                secret,
                text,
                from,
                url,
                verifier,
            },
        );
        Ok(())
    }
}

pub fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.to_ascii_uppercase())
}

/// 128 bits that nobody knows.
pub fn random() -> String {
    let part = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", part(), part())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = |name: &str, default: &str| -> Result<SocketAddr, Box<dyn Error>> {
        Ok(env::var(name)
            .unwrap_or_else(|_| default.to_owned())
            .parse()?)
    };
    let inbox = TcpListener::bind(address("INBOX", "127.0.0.1:4000")?).await?;
    let console = TcpListener::bind(address("CONSOLE", "127.0.0.1:4001")?).await?;
    let at = console.local_addr()?;
    if !at.ip().is_loopback() {
        return Err("the page shows secrets' effects and sends requests: CONSOLE has to be a loopback address".into());
    }
    let shared: Shared = Arc::new(Inspector {
        inbox: inbox.local_addr()?,
        console_hosts: [
            format!("127.0.0.1:{}", at.port()),
            format!("localhost:{}", at.port()),
            format!("[::1]:{}", at.port()),
        ]
        .into(),
        allow_remote: env::var("ALLOW_REMOTE").is_ok_and(|value| value == "1"),
        events: broadcast::channel(256).0,
        token: random(),
        state: Mutex::default(),
    });
    for preset in PRESETS.iter() {
        if let Ok(text) = env::var(variable("WEBHOOK_SECRET_", preset.name)) {
            shared
                .hold(preset, text, "environment", None)
                .map_err(|error| {
                    format!("{}: {error}", variable("WEBHOOK_SECRET_", preset.name))
                })?;
        }
    }
    println!(
        "inbox    http://{}/in/<sender>   for senders, and for a tunnel",
        shared.inbox
    );
    println!(
        "inspect  http://{at}/#{}   for your browser alone",
        shared.token
    );
    let receive = axum::serve(inbox, inbox::router(shared.clone()));
    let show = axum::serve(console, console::router(shared));
    tokio::try_join!(async { receive.await }, async { show.await })?;
    Ok(())
}
