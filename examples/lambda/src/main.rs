//! A receiver on AWS Lambda, behind a function URL or an HTTP API of API Gateway.
//!
//! ```console
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac "$OPTIMIZELY_WEBHOOK_SECRET" -r | cut -d' ' -f1)
//! $ curl -i "$FUNCTION_URL" -H "x-hub-signature: sha1=$mac" -d "$body"
//! ```
//!
//! Lambda talks to this program, which therefore listens nowhere. To try it at home there is
//! [AWS's emulator](https://github.com/aws/aws-lambda-runtime-interface-emulator).
//!
//! The gateway has read the body before it calls the function: its limits hold, and its bill is
//! run up, before the layer is asked. It hands on the very bytes, so signatures hold; bodies that
//! it takes for binary come in base64, which `lambda_http` undoes.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, service_fn};
use tower_webhook_auth::{
    Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let auth = WebhookAuthLayer::new(provider::optimizely(secret));
    lambda_http::run(auth.layer(service_fn(receive))).await
}

/// Called for deliveries that were verified, and for no others.
///
/// A handler of `lambda_http::Request` wants a `map_request` between the layer and itself:
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
        Some(webhook) => {
            println!("project {}: {}", webhook.project_id, webhook.event.as_str());
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        // The layer is not around this service.
        None => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}
