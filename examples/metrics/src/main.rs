//! Counts what was accepted and what was refused, for Prometheus.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 cargo run -p metrics
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" -d "$body"
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" -d "forged"
//! $ curl http://127.0.0.1:3000/metrics
//! ```
//!
//! In production `/metrics` belongs on a port that strangers do not reach.

use std::{env, error::Error};

use axum::{
    Extension, Router,
    extract::State,
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header::CONTENT_TYPE};
use prometheus::{IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};
use tokio::net::TcpListener;
use tower_webhook_auth::{
    Acceptance, Rejection, RejectionKind, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};

#[derive(Clone)]
struct Deliveries {
    registry: Registry,
    accepted: IntCounterVec,
    refused: IntCounterVec,
}

impl Deliveries {
    fn new() -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let deliveries = Self {
            registry: Registry::new(),
            // The key's name shows when the sender has taken up a new secret.
            accepted: counter(
                "webhook_accepted_total",
                "Deliveries that were verified.",
                &["provider", "key"],
            )?,
            refused: counter(
                "webhook_refused_total",
                "Deliveries that were refused.",
                &["provider", "reason"],
            )?,
        };
        for counter in [&deliveries.accepted, &deliveries.refused] {
            deliveries.registry.register(Box::new(counter.clone()))?;
        }
        Ok(deliveries)
    }

    /// Every reason from the start: a rate can be told from the first refusal on.
    fn expect_from(&self, provider: &str) {
        for kind in RejectionKind::ALL {
            self.refused.with_label_values(&[provider, kind.as_str()]);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let optimizely = provider::optimizely(Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?);
    let deliveries = Deliveries::new()?;
    deliveries.expect_from(optimizely.name());

    let webhooks = Router::new()
        .route("/webhooks/optimizely", post(receive))
        .route_layer(WebhookAuthLayer::new(optimizely).expose_acceptance())
        // Outside of the layer: refusals pass here too.
        .route_layer(map_response_with_state(deliveries.clone(), count));
    let app = Router::new()
        .route("/metrics", get(metrics))
        .with_state(deliveries)
        .merge(webhooks);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Called for deliveries that were verified, and for no others.
async fn receive(Extension(webhook): Extension<Verified<optimizely::Event>>) -> StatusCode {
    println!("project {}: {}", webhook.project_id, webhook.event.as_str());
    StatusCode::NO_CONTENT
}

/// The labels come from this program alone: a stranger cannot make up new ones.
async fn count(State(deliveries): State<Deliveries>, response: Response) -> Response {
    let extensions = response.extensions();
    if let Some(accepted) = extensions.get::<Acceptance>() {
        deliveries
            .accepted
            .with_label_values(&[accepted.provider(), accepted.key_name()])
            .inc();
    }
    if let Some(refused) = extensions.get::<Rejection>() {
        deliveries
            .refused
            .with_label_values(&[
                refused.provider().unwrap_or_default(),
                refused.kind().as_str(),
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
