//! Receives webhooks on AWS Lambda, behind a function URL or an HTTP API of API Gateway.
//!
//! ```console
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac "$OPTIMIZELY_WEBHOOK_SECRET" -r | cut -d' ' -f1)
//! $ curl -i "$FUNCTION_URL" -H "x-hub-signature: sha1=$mac" --data-binary "$body"
//! ```
//!
//! The dependencies are in the `Cargo.toml` next to `src`. Lambda calls this program, so it listens on no
//! port. On your machine, run it with
//! [AWS's emulator](https://github.com/aws/aws-lambda-runtime-interface-emulator).
//!
//! The gateway has read the body before it calls the function. So the gateway's limits apply, and the
//! call is billed, before the layer is asked. The gateway passes on the exact bytes, so signatures stay
//! valid. It sends binary bodies in base64, which `lambda_http` decodes.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use support::{output, say};
use tower::{Layer, service_fn};
use tower_webhook_auth::{
    Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    output::log();
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let auth = WebhookAuthLayer::new(provider::optimizely(secret));
    lambda_http::run(auth.layer(service_fn(receive))).await
}

/// It is called for verified deliveries only.
///
/// A handler that takes a `lambda_http::Request` needs a `map_request` between the layer and the handler:
///
/// ```ignore
/// ServiceBuilder::new()
///     .layer(auth)
///     .map_request(|request: Request<Full<Bytes>>| {
///         let (head, _) = request.into_parts();
///         let webhook = head.extensions.get::<Verified<optimizely::Event>>();
///         let body = webhook.map_or(Body::Empty, |webhook| webhook.body().to_vec().into());
///         Request::from_parts(head, body)
///     })
///     .service(service_fn(handler))
/// ```
async fn receive(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::default();
    match request.extensions().get::<Verified<optimizely::Event>>() {
        // `{:?}` escapes text from a delivery.
        Some(webhook) => say!(
            "project {}: {:?}",
            webhook.project_id,
            webhook.event.as_str()
        ),
        // Without a layer around this service there is no event.
        None => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}
