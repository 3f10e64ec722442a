//! The queue: one record for each delivery, even if the delivery arrives several times.

use std::{future::Future, time::Duration};

use apalis::prelude::*;
use apalis_core::backend::finalize;
use tower_webhook_auth::{BoxError, Delivery};

/// The name of the queue. The default is the path of a Rust type. If the type moves to another
/// module, that is another queue.
pub const QUEUE: &str = "deliveries";

/// How long Redis remembers the unique key of a delivery.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The operations that the handler needs.
pub trait Queue: Clone + Send + Sync + 'static {
    /// Stores a delivery, unless it is stored already.
    fn put(&self, delivery: Delivery) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A queue of apalis that survives the process.
#[derive(Clone)]
pub struct Durable<B>(pub B);

impl<B> Queue for Durable<B>
where
    B: TaskSink<Delivery, finalize::Durable> + Clone + Send + Sync + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    async fn put(&self, delivery: Delivery) -> Result<(), BoxError> {
        let identity = delivery.identity;
        let mut task = TaskBuilder::new(delivery);
        if let Some(identity) = identity {
            task = task.idempotency_key(identity.to_string());
        }
        match self.0.clone().push_task(task.build()).await {
            Ok(_) => Ok(()),
            // PostgreSQL reports a key that is stored already. SQLite and Redis ignore the second task.
            Err(error) if format!("{error:?}").contains("idx_jobs_idempotency_key") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
