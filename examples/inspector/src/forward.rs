//! Sends each new delivery on to the developer's handler. The sender gets our response: the handler's answer is
//! only shown.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc::error::TrySendError};

use crate::{
    deliveries::MOST_SENDS,
    inspector::{Inspector, Shared},
    judge::Verdict,
    send::{self, Policy, Sent},
};

/// How many deliveries wait for their turn.
pub const MOST_WAITING: usize = 256;

/// How many deliveries are sent at the same time.
const MOST_AT_ONCE: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// `{sender}` is replaced by the name of the sender.
    pub url: String,
    pub when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    All,
    Verified,
}

/// A delivery to send on.
#[derive(Debug)]
pub struct Job {
    id: u64,
    url: String,
}

impl Forward {
    pub fn check(&self) -> Result<(), String> {
        send::check(&self.url_for("any")).map(drop)
    }

    fn url_for(&self, sender: &str) -> String {
        self.url.replace("{sender}", sender)
    }
}

/// Sends a new delivery on, if that is switched on and the delivery is one of those. It does not wait.
pub fn offer(inspector: &Inspector, id: u64) {
    let url = {
        let state = inspector.state();
        let (Some(forward), Some(delivery)) = (&state.forward, state.ring.get(id)) else {
            return;
        };
        let is_wanted = match &delivery.verdict {
            Verdict::Handshake { .. } => false,
            Verdict::Rejected(rejected) if rejected.is_final => false,
            verdict => forward.when == When::All || verdict.is_verified(),
        };
        if !is_wanted {
            return;
        }
        forward.url_for(delivery.sender.unwrap_or("any"))
    };
    let job = Job { id, url };
    if let Err(TrySendError::Full(job)) = inspector.forwards.try_send(job) {
        let error = format!("not sent: {MOST_WAITING} deliveries wait for the handler");
        inspector.record(
            job.id,
            Sent {
                automatic: true,
                ..Sent::failed(&job.url, error)
            },
        );
    }
}

/// Works on the jobs until the program ends, in the order of the deliveries.
pub async fn forward_deliveries(inspector: Shared) {
    let Some(mut jobs) = inspector.take_forward_jobs() else {
        return;
    };
    let slots = Arc::new(Semaphore::new(MOST_AT_ONCE));
    while let Some(Job { id, url }) = jobs.recv().await {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let inspector = Arc::clone(&inspector);
        tokio::spawn(async move {
            let request = inspector
                .state()
                .ring
                .get(id)
                .map(|delivery| delivery.received.request());
            if let Some(request) = request {
                let policy = Policy {
                    allow_remote: inspector.allow_remote,
                    never: Some(inspector.inbox),
                };
                let sent = send::send(&url, request, policy).await;
                inspector.record(
                    id,
                    Sent {
                        automatic: true,
                        ..sent
                    },
                );
            }
            drop(slot);
        });
    }
}

impl Inspector {
    /// Adds a result to a delivery, and drops the oldest results.
    pub fn record(&self, id: u64, sent: Sent) {
        self.update(id, |delivery| {
            delivery.sent_to.push(sent);
            let more = delivery.sent_to.len().saturating_sub(MOST_SENDS);
            delivery.sent_to.drain(..more);
        });
    }
}
