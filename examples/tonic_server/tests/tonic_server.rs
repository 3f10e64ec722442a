//! The whole program, called by a gRPC client.

use support::testing::Program;
use tonic::{Code, Request, Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// Made with OpenSSL, over the five bytes of gRPC's frame and the message `service: "receiver"`:
/// `printf '\0\0\0\0\012\012\010receiver' | openssl dgst -sha256 -hmac wJ4mX9`.
const SIGNATURE: &str = "326b62ef8d52ed1b48e1e2e3633a99c2c814a12530d2acb6a0109501dfba5321";

async fn check(program: &Program, service: &str) -> Result<(), Status> {
    let channel = Channel::from_shared(format!("http://{}", program.address)).expect("a URI");
    let mut client = HealthClient::new(channel.connect().await.expect("a connection"));
    let mut request = Request::new(HealthCheckRequest {
        service: service.to_owned(),
    });
    let signature = SIGNATURE.parse().expect("a value");
    request.metadata_mut().insert("x-acme-signature", signature);
    client.check(request).await.map(drop)
}

#[tokio::test]
async fn a_method_reads_the_verified_event_and_is_not_called_without_it() {
    let variables = [("ACME_SECRET", "wJ4mX9")];
    let mut program = Program::start(env!("CARGO_BIN_EXE_tonic_server"), &variables);
    check(&program, "receiver").await.expect("a response");
    let printed = program.line();
    assert_eq!(
        printed,
        "accepted 15 bytes of acme, key \"default\", service \"receiver\""
    );
    let status = check(&program, "receivers").await.expect_err("forged");
    assert_eq!(status.code(), Code::Unauthenticated);
    let log = program.stop();
    assert!(log.contains("signature_mismatch"), "{log}");
}
