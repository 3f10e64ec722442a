//! The handler: stores the delivery, and responds.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use tokio::time::timeout;
use tower_webhook_auth::{Delivery, Verified, provider::optimizely};

use crate::queue::Queue;

/// This is shorter than the time that the sender waits. If the queue is slower, the response is a
/// 503 in time.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// 200 means that the queue has the delivery. After any other response the sender repeats the
/// delivery, and the unique key makes the repetition harmless.
pub async fn receive<Q: Queue>(
    State(queue): State<Q>,
    webhook: Verified<optimizely::Event>,
) -> StatusCode {
    match timeout(PATIENCE, queue.put(Delivery::from(&webhook))).await {
        Ok(Ok(())) => StatusCode::OK,
        Ok(Err(error)) => {
            eprintln!("not stored: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Err(_) => {
            eprintln!("not stored: the queue took longer than {PATIENCE:?}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::post};
    use tower::ServiceExt;
    use tower_webhook_auth::{BoxError, Secret, WebhookAuthLayer, provider, testing::Signer};

    use super::*;
    use crate::queue::Durable;

    async fn respond<Q: Queue>(queue: Q) -> StatusCode {
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let optimizely = provider::optimizely(secret.clone());
        let signer = Signer::new(&optimizely, &secret).expect("a signer");
        let route = post(receive::<Q>).route_layer(WebhookAuthLayer::new(optimizely));
        let app = Router::new().route("/", route).with_state(queue);
        let body = r#"{"project_id":1,"timestamp":2,"event":"project.created","data":{}}"#;
        let request = signer.request(body).map(Body::new);
        app.oneshot(request).await.expect("infallible").status()
    }

    #[derive(Clone)]
    struct Slow;

    impl Queue for Slow {
        async fn put(&self, _: Delivery) -> Result<(), BoxError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_queue_is_a_503_before_the_sender_gives_up() {
        let begin = tokio::time::Instant::now();
        assert_eq!(respond(Slow).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(begin.elapsed(), PATIENCE);
    }

    #[tokio::test]
    async fn a_queue_that_fails_is_a_503() {
        let pool = apalis_sqlite::SqlitePool::connect("sqlite::memory:")
            .await
            .expect("a database");
        apalis_sqlite::SqliteStorage::setup(&pool)
            .await
            .expect("tables");
        let queue = Durable(apalis_sqlite::SqliteStorage::new(&pool));
        assert_eq!(respond(queue.clone()).await, StatusCode::OK);
        pool.close().await;
        assert_eq!(respond(queue).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
