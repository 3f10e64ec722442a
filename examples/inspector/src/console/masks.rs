//! What the page shows of signatures and keys.
//!
//! Of a signature the form is shown, because mistakes are visible in it. A key is not shown. The masks are made
//! here, so the page has no value that it could show by mistake.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use tower_webhook_auth::provider::HeaderRole;

use crate::{
    catalogue::{self, Entry, any_role},
    keys::{Key, Keyring},
    sign::is_credential,
};

const MASK: &str = "••••••••";

/// A run of this many letters and digits is a signature.
const SHORTEST_SIGNATURE: usize = 20;

/// How many characters of a signature are shown.
const SHOWN: usize = 4;

/// Words before a key that are not part of it.
const SCHEMES: [&str; 3] = ["Basic", "Bearer", "Token"];

/// What a header holds: for the sender of the delivery, or else for any sender.
pub fn role(name: &HeaderName, entry: Option<&Entry>) -> &'static str {
    let role = entry
        .and_then(|entry| entry.role(name))
        .or_else(|| any_role(name));
    match role {
        Some(HeaderRole::Event) => "event",
        Some(HeaderRole::Id) => "id",
        Some(HeaderRole::Key) => "key",
        Some(HeaderRole::Required) => "required",
        Some(HeaderRole::Signature) => "signature",
        Some(HeaderRole::Signed) => "signed",
        Some(HeaderRole::Timestamp) => "timestamp",
        _ if is_credential(name) => "key",
        _ => "",
    }
}

/// The value with a mask, or `None` if it can be shown.
pub fn mask(role: &str, value: &HeaderValue, keyring: &Keyring) -> Option<String> {
    let text = String::from_utf8_lossy(value.as_bytes());
    match role {
        "key" => Some(mask_key(&text)),
        // A key may be in the wrong header.
        "signature" => mask_secrets(&text, keyring).or_else(|| mask_signature(&text)),
        _ => mask_secrets(&text, keyring),
    }
}

/// A text in which a held key occurs: a key in the wrong header, in the path or in the query.
pub fn mask_secrets(text: &str, keyring: &Keyring) -> Option<String> {
    let keys: Vec<&Key> = keyring.all().flat_map(|held| &held.keys).collect();
    keys.into_iter().fold(None, |masked: Option<String>, key| {
        let current = masked.as_deref().unwrap_or(text);
        key.replaced_in(current, MASK).or(masked)
    })
}

/// The text, without the keys that occur in it.
pub fn without_secrets<'a>(text: &'a str, keyring: &Keyring) -> Cow<'a, str> {
    mask_secrets(text, keyring).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A query with a signature or a key, or `None` if all of it can be shown.
pub fn mask_query(query: &str, entry: Option<&Entry>, keyring: &Keyring) -> Option<String> {
    let parameter = entry.and_then(Entry::proof_parameter);
    let mask = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if Some(name) == parameter => {
            format!(
                "{name}={}",
                mask_signature(value).unwrap_or_else(|| value.to_owned())
            )
        }
        _ => without_secrets(pair, keyring).into_owned(),
    };
    let masked: Vec<String> = query.split('&').map(mask).collect();
    let masked = masked.join("&");
    (masked != query).then_some(masked)
}

/// The name of the scheme before a key is shown.
fn mask_key(text: &str) -> String {
    let (scheme, key) = match text.split_once(' ') {
        Some((scheme, key))
            if SCHEMES
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme)) =>
        {
            (format!("{scheme} "), key)
        }
        _ => (String::new(), text),
    };
    format!("{scheme}{MASK} ({} characters)", key.chars().count())
}

fn mask_signature(text: &str) -> Option<String> {
    let is_digit =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_');
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(run);
        match digits.len() {
            SHORTEST_SIGNATURE.. => {
                masked.push_str(&format!(
                    "{}…({} characters)",
                    &digits[..SHOWN],
                    digits.len()
                ));
            }
            _ => masked.push_str(digits),
        }
        let between = after.find(is_digit).unwrap_or(after.len());
        let (between, after) = after.split_at(between);
        masked.push_str(between);
        rest = after;
    }
    (masked != text).then_some(masked)
}

/// The sender by which a delivery is shown.
pub fn entry_of(sender: Option<&str>) -> Option<&'static Entry> {
    catalogue::find(sender?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_signature_is_shown_and_not_its_value() {
        let hex = "0123456789abcdef".repeat(4);
        for (value, masked) in [
            (
                format!("sha256={hex}"),
                "sha256=0123…(64 characters)".to_owned(),
            ),
            (
                format!("t=1700000000,v1={hex},v0={hex}"),
                "t=1700000000,v1=0123…(64 characters),v0=0123…(64 characters)".to_owned(),
            ),
            (
                "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=".to_owned(),
                "v1,K5oZ…(43 characters)=".to_owned(),
            ),
        ] {
            assert_eq!(mask_signature(&value), Some(masked));
        }
        assert_eq!(mask_signature("sha256=short"), None);
        assert_eq!(mask_signature("é"), None);
    }

    #[test]
    fn of_a_key_only_its_length_is_shown() {
        assert_eq!(mask_key("a key"), "•••••••• (5 characters)");
        assert_eq!(mask_key("Bearer abc"), "Bearer •••••••• (3 characters)");
        assert_eq!(mask_key("s3cret-key"), "•••••••• (10 characters)");
    }
}
