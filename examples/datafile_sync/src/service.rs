//! The routes: one for deliveries, one for decisions.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use support::download::Transport;
use tower_webhook_auth::{
    BoxError, Keys, Verified, WebhookAuthLayer, provider, provider::optimizely, sync::Schedule,
};

use crate::{config::Config, environment::Environment};

/// All environments of all projects.
pub struct Environments(Vec<Environment>);

impl Environments {
    /// Starts to keep a client for each SDK key.
    ///
    /// # Errors
    ///
    /// If the address of the CDN makes no URL.
    pub fn start(
        config: &Config,
        transport: &Transport,
        schedule: &Schedule,
    ) -> Result<Arc<Self>, BoxError> {
        let schedule = schedule.clone().poll_every(config.poll_every);
        let mut environments = Vec::new();
        for project in &config.projects {
            for key in &project.environments {
                let (transport, schedule) = (transport.clone(), schedule.clone());
                let cdn = &config.cdn;
                environments.push(Environment::start(
                    project.id, key, cdn, transport, schedule,
                )?);
            }
        }
        Ok(Arc::new(Self(environments)))
    }

    /// The environment with this SDK key, or the first one without a key.
    pub fn find(&self, sdk_key: Option<&str>) -> Option<&Environment> {
        let asked = |environment: &&Environment| {
            sdk_key.is_none_or(|sdk_key| environment.sdk_key() == sdk_key)
        };
        self.0.iter().find(asked)
    }
}

/// The service.
///
/// # Errors
///
/// If two projects have one id.
pub fn app(config: &Config, environments: Arc<Environments>) -> Result<Router, BoxError> {
    // The name of each key is the id of its project.
    let keys = config
        .projects
        .iter()
        .map(|project| (project.id.to_string(), project.secret.clone()));
    let layer = WebhookAuthLayer::new(provider::optimizely(Keys::named(keys)?));
    Ok(Router::new()
        .route("/webhooks/optimizely", post(delivered).route_layer(layer))
        .route("/decide", get(decide))
        .with_state(environments))
}

/// It responds at once. All work is done in the background.
async fn delivered(
    State(environments): State<Arc<Environments>>,
    webhook: Verified<optimizely::Event>,
) -> StatusCode {
    // The secret of one project proves nothing about another.
    if webhook.key_name() != webhook.project_id.to_string() {
        return StatusCode::FORBIDDEN;
    }
    if let Some(datafile) = webhook.datafile() {
        for environment in &environments.0 {
            environment.told_of(webhook.project_id, datafile);
        }
    }
    StatusCode::OK
}

#[derive(Deserialize)]
struct Question {
    user: String,
    flag: String,
    sdk_key: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    flag: String,
    user: String,
    enabled: bool,
    variation: String,
    revision: u64,
}

async fn decide(
    State(environments): State<Arc<Environments>>,
    Query(question): Query<Question>,
) -> Result<Json<Answer>, StatusCode> {
    let environment = environments
        .find(question.sdk_key.as_deref())
        .ok_or(StatusCode::NOT_FOUND)?;
    let snapshot = environment
        .current()
        .ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let decision = snapshot
        .client
        .create_user_context(&question.user)
        .decide(&question.flag);
    Ok(Json(Answer {
        enabled: decision.enabled(),
        variation: decision.variation_key().into(),
        revision: snapshot.revision,
        flag: question.flag,
        user: question.user,
    }))
}
