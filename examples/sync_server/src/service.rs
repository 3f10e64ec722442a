//! The state of the running program: the environments and the keys. A new configuration replaces
//! them.

use std::{
    fs,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use futures_util::future::{join, join_all};
use support::download::Transport;
use tower_webhook_auth::BoxError;
use tracing::{info, warn};

use crate::{
    config::{Loaded, Start},
    environment::Environment,
    hooks,
    metrics::Metrics,
    replicas::Replicas,
};

pub struct Service {
    transport: Transport,
    pub metrics: Metrics,
    running: RwLock<Arc<Running>>,
    /// Each document was there at one moment. A reload that adds an environment does not take the replica out of
    /// service.
    was_ready: AtomicBool,
    stopping: AtomicBool,
}

/// Replaced as a whole by a reload.
pub struct Running {
    pub loaded: Loaded,
    pub environments: Vec<Arc<Environment>>,
    pub hooks: Router,
    pub replicas: Option<Arc<Replicas>>,
}

impl Running {
    pub fn find(&self, vendor: &str, sdk_key: &str) -> Option<&Arc<Environment>> {
        self.environments
            .iter()
            .find(|environment| environment.is(vendor, sdk_key))
    }
}

impl Service {
    /// Starts to keep each document.
    ///
    /// # Errors
    ///
    /// If the folder of the store cannot be created, or a key cannot be used.
    pub fn start(loaded: Loaded, transport: Transport) -> Result<Arc<Self>, BoxError> {
        let metrics = Metrics::new()?;
        let running = run(loaded, &transport, &metrics, Old::default(), None)?;
        Ok(Arc::new(Self {
            transport,
            metrics,
            running: RwLock::new(running),
            was_ready: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }))
    }

    pub fn running(&self) -> Arc<Running> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&running)
    }

    /// Takes a new configuration. Each environment keeps its document. Requests in progress end with the old keys.
    ///
    /// # Errors
    ///
    /// If the new configuration cannot be used. Then nothing changes.
    pub fn reload(&self, loaded: Loaded) -> Result<(), BoxError> {
        let before = self.running();
        let (old, new) = (&before.loaded.config, &loaded.config);
        if old.listen != new.listen || old.log != new.log {
            info!("`log` and the addresses in [listen] change with the next start only");
        }
        // These options belong to all environments, so each environment is started again, with its document.
        let same = old.store == new.store && old.sync == new.sync;
        let old = Old {
            environments: &before.environments,
            same,
        };
        let same = before.loaded.fleet == loaded.fleet;
        let replicas = before.replicas.clone().filter(|_| same);
        let running = run(loaded, &self.transport, &self.metrics, old, replicas)?;
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = running;
        if let Some(replicas) = before.replicas.clone().filter(|_| !same) {
            tokio::spawn(async move { replicas.leave().await });
        }
        Ok(())
    }

    /// Whether each document was there at one moment, with the state of each now. An old document is better than
    /// none, so a failure of the sources or of the fleet does not take the replica out of service.
    pub fn ready(&self) -> (bool, String) {
        let running = self.running();
        let mut ready = true;
        let mut lines = String::new();
        for environment in &running.environments {
            let status = environment.kept.status();
            ready &= match running.loaded.config.sync.start_without {
                Start::Stale => status.have.is_some(),
                Start::Fresh => status.last_confirmed.is_some(),
            };
            let (vendor, key) = (environment.spec.vendor.name(), &environment.spec.sdk_key);
            let key = crate::config::short(key);
            lines.push_str(&format!("{vendor} {key} {:?}\n", status.state));
        }
        if let Some(replicas) = &running.replicas {
            lines.push_str(&replicas.line());
        }
        let ready = self.was_ready.fetch_or(ready, Ordering::Relaxed) || ready;
        (ready && !self.stopping.load(Ordering::Relaxed), lines)
    }

    /// `/readyz` is 503 from now on.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits for the news that the other replicas do not have yet and for the downloads in progress, at most this
    /// long. Returns whether all ended.
    pub async fn stop(&self, time: Duration) -> bool {
        let running = self.running();
        let leave = async {
            if let Some(replicas) = &running.replicas {
                replicas.leave().await;
            }
        };
        let stops = running
            .environments
            .iter()
            .map(|environment| environment.kept.stop());
        tokio::time::timeout(time, join(leave, join_all(stops)))
            .await
            .is_ok()
    }
}

/// The environments before a reload.
#[derive(Default)]
struct Old<'a> {
    environments: &'a [Arc<Environment>],
    /// They can go on as they are.
    same: bool,
}

fn run(
    loaded: Loaded,
    transport: &Transport,
    metrics: &Metrics,
    old: Old<'_>,
    replicas: Option<Arc<Replicas>>,
) -> Result<Arc<Running>, BoxError> {
    if let Some(store) = &loaded.config.store {
        let folder = &store.folder;
        fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create the folder {}: {error}", folder.display()))?;
    }
    let mut environments = Vec::new();
    for spec in &loaded.specs {
        let before = old
            .environments
            .iter()
            .find(|environment| environment.is(spec.vendor.name(), &spec.sdk_key));
        environments.push(match before {
            Some(environment) if old.same && environment.spec == *spec => Arc::clone(environment),
            before => {
                let (spec, transport) = (spec.clone(), transport.clone());
                let before = before.map(Arc::as_ref);
                Arc::new(Environment::start(spec, &loaded.config, transport, before)?)
            }
        });
    }
    let replicas = match (replicas, &loaded.fleet) {
        (Some(replicas), _) => Some(replicas),
        (None, Some(fleet)) => Some(Arc::new(Replicas::join(fleet, &environments)?)),
        (None, None) => None,
    };
    let hooks = hooks::router(&loaded, &environments, metrics, replicas.clone())?;
    if let Some(replicas) = &replicas {
        replicas.know(&environments);
    }
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    Ok(Arc::new(Running {
        loaded,
        environments,
        hooks,
        replicas,
    }))
}
