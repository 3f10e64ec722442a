//! A gRPC server, one service of which answers only callers that sign their messages.
//!
//! What is signed is the body of the request: the five bytes with which gRPC frames a message, and
//! the message. A refusal is the status `UNAUTHENTICATED` to any gRPC client.
//!
//! ```console
//! $ ACME_SECRET=wJ4mX9 cargo run -p tonic_server
//! $ message='\0\0\0\0\0' # an empty `HealthCheckRequest`: it asks for the server as a whole
//! $ mac=$(printf "$message" | openssl dgst -sha256 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ printf "$message" | curl -si --http2-prior-knowledge --output - --data-binary @- \
//!       -H 'content-type: application/grpc' -H 'te: trailers' -H "x-acme-signature: $mac" \
//!       http://127.0.0.1:3000/grpc.health.v1.Health/Check
//! ```
//!
//! This is for methods that take one message. A method that takes a stream of them would wait for
//! the end of the stream, since only then there is a body whose signature can be checked.

use std::{env, error::Error};

use tonic::{
    service::LayerExt,
    transport::{Server, server::TcpIncoming},
};
use tower_webhook_auth::{Provider, Secret, SignatureScheme, WebhookAuthLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let scheme = SignatureScheme::hmac_sha256("x-acme-signature").build()?;
    let acme = Provider::new("acme", scheme, Secret::from_env("ACME_SECRET")?)?;
    let auth = WebhookAuthLayer::new(acme);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let incoming = TcpIncoming::bind(address.parse()?)?;
    println!("listening on http://{}", incoming.local_addr()?);

    // It stands for the service of yours that receives events.
    let (_reporter, health) = tonic_health::server::health_reporter();
    Server::builder()
        // Around this one service. `Server::builder().layer(auth)` puts it around all of them.
        .add_service(auth.named_layer(health))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}
