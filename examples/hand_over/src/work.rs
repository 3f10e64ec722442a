//! The work, after the response.

use std::time::Duration;

use apalis::prelude::*;
use tower_webhook_auth::{Delivery, Secret, provider};

/// An error is tried again three times.
pub async fn work(delivery: Delivery, attempt: Attempt) -> Result<(), BoxDynError> {
    // The worker verifies nothing, so it needs no secret of the sender.
    let event = provider::optimizely(Secret::new("not used")?).event(&delivery)?;
    let project = event.project_id;
    println!("project {project}: begin, attempt {}", attempt.current());
    tokio::time::sleep(Duration::from_millis(crate::number("WORK_MS", 0)?)).await;
    println!("project {project}: done");
    Ok(())
}
