//! Receives webhooks of two senders without a framework, over HTTP/1 and HTTP/2.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 VWO_WEBHOOK_KEY=kL0pQ7 cargo run -p hyper_server
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

use std::{convert::Infallible, error::Error, process::ExitCode};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use support::{output, say, settings::listen};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely, vwo},
    server,
};

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let optimizely = WebhookAuthLayer::new(provider::optimizely(secret));
    let optimizely = optimizely.layer(service_fn(datafile_updated));
    let key = Secret::from_env("VWO_WEBHOOK_KEY")?;
    let vwo = WebhookAuthLayer::new(provider::vwo(key).fallible());
    let vwo = vwo.layer(service_fn(settings_changed));

    // Each sender has a layer of its own, around its own path only.
    let app = service_fn(move |request: Request<Incoming>| {
        let (optimizely, vwo) = (optimizely.clone(), vwo.clone());
        async move {
            match (request.method(), request.uri().path()) {
                (&Method::POST, "/webhooks/optimizely") => {
                    optimizely.oneshot(request).await.map(boxed)
                }
                (&Method::POST, "/webhooks/vwo") => vwo.oneshot(request).await.map(boxed),
                (&Method::GET, "/healthz") => Ok(boxed(text(StatusCode::OK, "healthy\n"))),
                _ => Ok(boxed(text(StatusCode::NOT_FOUND, "not found\n"))),
            }
        }
    });

    let listener = listen().await?;
    say!("listening on http://{}", listener.local_addr()?);
    server::serve(listener, app).await?;
    Ok(())
}

/// It is called for verified deliveries only.
async fn datafile_updated(
    request: Request<Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // Without a layer around this service there is no event.
    let Some(webhook) = request.extensions().get::<Verified<optimizely::Event>>() else {
        return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, ""));
    };
    // `{:?}` escapes text from a delivery.
    say!(
        "project {}: {:?}",
        webhook.project_id,
        webhook.event.as_str()
    );
    Ok(text(StatusCode::OK, ""))
}

/// It is called for verified deliveries only, also for those that are no known event.
async fn settings_changed(
    request: Request<Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    type Event = Result<vwo::Event, tower_webhook_auth::EventError>;
    let Some(webhook) = request.extensions().get::<Verified<Event>>() else {
        return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, ""));
    };
    match webhook.event() {
        Ok(event) => say!("vwo: {:?}", event.event),
        Err(error) => say!("vwo: not a known event: {:?}", error.to_string()),
    }
    Ok(text(StatusCode::OK, ""))
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

/// The layer's responses and ours have different bodies. A box makes them one type.
fn boxed<B>(response: Response<B>) -> Response<UnsyncBoxBody<Bytes, B::Error>>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    response.map(BodyExt::boxed_unsync)
}
