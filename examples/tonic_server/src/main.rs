//! A gRPC server. One of its services accepts only callers that sign their messages.
//!
//! The signed bytes are the body of the request: the five bytes with which gRPC frames a message, and the
//! message. A gRPC client gets a rejection as the status `UNAUTHENTICATED`.
//!
//! ```console
//! $ ACME_SECRET=wJ4mX9 cargo run -p tonic_server
//! $ message='\0\0\0\0\0' # an empty `HealthCheckRequest`
//! $ mac=$(printf "$message" | openssl dgst -sha256 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ printf "$message" | curl -si --http2-prior-knowledge --output - --data-binary @- \
//!       -H 'content-type: application/grpc' -H 'te: trailers' -H "x-acme-signature: $mac" \
//!       http://127.0.0.1:3000/grpc.health.v1.Health/Check
//! ```
//!
//! `HOST` and `PORT` say where it listens, by default `127.0.0.1` and `3000`. The dependencies are in the
//! `Cargo.toml` next to `src`.
//!
//! This is for methods that take one message. If a method takes a stream of messages, the layer waits for
//! the end of the stream, because only then it has the body that is signed.

use std::{error::Error, process::ExitCode};

use bytes::Bytes;
use support::{output, say, settings::listen};
use tonic::{
    Request, Response, Status,
    service::{LayerExt, Routes},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};
use tower_webhook_auth::{Provider, Secret, SignatureScheme, Verified, WebhookAuthLayer, server};

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let scheme = SignatureScheme::hmac_sha256("x-acme-signature").build()?;
    let acme = Provider::new("acme", scheme, Secret::from_env("ACME_SECRET")?)?;
    let auth = WebhookAuthLayer::new(acme);

    // `named_layer` puts the layer around this one service. Add others with `add_service`.
    let routes = Routes::new(auth.named_layer(HealthServer::new(Receiver)));

    let listener = listen().await?;
    say!("listening on http://{}", listener.local_addr()?);
    server::serve(listener, routes).await?;
    Ok(())
}

/// Takes the place of your own service. The health service is used because it needs no `.proto`
/// file.
struct Receiver;

#[tonic::async_trait]
impl Health for Receiver {
    /// It is called for verified messages only.
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        // The event is the body as it was signed, with gRPC's frame. The message is already read from it.
        let webhook = request.extensions().get::<Verified<Bytes>>();
        let webhook = webhook.ok_or_else(|| Status::internal("no layer is around this service"))?;
        // `{:?}` escapes text from a delivery.
        say!(
            "accepted {} bytes of {}, key {:?}, service {:?}",
            webhook.body().len(),
            webhook.provider(),
            webhook.key_name(),
            request.get_ref().service,
        );
        let status = ServingStatus::Serving.into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = tonic::codegen::BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only `check` is implemented"))
    }
}
