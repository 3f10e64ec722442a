//! Receives webhooks of two senders with warp filters.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 VWO_WEBHOOK_KEY=kL0pQ7 cargo run -p warp_server
//! $ curl -i http://127.0.0.1:3000/healthz
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" --data-binary "$body"
//! $ body='{"timestamp":1606482285,"event":"settings_changed"}'
//! $ curl -i http://127.0.0.1:3000/webhooks/vwo -H "x-vwo-auth: kL0pQ7" --data-binary "$body"
//! ```
//!
//! `HOST` and `PORT` say where it listens, by default `127.0.0.1` and `3000`. The dependencies are in the
//! `Cargo.toml` next to `src`.

use std::{error::Error, process::ExitCode};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use support::{output, say, settings::listen};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    EventError, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely, vwo},
    server,
};
use warp::Filter;

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let optimizely = WebhookAuthLayer::new(provider::optimizely(secret));
    let optimizely = optimizely.layer(warp::service(
        warp::post()
            // Without the layer there is no such extension, and warp answers 500.
            .and(warp::ext::get::<Verified<optimizely::Event>>())
            .map(datafile_updated),
    ));
    let key = Secret::from_env("VWO_WEBHOOK_KEY")?;
    let vwo = WebhookAuthLayer::new(provider::vwo(key).fallible());
    let vwo = vwo.layer(warp::service(
        warp::post()
            .and(warp::ext::get::<Verified<Result<vwo::Event, EventError>>>())
            .map(settings_changed),
    ));
    let others = warp::service(
        warp::path("healthz")
            .and(warp::path::end())
            .and(warp::get())
            .map(|| StatusCode::OK),
    );

    // A layer wraps a whole service of filters, and each sender has its own layer. So this code
    // selects a layer by the path, and the filters route everything else, with their own 404 and
    // 405.
    let app = service_fn(move |request: Request<Incoming>| {
        let (optimizely, vwo) = (optimizely.clone(), vwo.clone());
        async move {
            match (request.method(), request.uri().path()) {
                (&Method::POST, "/webhooks/optimizely") => {
                    optimizely.oneshot(request).await.map(boxed)
                }
                (&Method::POST, "/webhooks/vwo") => vwo.oneshot(request).await.map(boxed),
                _ => others.oneshot(request).await.map(boxed),
            }
        }
    });

    let listener = listen().await?;
    say!("listening on http://{}", listener.local_addr()?);
    server::serve(listener, app).await?;
    Ok(())
}

/// It is called for verified deliveries only. `{:?}` escapes text from a delivery.
fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
    say!(
        "project {}: {:?}",
        webhook.project_id,
        webhook.event.as_str()
    );
    StatusCode::OK
}

/// It is called for verified deliveries only, also for those that are no known event.
fn settings_changed(webhook: Verified<Result<vwo::Event, EventError>>) -> StatusCode {
    match webhook.event() {
        Ok(event) => say!("vwo: {:?}", event.event),
        Err(error) => say!("vwo: not a known event: {:?}", error.to_string()),
    }
    StatusCode::OK
}

/// The layer's responses and warp's have different bodies. A box makes them one type.
fn boxed<B>(response: Response<B>) -> Response<UnsyncBoxBody<Bytes, B::Error>>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    response.map(BodyExt::boxed_unsync)
}
