//! The whole way on one machine: a stand-in for the CDN, the service, and a delivery.

use std::{future::pending, time::Duration};

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

use crate::{
    config::{Config, EnvironmentKey, Project},
    service::{Environments, app},
    stand_in::StandIn,
};

// As in the example of Optimizely's documentation.
const PROJECT: i64 = 11_387_641_093;
const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const SDK_KEY: &str = "QMVJcUKEJZFg8pQ2jhAybK";

/// The results of the demonstration, and the server, which goes on until Ctrl-C.
pub struct Demo {
    pub before: Value,
    pub delivery: StatusCode,
    pub after: Value,
    pub server: JoinHandle<std::io::Result<Stopped>>,
}

/// Serves on `listener`, and changes the datafile of a flag.
///
/// # Errors
///
/// If this machine cannot connect to itself.
pub async fn demo(listener: TcpListener, schedule: &Schedule) -> Result<Demo, BoxError> {
    let cdn = TcpListener::bind(("127.0.0.1", 0)).await?;
    let secret = Secret::new(SECRET)?;
    let config = Config {
        cdn: format!("http://{}", cdn.local_addr()?),
        poll_every: Duration::from_secs(300),
        projects: vec![Project {
            id: PROJECT,
            secret: secret.clone(),
            environments: vec![EnvironmentKey {
                name: Some("Production".into()),
                sdk_key: SDK_KEY.into(),
            }],
        }],
    };

    let stand_in = StandIn::default();
    stand_in.publish(12, false);
    tokio::spawn(Server::new().serve_until(cdn, stand_in.clone().router(), pending()));

    let address = listener.local_addr()?;
    let environments = Environments::start(&config, &download::http(), schedule)?;
    let app = app(&config, environments.clone())?;
    let server = tokio::spawn(server::serve(listener, app));
    let environment = environments.find(None).ok_or("no environment")?;
    let decide = || {
        let mut request = Request::new(Full::default());
        let uri = format!("http://{address}/decide?user=alice&flag=new_checkout");
        *request.uri_mut() = uri.parse().expect("an address makes a URL");
        send(request)
    };

    timeout(Duration::from_secs(10), environment.reached(12)).await?;
    let (_, before) = decide().await?;

    // A colleague turns the flag on: there is a new datafile, and Optimizely sends a delivery.
    stand_in.publish(13, true);
    let body = json!({
        "project_id": PROJECT,
        "timestamp": 1_558_138_293,
        "event": "project.datafile_updated",
        "data": {
            "revision": 13,
            "environment": "Production",
            "origin_url": format!("https://optimizely.s3.amazonaws.com/datafiles/{SDK_KEY}.json"),
            "cdn_url": format!("https://cdn.optimizely.com/datafiles/{SDK_KEY}.json"),
        },
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}/webhooks/optimizely"))
        .body(Bytes::from(body.to_string()))?;
    let signer = Signer::new(&provider::optimizely(secret.clone()), &secret)?;
    let (delivery, _) = send(signer.sign(request).map(Full::new)).await?;

    timeout(Duration::from_secs(10), environment.reached(13)).await?;
    let (_, after) = decide().await?;
    Ok(Demo {
        before,
        delivery,
        after,
        server,
    })
}

/// The status of the response, and its body if it has one.
async fn send(request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), BoxError> {
    let response = download::http().oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let body = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body)?,
    };
    Ok((status, body))
}
