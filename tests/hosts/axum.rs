//! axum 0.8.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::{Request, State},
    handler::Handler,
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, make::Shared, util::MapResponseLayer};
use tower_webhook_auth::{BoxError, Rejection, Verified, WebhookAuthLayer, provider::vwo};

use crate::net::{
    Event, PROJECT, VWO_KEY, delivery, forged, layer, listen, send, spawn, vwo_delivery, vwo_layer,
};

async fn project(webhook: Verified<Event>) -> String {
    webhook.project_id.to_string()
}

async fn overloaded(error: BoxError) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

async fn serve(router: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    address
}

/// What each placement of the layer has to do.
async fn guards(placement: &str, address: SocketAddr, path: &str) {
    let accepted = send(address, delivery(path)).await;
    assert_eq!(accepted.status(), StatusCode::OK, "{placement}");
    assert_eq!(accepted.body(), PROJECT, "{placement}");
    let refused = send(address, forged(path)).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{placement}");
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json",
        "{placement}"
    );
}

#[tokio::test]
async fn the_layer_stands_wherever_axum_takes_one() {
    let placements = [
        (
            "Router::layer",
            Router::new().route("/in", post(project)).layer(layer()),
        ),
        (
            "Router::route_layer",
            Router::new()
                .route("/in", post(project))
                .route_layer(layer()),
        ),
        (
            "MethodRouter::layer",
            Router::new().route("/in", post(project).layer(layer())),
        ),
        (
            "MethodRouter::route_layer",
            Router::new().route("/in", post(project).route_layer(layer())),
        ),
        (
            "Handler::layer",
            Router::new().route("/in", post(project.layer(layer()))),
        ),
        (
            "a nested router's layer",
            Router::new().nest(
                "/in",
                Router::new().route("/", post(project)).layer(layer()),
            ),
        ),
        (
            "a layer around a nested router",
            Router::new()
                .nest("/in", Router::new().route("/", post(project)))
                .layer(layer()),
        ),
        (
            "ServiceBuilder",
            Router::new()
                .route("/in", post(project))
                .layer(ServiceBuilder::new().layer(layer())),
        ),
        (
            "layers that may fail outside",
            Router::new().route("/in", post(project)).layer(
                ServiceBuilder::new()
                    .layer(HandleErrorLayer::new(overloaded))
                    .load_shed()
                    .concurrency_limit(8)
                    .timeout(Duration::from_secs(5))
                    .layer(layer()),
            ),
        ),
        (
            "layers that may fail inside",
            Router::new().route("/in", post(project)).layer(
                ServiceBuilder::new()
                    .layer(layer())
                    .layer(HandleErrorLayer::new(overloaded))
                    .load_shed()
                    .concurrency_limit(8)
                    .timeout(Duration::from_secs(5)),
            ),
        ),
        (
            "route_service",
            Router::new().route_service("/in", layer().layer(post(project).with_state(()))),
        ),
    ];
    for (placement, router) in placements {
        guards(placement, serve(router).await, "/in").await;
    }
}

#[tokio::test]
async fn a_handler_takes_the_event_in_any_of_four_ways_beside_state_and_body() {
    async fn all_of_it(
        State(prefix): State<&'static str>,
        Extension(by_extension): Extension<Verified<Event>>,
        optional: Option<Verified<Event>>,
        extracted: Verified<Event>,
        body: Bytes,
    ) -> String {
        let optional = optional.expect("the layer is there");
        // One event, not four.
        assert_eq!(&*by_extension, &*extracted);
        assert_eq!(&*optional, &*extracted);
        assert_eq!(&body, extracted.body());
        format!("{prefix} {}", extracted.project_id)
    }
    async fn from_the_request(request: Request) -> String {
        let verified = request.extensions().get::<Verified<Event>>();
        verified.expect("the layer is there").provider().to_owned()
    }
    let address = serve(
        Router::new()
            .route("/all", post(all_of_it))
            .route("/request", post(from_the_request))
            .layer(layer())
            .with_state("project"),
    )
    .await;

    let all = send(address, delivery("/all")).await;
    assert_eq!(all.status(), StatusCode::OK);
    assert_eq!(all.body(), &format!("project {PROJECT}"));
    let request = send(address, delivery("/request")).await;
    assert_eq!(request.body(), "optimizely");
}

#[tokio::test]
async fn an_optional_event_is_absent_where_no_layer_is() {
    async fn either(webhook: Option<Verified<Event>>) -> &'static str {
        match webhook {
            Some(_) => "verified",
            None => "nobody checked",
        }
    }
    let address = serve(
        Router::new()
            .route("/guarded", post(either).layer(layer()))
            .route("/open", post(either)),
    )
    .await;
    assert_eq!(send(address, delivery("/guarded")).await.body(), "verified");
    // A good signature proves nothing where nobody looks at it.
    assert_eq!(
        send(address, delivery("/open")).await.body(),
        "nobody checked"
    );
}

#[tokio::test]
async fn a_missing_layer_is_a_500_that_tells_the_sender_nothing() {
    let address = serve(
        Router::new()
            .route("/no-layer", post(project))
            .route("/another-senders-layer", post(project).layer(vwo_layer())),
    )
    .await;
    let requests = [
        delivery("/no-layer"),
        vwo_delivery("/another-senders-layer", VWO_KEY),
    ];
    for request in requests {
        let response = send(address, request).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.body(), "");
    }
}

#[tokio::test]
async fn several_senders_in_one_app_each_have_their_own_layer() {
    async fn action(webhook: Verified<vwo::Event>) -> String {
        webhook.action.clone().unwrap_or_default()
    }
    let address = serve(
        Router::new()
            .route("/optimizely", post(project).layer(layer()))
            .route("/vwo", post(action).layer(vwo_layer()))
            .route("/health", get(|| async { "well" })),
    )
    .await;
    guards("beside another sender", address, "/optimizely").await;

    let accepted = send(address, vwo_delivery("/vwo", VWO_KEY)).await;
    assert_eq!(accepted.body(), "campaign_settings_changed");
    // What one sender may say, another may not.
    let crossed = send(address, delivery("/vwo")).await;
    assert_eq!(crossed.status(), StatusCode::UNAUTHORIZED);
    let crossed = send(address, vwo_delivery("/optimizely", VWO_KEY)).await;
    assert_eq!(crossed.status(), StatusCode::UNAUTHORIZED);
    // And what is no webhook is nobody's business.
    let request = Request::get("/health").body(Full::default());
    let open = send(address, request.expect("a request")).await;
    assert_eq!(open.body(), "well");
}

#[tokio::test]
async fn axum_serve_takes_the_layered_router_with_its_body_mapped() {
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(layer())
        .service(Router::new().route("/in", post(project)));

    let (listener, address) = listen().await;
    spawn(async move {
        let _ = axum::serve(listener, Shared::new(service)).await;
    });
    guards("axum::serve", address, "/in").await;
}

#[tokio::test]
async fn an_optional_layer_stands_with_its_body_mapped() {
    let router = |layer: Option<WebhookAuthLayer<Event>>| {
        let layer = layer.map(|layer| {
            let map = MapResponseLayer::new(|response: Response<_>| response.map(Body::new));
            (map, layer)
        });
        Router::new()
            .route("/in", post(|_: Bytes| async { PROJECT }))
            .layer(tower::util::option_layer(layer))
    };
    guards("option_layer", serve(router(Some(layer()))).await, "/in").await;

    let open = serve(router(None)).await;
    let unguarded = send(open, forged("/in")).await;
    assert_eq!(unguarded.status(), StatusCode::OK);
}

#[tokio::test]
async fn from_fn_stands_outside_or_inside() {
    // What a layer outside can learn of a refusal.
    async fn outside(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        if let Some(rejection) = response.extensions().get::<Rejection>() {
            let reason = rejection.kind().as_str().parse().expect("a value");
            response.headers_mut().insert("x-reason", reason);
        }
        response
    }
    // What one inside can learn of the event.
    async fn inside(request: Request, next: Next) -> Response {
        let verified = request.extensions().get::<Verified<Event>>().cloned();
        let mut response = next.run(request).await;
        let key = verified.expect("verified").key_name().parse();
        let key = key.expect("a value");
        response.headers_mut().insert("x-key", key);
        response
    }
    let router = || Router::new().route("/in", post(project));
    let placements = [
        (
            "calls of `layer` of their own",
            router()
                .layer(from_fn(inside))
                .layer(layer())
                .layer(from_fn(outside)),
        ),
        (
            "one ServiceBuilder",
            router().layer(
                ServiceBuilder::new()
                    .layer(from_fn(outside))
                    .layer(layer())
                    .map_request(|request: http::Request<Full<Bytes>>| request.map(Body::new))
                    .layer(from_fn(inside)),
            ),
        ),
    ];
    for (placement, router) in placements {
        let address = serve(router).await;
        guards(placement, address, "/in").await;
        let accepted = send(address, delivery("/in")).await;
        assert_eq!(accepted.headers()["x-key"], "default", "{placement}");
        let refused = send(address, forged("/in")).await;
        assert_eq!(
            refused.headers()["x-reason"],
            "signature_mismatch",
            "{placement}"
        );
        assert!(!refused.headers().contains_key("x-key"), "{placement}");
    }
}

#[tokio::test]
async fn a_route_that_does_not_exist_tells_strangers_nothing_with_layer_and_404_with_route_layer() {
    let routes = || Router::new().route("/in", post(project));
    let layered = serve(routes().layer(layer())).await;
    let response = send(layered, forged("/elsewhere")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    let route_layered = serve(routes().route_layer(layer())).await;
    let response = send(route_layered, forged("/elsewhere")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
