//! warp 0.4: a filter as a service, and hyper-util to serve it.

use http::StatusCode;
use tower::Layer;
use tower_webhook_auth::Verified;
use warp::Filter;

use crate::net::{Event, PROJECT, delivery, forged, layer, send, send_http2, serve};

#[tokio::test]
async fn a_filter_reads_the_event_from_the_extensions() {
    let routes = warp::path!("webhooks" / "optimizely")
        .and(warp::post())
        .and(warp::ext::get::<Verified<Event>>())
        .and(warp::body::bytes())
        .map(|webhook: Verified<Event>, body: bytes::Bytes| {
            assert_eq!(&body, webhook.body());
            webhook.project_id.to_string()
        });
    let address = serve(layer().layer(warp::service(routes))).await;

    let accepted = send(address, delivery("/webhooks/optimizely")).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    assert_eq!(accepted.body(), PROJECT);
    let accepted = send_http2(address, delivery("/webhooks/optimizely")).await;
    assert_eq!(accepted.body(), PROJECT);

    let rejected = send(address, forged("/webhooks/optimizely")).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    let elsewhere = send(address, delivery("/elsewhere")).await;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}
