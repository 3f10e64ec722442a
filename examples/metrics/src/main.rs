//! Counts accepted and rejected deliveries for Prometheus.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 cargo run -p metrics
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" --data-binary "$body"
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" --data-binary "forged"
//! $ curl http://127.0.0.1:3000/metrics
//! ```
//!
//! `HOST` and `PORT` say where it listens, by default `127.0.0.1` and `3000`. In production, serve
//! `/metrics` on a port that untrusted clients do not reach. The dependencies are in the `Cargo.toml` next to
//! `src`.

use std::{error::Error, process::ExitCode};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use prometheus::{IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};
use support::{output, say, settings::listen};
use tower_webhook_auth::{
    Acceptance, Rejection, RejectionKind, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
    server,
};

#[derive(Clone)]
struct Deliveries {
    registry: Registry,
    accepted: IntCounterVec,
    rejected: IntCounterVec,
}

impl Deliveries {
    fn new() -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let deliveries = Self {
            registry: Registry::new(),
            // The name of the key shows when the sender starts to use a new secret.
            accepted: counter(
                "webhook_accepted_total",
                "Deliveries that were verified.",
                &["provider", "key"],
            )?,
            rejected: counter(
                "webhook_rejected_total",
                "Deliveries that were rejected.",
                &["provider", "reason"],
            )?,
        };
        for counter in [&deliveries.accepted, &deliveries.rejected] {
            deliveries.registry.register(Box::new(counter.clone()))?;
        }
        Ok(deliveries)
    }

    /// Creates the counter of every reason, so that the first rejection already changes a rate.
    fn expect_from(&self, provider: &str) {
        for kind in RejectionKind::ALL {
            self.rejected.with_label_values(&[provider, kind.as_str()]);
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let optimizely = provider::optimizely(Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?);
    let deliveries = Deliveries::new()?;
    deliveries.expect_from(optimizely.name());

    let webhooks = Router::new()
        .route("/webhooks/optimizely", post(receive))
        .route_layer(WebhookAuthLayer::new(optimizely).expose_acceptance())
        // Outside of the layer, so that rejections pass through it, too.
        .route_layer(map_response_with_state(deliveries.clone(), count));
    let app = Router::new()
        .route("/metrics", get(metrics))
        .with_state(deliveries)
        .merge(webhooks);

    let listener = listen().await?;
    say!("listening on http://{}", listener.local_addr()?);
    server::serve(listener, app).await?;
    Ok(())
}

/// It is called for verified deliveries only. `{:?}` escapes text from a delivery.
async fn receive(webhook: Verified<optimizely::Event>) -> StatusCode {
    say!(
        "project {}: {:?}",
        webhook.project_id,
        webhook.event.as_str()
    );
    StatusCode::OK
}

/// All labels come from this program. An untrusted client cannot create new ones.
async fn count(State(deliveries): State<Deliveries>, response: Response) -> Response {
    let extensions = response.extensions();
    if let Some(accepted) = extensions.get::<Acceptance>() {
        deliveries
            .accepted
            .with_label_values(&[accepted.provider(), accepted.key_name()])
            .inc();
    }
    if let Some(rejected) = extensions.get::<Rejection>() {
        deliveries
            .rejected
            .with_label_values(&[
                rejected.provider().unwrap_or_default(),
                rejected.kind().as_str(),
            ])
            .inc();
    }
    response
}

async fn metrics(State(deliveries): State<Deliveries>) -> Response {
    match TextEncoder::new().encode_to_string(&deliveries.registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
