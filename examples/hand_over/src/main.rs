//! Puts each verified delivery into a durable queue, responds, and processes it afterwards.
//!
//! ```sh
//! cargo run --manifest-path examples/hand_over/Cargo.toml
//! ```
//!
//! It prints where it listens. The queue is the file `deliveries.db`. With `QUEUE=postgres://…` or
//! `QUEUE=redis://…` the queue is in that database, and any number of processes can take tasks
//! from it. You can kill the process at any moment: a delivery that got 200 is processed after the
//! next start.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `QUEUE` | `sqlite://deliveries.db?mode=rwc` | the URL of the queue: SQLite, PostgreSQL or Redis |
//! | `PORT` | `3000` | the port on 127.0.0.1; 0 lets the system choose |
//! | `OPTIMIZELY_WEBHOOK_SECRET` | the secret of Optimizely's documentation | the secret of the sender |
//! | `HEARTBEAT_MS` | `30000` | after two missed heartbeats the tasks of a killed worker are repeated |
//! | `WORK_MS` | `0` | how long the work of one delivery takes |
//!
//! # What each queue needs
//!
//! - SQLite and PostgreSQL keep the unique key as long as the row of the task. Delete old rows.
//! - Redis needs `appendonly yes`. Otherwise a restart of Redis can lose deliveries that got 200.
//! - A task that kills its process each time ends after 25 attempts.

mod queue;
mod receive;
mod work;

use std::{env, time::Duration};

use apalis::{layers::retry::RetryPolicy, prelude::*};
use axum::{Router, routing::post};
use tower_webhook_auth::{BoxError, Secret, WebhookAuthLayer, provider};

use crate::{
    queue::{Durable, QUEUE, REMEMBERED},
    receive::receive,
    work::work,
};

/// The receiver and one worker, over any queue of apalis.
macro_rules! run {
    ($backend:expr) => {{
        let backend = $backend;
        let queue = Durable(backend.clone());
        let secret = match env::var_os("OPTIMIZELY_WEBHOOK_SECRET") {
            Some(_) => Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?,
            None => Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4")?,
        };
        let layer = WebhookAuthLayer::new(provider::optimizely(secret));
        let app = Router::new()
            .route(
                "/webhooks/optimizely",
                post(receive::<Durable<_>>).route_layer(layer),
            )
            .with_state(queue);
        let port = u16::try_from(number("PORT", 3000)?)?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        println!(
            "listening on http://{}/webhooks/optimizely",
            listener.local_addr()?
        );
        let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
            .backend(backend)
            .retry(RetryPolicy::retries(3))
            .build(work);
        tokio::select! {
            ended = worker.run() => ended?,
            ended = axum::serve(listener, app) => ended?,
        }
        Ok(())
    }};
}
#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::var("QUEUE").unwrap_or_else(|_| "sqlite://deliveries.db?mode=rwc".into());
    let heartbeat = Duration::from_millis(number("HEARTBEAT_MS", 30_000)?);
    match url.split(':').next() {
        Some("redis" | "rediss") => {
            let config = apalis_redis::Config::default()
                .queue(QUEUE)
                .heartbeat_interval(heartbeat)
                .missed_heartbeats(2)
                // Without a time, version 1.0.0 of apalis-redis forgets the unique key at once.
                .idempotency_ttl(Some(REMEMBERED));
            let connection = apalis_redis::connect(url).await?;
            run!(apalis_redis::RedisStorage::new(connection).with_config(config))
        }
        Some("postgres" | "postgresql") => {
            let pool = apalis_postgres::PgPool::connect(&url).await?;
            apalis_postgres::PostgresStorage::setup(&pool).await?;
            let config = apalis_postgres::Config::default()
                .queue(QUEUE)
                .heartbeat_interval(heartbeat);
            run!(apalis_postgres::PostgresStorage::new(&pool).with_config(config))
        }
        _ => {
            let pool = apalis_sqlite::SqlitePool::connect(&url).await?;
            apalis_sqlite::SqliteStorage::setup(&pool).await?;
            let config = apalis_sqlite::Config::default()
                .queue(QUEUE)
                .heartbeat_interval(heartbeat);
            run!(apalis_sqlite::SqliteStorage::new(&pool).with_config(config))
        }
    }
}

fn number(variable: &str, default: u64) -> Result<u64, BoxError> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{variable} is {text:?}: expected a whole number").into()),
        Err(_) => Ok(default),
    }
}
