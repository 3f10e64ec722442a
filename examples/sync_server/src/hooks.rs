//! The port for deliveries.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri},
    middleware::map_response_with_state,
    response::Response,
    routing::post,
};
use tower::{ServiceExt, service_fn};
use tower_webhook_auth::{
    BoxError, EventError, Keys, Provider, Rejection, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};
use tracing::info;

use crate::{
    config::{Key, Loaded, Owner, Vendor},
    environment::Environment,
    metrics::Metrics,
    replicas::{Delivery, Replicas},
    service::Service,
};

/// How many bytes of bodies may be in memory at a time.
const MEMORY_BUDGET: usize = 64 * 1024 * 1024;

/// The port. Each request gets the routes of the current configuration.
pub fn port(service: Arc<Service>) -> Router {
    Router::new().fallback_service(service_fn(move |request: Request| {
        let hooks = service.running().hooks.clone();
        async move {
            Ok::<_, Infallible>(
                hooks
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    }))
}

#[derive(Clone)]
struct Hooks {
    environments: Arc<[Arc<Environment>]>,
    owners: Arc<HashMap<String, Owner>>,
    metrics: Metrics,
    replicas: Option<Arc<Replicas>>,
}

/// # Errors
///
/// If a key cannot be used.
pub fn router(
    loaded: &Loaded,
    environments: &[Arc<Environment>],
    metrics: &Metrics,
    replicas: Option<Arc<Replicas>>,
) -> Result<Router, BoxError> {
    let owners = loaded.optimizely.iter().chain(&loaded.vwo);
    let hooks = Hooks {
        environments: environments.into(),
        owners: Arc::new(
            owners
                .map(|key| (key.name.clone(), key.owner.clone()))
                .collect(),
        ),
        metrics: metrics.clone(),
        replicas,
    };
    let mut router = Router::new();
    if !loaded.optimizely.is_empty() {
        // An authentic body that cannot be read still says that something changed.
        let provider = provider::optimizely(keys(&loaded.optimizely)?).fallible();
        let route = post(datafile_updated).route_layer(layer(provider));
        router = router.route("/webhooks/optimizely", route);
    }
    if !loaded.vwo.is_empty() {
        // After a 422, VWO would repeat the delivery for an hour.
        let provider = provider::vwo(keys(&loaded.vwo)?).parse_with(|_| Ok(Changed));
        let route = post(settings_changed).route_layer(layer(provider));
        router = router.route("/webhooks/vwo", route);
    }
    Ok(router
        // Outside of the layer, so that rejections pass through it.
        .route_layer(map_response_with_state(hooks.clone(), count_rejections))
        .with_state(hooks))
}

fn layer<E>(provider: Provider<E>) -> WebhookAuthLayer<E> {
    WebhookAuthLayer::new(provider).memory_budget(MEMORY_BUDGET)
}

fn keys(keys: &[Key]) -> Result<Keys, BoxError> {
    Ok(Keys::named(
        keys.iter()
            .map(|key| (key.name.clone(), key.secret.clone())),
    )?)
}

/// The event of VWO: something changed.
struct Changed;

impl Hooks {
    fn of_project(&self, id: i64) -> impl Iterator<Item = (&Environment, Option<&str>)> {
        self.environments
            .iter()
            .filter_map(move |environment| match &environment.spec.vendor {
                Vendor::Optimizely { project, name } if *project == id => {
                    Some((environment.as_ref(), name.as_deref()))
                }
                _ => None,
            })
    }

    fn tell(&self, environment: &Environment, revision: Option<u64>) {
        if let Some(replicas) = &self.replicas {
            replicas.tell(environment, revision);
        }
    }

    fn relay(&self, key: &str, revision: Option<u64>, delivery: &Delivery<'_>) {
        if let Some(replicas) = &self.replicas {
            replicas.relay(key, revision, delivery);
        }
    }

    fn accepted(&self, vendor: &'static str) -> StatusCode {
        self.metrics.delivery(vendor, "accepted");
        StatusCode::OK
    }

    fn ignored(&self, vendor: &'static str, key: &str, reason: &'static str) {
        self.metrics.delivery(vendor, reason);
        info!(vendor, key, reason, "ignored a delivery");
    }
}

/// It responds at once. The download is done in the background.
async fn datafile_updated(
    State(hooks): State<Hooks>,
    path: Uri,
    headers: HeaderMap,
    webhook: Verified<Result<optimizely::Event, EventError>>,
) -> StatusCode {
    const VENDOR: &str = "optimizely";
    let delivery = Delivery {
        path: &path,
        headers: &headers,
        body: webhook.body(),
    };
    if let Some(replicas) = &hooks.replicas {
        replicas.received(&headers);
    }
    let name = webhook.key_name();
    let Some(Owner::Project(project)) = hooks.owners.get(name) else {
        return StatusCode::FORBIDDEN;
    };
    let event = match webhook.event() {
        Ok(event) => event,
        Err(error) => {
            let error = error.to_string();
            info!(
                vendor = VENDOR,
                key = name,
                ?error,
                "cannot read a delivery: all environments of its project are checked"
            );
            for (environment, _) in hooks.of_project(*project) {
                environment.kept.request_change();
                hooks.tell(environment, None);
            }
            hooks.relay(&format!("project {project}"), None, &delivery);
            return hooks.accepted(VENDOR);
        }
    };
    // The secret of one project proves nothing about another.
    if event.project_id != *project {
        hooks.ignored(VENDOR, name, "other_project");
        return StatusCode::FORBIDDEN;
    }
    let Some(datafile) = event.datafile() else {
        hooks.ignored(VENDOR, name, "other_event");
        return StatusCode::OK;
    };
    // The name of an environment can change, its SDK key cannot.
    let file = datafile.cdn_url.rsplit('/').next().unwrap_or_default();
    let sdk_key = file.strip_suffix(".json").unwrap_or(file);
    let theirs = datafile.environment.as_deref();
    let mut told: Vec<&Environment> = hooks
        .of_project(*project)
        .filter(|(environment, _)| environment.spec.sdk_key == sdk_key)
        .map(|(environment, _)| environment)
        .collect();
    if told.is_empty() {
        told = hooks
            .of_project(*project)
            .filter(|(_, ours)| match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
                _ => false,
            })
            .map(|(environment, _)| environment)
            .collect();
    }
    if told.is_empty() {
        let ours: Vec<_> = hooks
            .of_project(*project)
            .filter_map(|(_, name)| name)
            .collect();
        hooks.ignored(VENDOR, name, "no_such_environment");
        info!(environment = ?theirs, configured = ?ours, "the delivery is for an environment that is not configured");
        return StatusCode::OK;
    }
    // Only news is passed on to the other replicas, so that it does not circulate without end.
    told.retain(|environment| environment.kept.request(datafile.revision));
    let Some(first) = told.first() else {
        hooks.ignored(VENDOR, name, "not_newer");
        return StatusCode::OK;
    };
    let revision = Some(datafile.revision);
    for environment in &told {
        hooks.tell(environment, revision);
    }
    hooks.relay(&first.spec.sdk_key, revision, &delivery);
    hooks.accepted(VENDOR)
}

/// The response is 200, not 204: VWO repeats a delivery with any other response.
async fn settings_changed(State(hooks): State<Hooks>, webhook: Verified<Changed>) -> StatusCode {
    if let Some(Owner::Environment { sdk_key }) = hooks.owners.get(webhook.key_name()) {
        for environment in hooks
            .environments
            .iter()
            .filter(|environment| environment.is("vwo", sdk_key))
        {
            environment.kept.request_change();
            // It is not passed on to peers: the request contains the key.
            hooks.tell(environment, None);
        }
    }
    hooks.accepted("vwo")
}

/// The library logs each rejection, limited in rate. All labels come from this program.
async fn count_rejections(State(hooks): State<Hooks>, response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let vendor = rejection.provider().unwrap_or_default();
        hooks.metrics.delivery(vendor, rejection.kind().as_str());
    }
    response
}
