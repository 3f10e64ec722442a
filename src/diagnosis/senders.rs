//! Finds the senders of the catalogue from which a request may come.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION, request::Parts};

use crate::{
    clock::Clock,
    provider::{self, Sender},
    scheme::HeaderRole,
    secret::Keys,
};

/// More names do not help.
const MOST_NAMES: usize = 8;

struct Row {
    sender: &'static Sender,
    /// The headers of each way, with a mark at those that hold a signature or a key.
    ways: Vec<Vec<(bool, HeaderName)>>,
}

/// To build the schemes of all senders takes longer than to read a request, so they are built once.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = provider::catalogue().iter().map(|sender| Row {
        sender,
        ways: sender
            .ways()
            .into_iter()
            .map(|way| {
                let headers = way.headers.into_iter();
                headers
                    .map(|(role, name)| {
                        let proves = matches!(role, HeaderRole::Key | HeaderRole::Signature);
                        (proves, name)
                    })
                    .collect()
            })
            .collect(),
    });
    rows.collect()
});

impl Row {
    /// How many headers of the sender are present. 0 if the header with the signature or the key is absent,
    /// or if all clients may send that header.
    fn score(&self, headers: &HeaderMap) -> usize {
        let ways = self.ways.iter().map(|way| {
            let present = || way.iter().filter(|(_, name)| headers.contains_key(name));
            let is_presented = present().any(|(proves, name)| *proves && name != AUTHORIZATION);
            if is_presented { present().count() } else { 0 }
        });
        ways.max().unwrap_or_default()
    }
}

/// The senders that have the most of their headers in this request.
pub(super) fn seen(headers: &HeaderMap, own: &str) -> Vec<&'static str> {
    let others = || ROWS.iter().filter(|row| row.sender.name != own);
    let best = others().map(|row| row.score(headers)).max();
    let Some(best) = best.filter(|best| *best > 0) else {
        return Vec::new();
    };
    let best = others().filter(|row| row.score(headers) == best);
    best.map(|row| row.sender.name).take(MOST_NAMES).collect()
}

/// The sender whose preset verifies the delivery with one of these keys.
pub(super) fn verified(
    head: &Parts,
    body: &[u8],
    own: &str,
    keys: &Keys,
    clock: &dyn Clock,
    tried: &mut usize,
) -> Option<&'static str> {
    let rows = ROWS
        .iter()
        .filter(|row| row.sender.name != own && row.score(&head.headers) > 0);
    for row in rows {
        let Ok(provider) = row.sender.provider(keys.clone(), None) else {
            continue;
        };
        *tried = tried.saturating_add(1);
        if provider.scheme().holds(keys, head, body, clock) {
            return Some(row.sender.name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::{HeaderValue, Request};

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn only_other_senders_whose_headers_are_present_are_tried() {
        let keys = Keys::from(Secret::new("wJ4mX9").expect("a secret"));
        let (mut head, ()) = Request::new(()).into_parts();
        let tried = |head: &Parts, own| {
            let mut tried = 0;
            let found = verified(head, b"", own, &keys, &SystemTime::now, &mut tried);
            assert_eq!(found, None);
            tried
        };
        assert_eq!(tried(&head, "github"), 0);
        let value = HeaderValue::from_static("a guess");
        head.headers.insert("x-vwo-auth", value);
        assert_eq!(tried(&head, "github"), 1);
        assert_eq!(tried(&head, "vwo"), 0);
    }
}
