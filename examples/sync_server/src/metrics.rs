//! Metrics for Prometheus. The label `key` has the first eight characters of an SDK key.

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};
use tokio::runtime::Handle;
use tower_webhook_auth::{RejectionKind, sync::State};

use crate::{config::short, replicas::Replicas, service::Running};

#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    deliveries: IntCounterVec,
}

impl Metrics {
    /// # Errors
    ///
    /// None that a caller can cause: the names are constant.
    pub fn new() -> prometheus::Result<Self> {
        let deliveries = IntCounterVec::new(
            Opts::new(
                "webhook_deliveries_total",
                "Deliveries: accepted, ignored with the reason, or rejected with the code.",
            ),
            &["vendor", "result"],
        )?;
        let registry = Registry::new();
        registry.register(Box::new(deliveries.clone()))?;
        for vendor in ["optimizely", "vwo"] {
            // So that the first rejection already changes a rate.
            for kind in RejectionKind::ALL {
                deliveries.with_label_values(&[vendor, kind.as_str()]);
            }
        }
        Ok(Self {
            registry,
            deliveries,
        })
    }

    pub fn delivery(&self, vendor: &str, result: &str) {
        self.deliveries.with_label_values(&[vendor, result]).inc();
    }

    /// # Errors
    ///
    /// If the text cannot be made.
    pub fn text(&self, running: &Running) -> prometheus::Result<String> {
        // The status of each document is read at this moment, so its metrics have a registry of this moment.
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &["key"])?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let runs = counter("sync_runs_total", "Runs so far.")?;
        let downloads = counter("sync_downloads_total", "Downloaded documents so far.")?;
        let failures = gauge(
            "sync_failures",
            "Failed runs since the last good one.",
            &["key"],
        )?;
        let state = gauge("sync_state", "1 for the current state.", &["key", "state"])?;
        let revision = gauge("sync_revision", "The current version.", &["key"])?;
        let wanted = gauge(
            "sync_wanted_revision",
            "The version that was requested and is not there.",
            &["key"],
        )?;
        let age = gauge(
            "sync_confirmed_seconds",
            "Seconds since the source confirmed the document.",
            &["key"],
        )?;
        let given_up = gauge(
            "sync_given_up",
            "1 if a requested version never came.",
            &["key"],
        )?;
        let store = gauge(
            "sync_store_failed",
            "1 if the document cannot be stored.",
            &["key"],
        )?;
        for environment in &running.environments {
            let status = environment.kept.status();
            let key = &[short(&environment.spec.sdk_key)];
            let flag = |on: bool| if on { 1.0 } else { 0.0 };
            runs.with_label_values(key).inc_by(status.runs);
            downloads.with_label_values(key).inc_by(status.downloads);
            failures.with_label_values(key).set(status.failures.into());
            for (name, each) in [
                ("failed", State::Failed),
                ("not_ready", State::NotReady),
                ("ready", State::Ready),
                ("stale", State::Stale),
            ] {
                state
                    .with_label_values(&[key[0], name])
                    .set(flag(status.state == each));
            }
            if let Some(have) = status.have {
                revision.with_label_values(key).set(have as f64);
            }
            if let Some(version) = status.wanted {
                wanted.with_label_values(key).set(version as f64);
            }
            if let Some(last) = status.last_confirmed {
                age.with_label_values(key).set(last.elapsed().as_secs_f64());
            }
            given_up
                .with_label_values(key)
                .set(flag(status.given_up.is_some()));
            store
                .with_label_values(key)
                .set(flag(status.store_failure.is_some()));
        }
        if let Some(replicas) = &running.replicas {
            fleet(&registry, replicas)?;
        }
        let tasks = Gauge::new("runtime_tasks", "Tasks that are alive.")?;
        registry.register(Box::new(tasks.clone()))?;
        tasks.set(Handle::current().metrics().num_alive_tasks() as f64);
        let mut families = self.registry.gather();
        families.extend(registry.gather());
        TextEncoder::new().encode_to_string(&families)
    }
}

/// The metrics of the other replicas, if there are some.
fn fleet(registry: &Registry, replicas: &Replicas) -> prometheus::Result<()> {
    let counts = replicas.counts();
    for (name, help, value) in [
        (
            "fleet_told_total",
            "Messages that Redis accepted, or requests that a peer accepted.",
            counts.told(),
        ),
        (
            "fleet_heard_total",
            "Messages or requests of other replicas.",
            counts.heard(),
        ),
        (
            "fleet_catch_ups_total",
            "Subscriptions (the sources are asked after each), or requests that a peer accepted late.",
            counts.catch_ups(),
        ),
        (
            "fleet_lost_total",
            "Subscriptions that ended, or requests that a peer did not accept.",
            counts.lost(),
        ),
    ] {
        let counter = IntCounter::new(name, help)?;
        registry.register(Box::new(counter.clone()))?;
        counter.inc_by(value);
    }
    let connected = f64::from(u8::from(replicas.connected()));
    for (name, help, value) in [
        (
            "fleet_connected",
            "1 if this replica hears the others, or if all peers accepted the last requests.",
            connected,
        ),
        (
            "fleet_unsent",
            "Environments with a change that was not passed on yet.",
            replicas.unsent() as f64,
        ),
    ] {
        let gauge = Gauge::new(name, help)?;
        registry.register(Box::new(gauge.clone()))?;
        gauge.set(value);
    }
    Ok(())
}
