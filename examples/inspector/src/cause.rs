//! Why a delivery was rejected. The library tries common mistakes one by one, which costs far more than the
//! verdict. So the sender gets its response first, and one thread searches afterwards, for the newest delivery first.

use std::time::SystemTime;

use http::request::Parts;
use tower_webhook_auth::diagnosis;

use crate::{
    deliveries::Received,
    inspector::Shared,
    judge::{Cause, Rejected, Verdict},
    keys::Held,
};

/// A larger body is not verified again.
const MOST_BODY_BYTES: usize = 64 * 1024;

/// Searches the causes of all deliveries that wait for it, until the program ends.
pub async fn find_causes(inspector: Shared) {
    loop {
        // Before the look at the list, so that no delivery is missed.
        let rejected = inspector.rejected.notified();
        let waiting = {
            let state = inspector.state();
            let waiting = state
                .ring
                .iter()
                .rev()
                .find(|delivery| delivery.verdict.is_pending());
            waiting.map(|delivery| (delivery.id, delivery.received.clone(), delivery.sender))
        };
        let Some((id, received, sender)) = waiting else {
            rejected.await;
            continue;
        };
        let at = received.at;
        let cause = match sender {
            Some(sender) => find(&inspector, sender, None, received, at).await,
            None => Cause::Unknown { tried: 0 },
        };
        inspector.update(id, |delivery| {
            if let Verdict::Rejected(rejected) = &mut delivery.verdict
                && matches!(rejected.cause, Some(Cause::Pending))
            {
                rejected.cause = Some(cause);
            }
        });
    }
}

/// Searches the cause of one delivery, with these keys or those that are held for the sender.
pub async fn find(
    inspector: &Shared,
    sender: &str,
    with: Option<Held>,
    received: Received,
    at: SystemTime,
) -> Cause {
    let (held, others) = {
        let state = inspector.state();
        let held = with.or_else(|| state.keyring.get(sender).cloned());
        let others = state
            .keyring
            .all()
            .filter(|held| held.entry.sender.name != sender && !held.is_demonstration());
        (held, others.cloned().collect::<Vec<_>>())
    };
    let Some(held) = held else {
        return Cause::Unknown { tried: 0 };
    };
    let Ok(_permit) = inspector.searches.acquire().await else {
        return Cause::Unknown { tried: 0 };
    };
    let search = move || search(&held, &others, &received, at);
    // An error means that the search panicked. The delivery stays rejected, without a cause.
    tokio::task::spawn_blocking(search)
        .await
        .unwrap_or(Cause::Unknown { tried: 0 })
}

fn search(held: &Held, others: &[Held], received: &Received, at: SystemTime) -> Cause {
    if received.body.len() > MOST_BODY_BYTES {
        return Cause::Skipped;
    }
    let head = received.head();
    let keys = held
        .keys
        .iter()
        .map(|key| Ok((key.name.clone(), key.secret()?)));
    let keys: Result<Vec<_>, tower_webhook_auth::ConfigError> = keys.collect();
    let Ok(keys) = keys.and_then(tower_webhook_auth::Keys::named) else {
        return Cause::Unknown { tried: 0 };
    };
    let diagnosis = diagnosis::explain(&held.provider, &head, &received.body, at, keys);
    let tried = diagnosis.as_ref().map_or(0, diagnosis::Diagnosis::tried);
    if let Some(cause) = diagnosis.as_ref().and_then(diagnosis::Diagnosis::cause) {
        return Cause::Found {
            code: cause.as_str(),
            text: cause.to_string(),
            verified: cause.is_verified(),
        };
    }
    key_of_another_sender(held, others, &head, received, at).unwrap_or(Cause::Unknown { tried })
}

/// The secret of another sender was entered at this one.
fn key_of_another_sender(
    held: &Held,
    others: &[Held],
    head: &Parts,
    received: &Received,
    at: SystemTime,
) -> Option<Cause> {
    let verifies = |other: &&Held| {
        other.keys.iter().any(|key| {
            let secret = key.secret().ok();
            let provider = secret.and_then(|secret| held.entry.provider(secret, &held.url).ok());
            provider
                .is_some_and(|provider| provider.verify(head, received.body.clone(), at).is_ok())
        })
    };
    let other = others.iter().find(verifies)?;
    Some(Cause::Found {
        code: "other_key",
        text: format!(
            "it matches with the secret that is entered for {}",
            other.entry.sender.title
        ),
        verified: true,
    })
}

impl Rejected {
    /// The cause in short, for the list.
    pub fn cause_in_short(&self) -> Option<&'static str> {
        match &self.cause {
            Some(Cause::Found { code, .. }) => Some(match *code {
                "body" => "body was changed",
                "key_text" => "text of the secret",
                "other_key" => "another key",
                "other_sender" => "another sender",
                "outer_layer" => "body was changed by a layer",
                "repeated_header" => "header is repeated",
                "shape" => "shape of another scheme",
                "skew" => "clock, or a copy",
                "timestamp_unit" => "unit of the timestamp",
                "url" => "another URL",
                other => other,
            }),
            _ => None,
        }
    }
}
