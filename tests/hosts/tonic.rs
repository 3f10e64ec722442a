//! tonic 0.14: a unary call. The signed body is the message with its gRPC frame.

use std::net::SocketAddr;

use bytes::Bytes;
use tonic::{
    Code, Request, Status,
    service::LayerExt,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, health_check_response,
        health_client::HealthClient,
        health_server::{Health, HealthServer},
    },
};
use tower_webhook_auth::{Provider, Secret, SignatureScheme, WebhookAuthLayer};

use crate::net::{listen, spawn};

/// Made with OpenSSL, over the five bytes of gRPC's frame and the message `service: "receiver"`:
/// `printf '\0\0\0\0\012\012\010receiver' | openssl dgst -sha256 -hmac wJ4mX9`.
pub(crate) const SIGNATURE: &str =
    "326b62ef8d52ed1b48e1e2e3633a99c2c814a12530d2acb6a0109501dfba5321";

pub(crate) fn provider() -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-signature").build();
    let acme = Provider::new(
        "acme",
        scheme.expect("a scheme"),
        Secret::new("wJ4mX9").expect("a secret"),
    );
    acme.expect("a provider")
}

fn layer() -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(provider()).max_body_bytes(64)
}

pub(crate) async fn health() -> HealthServer<impl Health> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("receiver", ServingStatus::Serving)
        .await;
    health
}

/// A server with the layer around all of its services.
async fn serve_with_layer() -> SocketAddr {
    let (listener, address) = listen().await;
    let server = Server::builder().layer(layer()).add_service(health().await);
    spawn(async move {
        let _ = server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await;
    });
    address
}

/// Calls with this signature and with a message that holds this service's name.
pub(crate) async fn check(
    address: SocketAddr,
    signature: Option<&'static str>,
    service: &str,
) -> Result<i32, Status> {
    let channel = Channel::from_shared(format!("http://{address}")).expect("a URI");
    let mut client = HealthClient::new(channel.connect().await.expect("a connection"));
    let mut request = Request::new(HealthCheckRequest {
        service: service.to_owned(),
    });
    if let Some(signature) = signature {
        let signature = signature.parse().expect("a value");
        request.metadata_mut().insert("x-signature", signature);
    }
    let response = client.check(request).await?;
    Ok(response.into_inner().status)
}

#[tokio::test]
async fn a_signed_call_gets_its_response() {
    let status = check(serve_with_layer().await, Some(SIGNATURE), "receiver").await;
    assert_eq!(
        status.expect("a response"),
        i32::from(health_check_response::ServingStatus::Serving)
    );
}

#[tokio::test]
async fn a_rejection_is_a_status_that_the_client_reads() {
    let cases = [
        ("no signature", None, "receiver", Code::Unauthenticated),
        (
            "a cut signature",
            Some(&SIGNATURE[..62]),
            "receiver",
            Code::Unauthenticated,
        ),
        (
            "another message",
            Some(SIGNATURE),
            "receivers",
            Code::Unauthenticated,
        ),
        (
            "too long a message",
            Some(SIGNATURE),
            "a name that is longer than the 64 bytes that this server's layer allows",
            Code::ResourceExhausted,
        ),
    ];
    let address = serve_with_layer().await;
    for (name, signature, service, code) in cases {
        let status = check(address, signature, service).await.expect_err(name);
        assert_eq!(status.code(), code, "{name}: {status:?}");
        // A status of gRPC, not one that the client derives from HTTP's 401.
        let expected = match code {
            Code::Unauthenticated => "unauthenticated",
            _ => "resource exhausted",
        };
        assert_eq!(status.message(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_named_layer_verifies_the_calls_of_one_service() {
    let (listener, address) = listen().await;
    let server = Server::builder().add_service(layer().named_layer(health().await));
    spawn(async move {
        let _ = server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await;
    });
    check(address, Some(SIGNATURE), "receiver")
        .await
        .expect("a response");
    let status = check(address, None, "receiver").await.expect_err("no key");
    assert_eq!(status.code(), Code::Unauthenticated);
}
