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
use tower::{Layer, ServiceBuilder, ServiceExt, make::Shared, util::MapResponseLayer};
use tower_webhook_auth::{
    BoxError, EventTypeMismatch, Provider, Rejection, Secret, SharedKeyScheme, Verified,
    WebhookAuthLayer, provider::vwo,
};

use crate::{
    common::collect,
    net::{
        Event, PROJECT, VWO_KEY, delivery, forged, layer, listen, send, spawn, vwo_delivery,
        vwo_layer,
    },
};

/// Another provider that accepts VWO's deliveries.
fn vwo_provider(name: &str) -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("x-vwo-auth").build();
    let key = Secret::new(VWO_KEY).expect("a secret");
    Provider::new(name, scheme.expect("a scheme"), key).expect("a provider")
}

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

/// What the layer must do in each place.
async fn guards(placement: &str, address: SocketAddr, path: &str) {
    let accepted = send(address, delivery(path)).await;
    assert_eq!(accepted.status(), StatusCode::OK, "{placement}");
    assert_eq!(accepted.body(), PROJECT, "{placement}");
    let rejected = send(address, forged(path)).await;
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED, "{placement}");
    assert_eq!(
        rejected.headers()["content-type"],
        "application/problem+json",
        "{placement}"
    );
}

#[tokio::test]
async fn the_layer_works_in_every_place_where_axum_takes_a_layer() {
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
async fn a_handler_takes_the_event_in_any_of_four_ways_together_with_state_and_body() {
    async fn all_of_it(
        State(prefix): State<&'static str>,
        Extension(by_extension): Extension<Verified<Event>>,
        optional: Option<Verified<Event>>,
        extracted: Verified<Event>,
        body: Bytes,
    ) -> String {
        let optional = optional.expect("the layer is there");
        // All are the same event.
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
async fn an_optional_event_is_absent_on_a_route_without_a_layer() {
    async fn either(webhook: Option<Verified<Event>>) -> &'static str {
        match webhook {
            Some(_) => "verified",
            None => "not verified",
        }
    }
    let address = serve(
        Router::new()
            .route("/guarded", post(either).layer(layer()))
            .route("/open", post(either)),
    )
    .await;
    assert_eq!(send(address, delivery("/guarded")).await.body(), "verified");
    // Without a layer a valid signature proves nothing, because no code checks it.
    assert_eq!(
        send(address, delivery("/open")).await.body(),
        "not verified"
    );
}

/// In production the client must not learn the names of types.
#[tokio::test]
async fn a_missing_layer_is_a_500_that_explains_itself_in_debug_builds_only() {
    const NO_LAYER: &str = "the handler asks for \
        Verified<tower_webhook_auth::provider::optimizely::Event>, but no WebhookAuthLayer around its \
        route provides that type: add the layer to the route; if it has one, the layer reports both types";
    const OTHER_TYPE: &str = "the layer for \"vwo\" provides \
        Verified<tower_webhook_auth::provider::vwo::Event>, but the handler asks for \
        Verified<tower_webhook_auth::provider::optimizely::Event>: use the preset with this \
        event type, add .parse::<tower_webhook_auth::provider::optimizely::Event>() to the provider, or take \
        Verified<tower_webhook_auth::provider::vwo::Event>";
    let address = serve(
        Router::new()
            .route("/no-layer", post(project))
            .route("/other-type", post(project).layer(vwo_layer()))
            // The layer next to the handler explains it, and the outer one adds nothing.
            .route(
                "/two-layers",
                post(project)
                    .route_layer(vwo_layer())
                    .layer(WebhookAuthLayer::new(vwo_provider("outer"))),
            ),
    )
    .await;
    for (request, text) in [
        (delivery("/no-layer"), NO_LAYER),
        (vwo_delivery("/other-type", VWO_KEY), OTHER_TYPE),
        (vwo_delivery("/two-layers", VWO_KEY), OTHER_TYPE),
    ] {
        let response = send(address, request).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        if cfg!(debug_assertions) {
            assert_eq!(response.body(), text);
            let content_type = &response.headers()["content-type"];
            assert_eq!(content_type, "text/plain; charset=utf-8");
        } else {
            assert_eq!(response.body(), "");
        }
        let length = response.body().len().to_string();
        assert_eq!(response.headers()["content-length"], *length);
    }
}

/// A response that an inner layer made from the error is not replaced.
#[tokio::test]
async fn a_response_that_is_no_longer_a_500_keeps_its_body() {
    async fn hide(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        *response.body_mut() = Body::from("hidden");
        response
    }
    let service = Router::new()
        .route("/", post(project))
        .layer(from_fn(hide))
        .layer(vwo_layer());
    let response = service.oneshot(vwo_delivery("/", VWO_KEY).map(Body::new));
    let response = response.await.expect("an infallible service");
    let mismatch = response.extensions().get::<EventTypeMismatch>();
    assert_eq!(mismatch.expect("the error").provider(), "vwo");
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(collect(response.into_body()).await, "hidden");
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
    guards("next to another sender", address, "/optimizely").await;

    let accepted = send(address, vwo_delivery("/vwo", VWO_KEY)).await;
    assert_eq!(accepted.body(), "campaign_settings_changed");
    // A delivery of one sender is not accepted for another one.
    let crossed = send(address, delivery("/vwo")).await;
    assert_eq!(crossed.status(), StatusCode::UNAUTHORIZED);
    let crossed = send(address, vwo_delivery("/optimizely", VWO_KEY)).await;
    assert_eq!(crossed.status(), StatusCode::UNAUTHORIZED);
    // A route that is not a webhook needs no key.
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
async fn an_optional_layer_works_with_its_body_mapped() {
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
async fn from_fn_works_outside_and_inside() {
    // What an outer layer can read about a rejection.
    async fn outside(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        if let Some(rejection) = response.extensions().get::<Rejection>() {
            let reason = rejection.kind().as_str().parse().expect("a value");
            response.headers_mut().insert("x-reason", reason);
        }
        response
    }
    // What an inner layer can read about the event.
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
            "separate calls of `layer`",
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
        let rejected = send(address, forged("/in")).await;
        assert_eq!(
            rejected.headers()["x-reason"],
            "signature_mismatch",
            "{placement}"
        );
        assert!(!rejected.headers().contains_key("x-key"), "{placement}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_401_with_layer_and_404_with_route_layer() {
    let routes = || Router::new().route("/in", post(project));
    let layered = serve(routes().layer(layer())).await;
    let response = send(layered, forged("/elsewhere")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    let route_layered = serve(routes().route_layer(layer())).await;
    let response = send(route_layered, forged("/elsewhere")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
