//! The demonstration on one machine: servers in place of both vendors, and a delivery of each.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, extract::State, routing::get};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use support::{
    download, say,
    stand_in::{PROJECT, SDK_KEY, SECRET, StandIn, delivery},
};
use tokio::{net::TcpListener, time::timeout};
use tower::ServiceExt;
use tower_webhook_auth::{BoxError, Provider, Secret, provider, server::Server, testing::Signer};

use crate::{Ports, config::Loaded, service::Service};

const VWO_SDK_KEY: &str = "sdk0key0sdk0key0sdk0key0sdk0key0";
const VWO_SECRET: &str = "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS";

/// What the vendors have.
pub struct StandIns {
    optimizely: StandIn,
    vwo: Arc<AtomicU64>,
}

/// Starts the stand-ins, and makes the configuration that asks them.
///
/// # Errors
///
/// If this machine cannot listen on a loopback address.
pub async fn start() -> Result<(StandIns, Loaded), BoxError> {
    let vendors = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = vendors.local_addr()?;
    let stand_ins = StandIns {
        optimizely: StandIn::default(),
        vwo: Arc::new(AtomicU64::new(7)),
    };
    stand_ins.optimizely.publish(12, false);
    let settings = axum::Router::new()
        .route("/server-side/v2-pull", get(settings))
        .with_state(Arc::clone(&stand_ins.vwo));
    let router = stand_ins.optimizely.clone().router().merge(settings);
    tokio::spawn(Server::new().serve_until(vendors, router, pending()));
    let config = format!(
        r#"
        [[optimizely.project]]
        id = {PROJECT}
        secrets = [{{ name = "demonstration", env = "OPTIMIZELY" }}]
        url = "http://{address}/datafiles/{{sdk_key}}.json"
        environment = [{{ sdk_key = "{SDK_KEY}" }}]
        [[vwo.account]]
        id = "1001"
        product = "fme"
        host = "http://{address}"
        environment = [{{ sdk_key = "{VWO_SDK_KEY}", keys = [{{ name = "demonstration", env = "VWO" }}] }}]
        "#
    );
    let secret = |name: &str| match name {
        "OPTIMIZELY" => Some(SECRET.to_owned()),
        "VWO" => Some(VWO_SECRET.to_owned()),
        _ => None,
    };
    Ok((stand_ins, Loaded::read(&config, secret)?))
}

async fn settings(State(version): State<Arc<AtomicU64>>) -> Json<Value> {
    Json(json!({
        "version": version.load(Ordering::Relaxed),
        "accountId": 1001,
        "sdkKey": VWO_SDK_KEY,
        "features": [],
        "campaigns": [],
    }))
}

/// Changes both documents, sends the deliveries, and prints what an SDK gets before and after.
///
/// # Errors
///
/// If the documents do not change in time.
pub async fn show(stand_ins: StandIns, service: &Service, ports: &Ports) -> Result<(), BoxError> {
    let running = service.running();
    let datafile = running
        .find("optimizely", SDK_KEY)
        .ok_or("no environment")?;
    let vwo = running.find("vwo", VWO_SDK_KEY).ok_or("no environment")?;
    let (hooks, api) = (ports.hooks, ports.api);
    let datafile_url = format!("http://{api}/datafiles/{SDK_KEY}.json");
    let vwo_url = format!("http://{api}/server-side/v2-settings?i={VWO_SDK_KEY}");
    let show = async |time: &str| {
        let (datafile, settings) = (get_json(&datafile_url).await?, get_json(&vwo_url).await?);
        let (revision, version) = (&datafile["revision"], &settings["version"]);
        say!("{time}   Optimizely revision {revision}, VWO version {version}");
        Ok::<(), BoxError>(())
    };

    timeout(Duration::from_secs(10), async {
        tokio::join!(datafile.kept.ready(), vwo.kept.ready())
    })
    .await?;
    show("before").await?;

    let mut changes = vwo.kept.subscribe();
    stand_ins.optimizely.publish(13, true);
    stand_ins.vwo.store(8, Ordering::Relaxed);
    let secret = Secret::new(SECRET)?;
    let url = format!("http://{hooks}/webhooks/optimizely");
    deliver(
        url,
        &delivery(SDK_KEY, 13),
        &provider::optimizely(secret.clone()),
        &secret,
    )
    .await?;
    let secret = Secret::new(VWO_SECRET)?;
    let event = r#"{"timestamp":1606482285,"event":"settings_changed"}"#;
    let url = format!("http://{hooks}/webhooks/vwo");
    deliver(url, event, &provider::vwo(secret.clone()), &secret).await?;

    timeout(Duration::from_secs(10), datafile.kept.reached(&13)).await?;
    timeout(Duration::from_secs(10), changes.changed()).await??;
    show("after ").await?;
    say!("try      curl -i {datafile_url}");
    say!("try      curl http://{}/readyz", ports.admin);
    Ok(())
}

async fn deliver<E>(
    url: String,
    body: &str,
    provider: &Provider<E>,
    secret: &Secret,
) -> Result<(), BoxError> {
    let request = Request::post(url).body(Bytes::from(body.to_owned()))?;
    let request = Signer::new(provider, secret)?.sign(request).map(Full::new);
    let (status, _) = send(request).await?;
    say!("delivery {} {status}", provider.name());
    Ok(())
}

async fn get_json(url: &str) -> Result<Value, BoxError> {
    let (_, body) = send(Request::get(url).body(Full::default())?).await?;
    Ok(serde_json::from_slice(&body)?)
}

async fn send(request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), BoxError> {
    let response = download::http().oneshot(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
