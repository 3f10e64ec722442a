//! The whole way on one machine: a stand-in for VWO's server, the service, and a delivery.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::get};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use support::download;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tower::ServiceExt;
use tower_webhook_auth::{
    BoxError, Secret, provider,
    server::{self, Server, Stopped},
    sync::Schedule,
    testing::Signer,
};

use crate::{service::app, settings::Settings};

const SECRET: &str = "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS";

/// The results of the demonstration, and the server, which goes on until Ctrl-C.
pub struct Demo {
    pub before: Value,
    pub delivery: StatusCode,
    pub after: Value,
    pub server: JoinHandle<std::io::Result<Stopped>>,
}

/// Serves on `listener`, and changes the settings.
///
/// # Errors
///
/// If this machine cannot connect to itself.
pub async fn demo(listener: TcpListener, schedule: Schedule) -> Result<Demo, BoxError> {
    let vwo = TcpListener::bind(("127.0.0.1", 0)).await?;
    let version = Arc::new(AtomicU64::new(7));
    let stand_in_url = format!("http://{}", vwo.local_addr()?);
    tokio::spawn(Server::new().serve_until(vwo, stand_in(version.clone()), pending()));

    let address = listener.local_addr()?;
    let secret = Secret::new(SECRET)?;
    let settings = Settings::start(&stand_in_url, "1001", "sdk0key", download::http(), schedule)?;
    let mut exchanges = settings.subscribe();
    let app = app(secret.clone(), settings);
    let server = tokio::spawn(server::serve(listener, app));

    timeout(Duration::from_secs(10), exchanges.changed()).await??;
    let before = get_settings(&format!("http://{address}/settings")).await?;

    // A colleague changes a campaign: there are new settings, and VWO sends a delivery.
    version.store(8, Ordering::Relaxed);
    let event = json!({
        "timestamp": 1_606_482_285,
        "event": "settings_changed",
        "action": "campaign_settings_changed",
        "triggered_by": "vwo",
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}/webhooks/vwo"))
        .body(Bytes::from(event.to_string()))?;
    let signer = Signer::new(&provider::vwo(secret.clone()), &secret)?;
    let request = signer.sign(request).map(Full::new);
    let delivery = download::http().oneshot(request).await?.status();

    timeout(Duration::from_secs(10), exchanges.changed()).await??;
    let after = get_settings(&format!("http://{address}/settings")).await?;
    Ok(Demo {
        before,
        delivery,
        after,
        server,
    })
}

async fn get_settings(uri: &str) -> Result<Value, BoxError> {
    let request = Request::get(uri).body(Full::default())?;
    let response = download::http().oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}

/// Settings without a campaign, in the current version.
fn stand_in(version: Arc<AtomicU64>) -> Router {
    async fn serve(State(version): State<Arc<AtomicU64>>) -> Json<Value> {
        Json(json!({
            "version": version.load(Ordering::Relaxed),
            "accountId": 1001,
            "sdkKey": "sdk0key",
            "features": [],
            "campaigns": [],
        }))
    }
    Router::new()
        .route("/server-side/v2-pull", get(serve))
        .with_state(version)
}
