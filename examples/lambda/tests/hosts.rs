//! AWS Lambda with lambda_http: events of an API Gateway or of a function URL.

use std::convert::Infallible;

use bytes::Bytes;
use data_encoding::BASE64;
use http::{Response, StatusCode};
use http_body_util::Full;
use lambda_http::{Body, IntoResponse, Request, request};
use serde_json::json;
use support::testing::{self, BODY, SECRET};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer, provider};

const PROJECT: &str = "11387641093";
const SIGNATURE: &str = testing::SIGNATURE.1;

type Event = provider::optimizely::Event;

fn layer() -> WebhookAuthLayer<Event> {
    let secret = Secret::new(SECRET).expect("a secret");
    WebhookAuthLayer::new(provider::optimizely(secret))
}

/// A request in the format 2.0 of the gateway's payload.
fn event(signature: &str, body: &str, is_base64: bool) -> Request {
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/webhooks/optimizely",
        "rawQueryString": "",
        "headers": {
            "content-length": BODY.len().to_string(),
            "content-type": "application/json",
            "host": "id.execute-api.us-east-1.amazonaws.com",
            "x-hub-signature": signature,
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id",
            "http": {
                "method": "POST",
                "path": "/webhooks/optimizely",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "AppEngine-Google",
            },
            "requestId": "MIZRNhJtIAMEMDw=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "06/May/2020:22:36:55 +0000",
            "timeEpoch": 1_588_804_615_616_u64,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    });
    request::from_str(&event.to_string()).expect("an event")
}

fn project<B>(request: &http::Request<B>) -> String {
    let webhook = request.extensions().get::<Verified<Event>>();
    webhook.expect("the layer is there").project_id.to_string()
}

/// The response that the gateway receives.
async fn answer(response: impl IntoResponse) -> Response<Body> {
    response.into_response().await
}

#[tokio::test]
async fn a_function_verifies_bodies_in_text_and_in_base64() {
    let service = layer().layer(service_fn(
        |request: http::Request<Full<Bytes>>| async move {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(project(&request))))
        },
    ));
    let deliveries = [
        event(SIGNATURE, BODY, false),
        event(SIGNATURE, &BASE64.encode(BODY.as_bytes()), true),
    ];
    for delivery in deliveries {
        let response = service.clone().oneshot(delivery).await;
        let response = answer(response.expect("an infallible service")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(&**response.body(), PROJECT.as_bytes());
    }

    let forged = event(&SIGNATURE.replace("b2", "b3"), BODY, false);
    let response = service.oneshot(forged).await;
    let response = answer(response.expect("an infallible service")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.body(),
        &Body::Text(r#"{"title":"Unauthorized","status":401}"#.into())
    );
}

#[tokio::test]
async fn a_handler_of_lambda_requests_gets_its_own_body_type() {
    async fn handler(request: Request) -> Result<Response<Body>, Infallible> {
        assert_eq!(&**request.body(), BODY.as_bytes());
        Ok(Response::new(project(&request).into()))
    }
    let service = ServiceBuilder::new()
        .layer(layer())
        .map_request(|request: http::Request<Full<Bytes>>| {
            let (head, _) = request.into_parts();
            let webhook = head.extensions.get::<Verified<Event>>();
            let body = webhook.map_or(Body::Empty, |webhook| webhook.body().to_vec().into());
            Request::from_parts(head, body)
        })
        .service(service_fn(handler));
    let response = service.oneshot(event(SIGNATURE, BODY, false)).await;
    let response = answer(response.expect("an infallible service")).await;
    assert_eq!(&**response.body(), PROJECT.as_bytes());
}
