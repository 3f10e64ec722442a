//! A line for a shell that sends the delivery again, byte for byte.

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, Method};
use tower_webhook_auth::provider::HeaderRole;

use super::headers;
use crate::{
    catalogue::Entry,
    deliveries::{Delivery, Received},
    judge::Verdict,
    keys::Held,
    settings::secret_variable,
};

/// A longer body does not fit into an argument of a program, which has 128 KiB on Linux.
const MOST_ARGUMENT_BYTES: usize = 64 * 1024;

/// Headers that curl adds if they are not given.
const ADDED_BY_CURL: [&str; 3] = ["accept", "content-type", "user-agent"];

/// The line. In place of a shared key it has the name of the variable that contains the key.
pub fn curl(
    delivery: &Delivery,
    entry: Option<&Entry>,
    held: Option<&Held>,
    inbox: &str,
) -> String {
    let received = &delivery.received;
    let url = quoted(&format!("{inbox}{}", received.path_and_query()));
    let method = match received.method {
        // With `-X HEAD`, curl waits for a body.
        Method::HEAD => "--head".to_owned(),
        ref method => format!("-X {method}"),
    };
    let mut lines = vec![format!("curl -i --globoff --path-as-is {method} {url}")];
    for (name, value) in headers(received) {
        lines.push(format!("-H {}", header(name, value, delivery, entry, held)));
    }
    for name in ADDED_BY_CURL {
        if !received.headers.contains_key(name) {
            lines.push(format!("-H '{name}:'"));
        }
    }
    match body_argument(received) {
        Body::None => lines.join(" \\\n  "),
        Body::Argument(argument) => {
            lines.push(format!("--data-raw {argument}"));
            lines.join(" \\\n  ")
        }
        Body::Input(base64) => {
            lines.push("--data-binary @-".to_owned());
            format!(
                "printf %s '{base64}' | base64 -d | {}",
                lines.join(" \\\n  ")
            )
        }
    }
}

enum Body {
    None,
    Argument(String),
    /// In base64, for the standard input.
    Input(String),
}

fn body_argument(received: &Received) -> Body {
    let body = &received.body;
    let is_empty = body.is_empty() && matches!(received.method, Method::GET | Method::HEAD);
    match std::str::from_utf8(body) {
        Ok(_) if is_empty => Body::None,
        Ok(text) if text.len() <= MOST_ARGUMENT_BYTES && !text.contains('\0') => {
            Body::Argument(quoted(text))
        }
        _ => Body::Input(BASE64.encode(body)),
    }
}

fn header(
    name: &HeaderName,
    value: &HeaderValue,
    delivery: &Delivery,
    entry: Option<&Entry>,
    held: Option<&Held>,
) -> String {
    let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
        let octal: String = value
            .as_bytes()
            .iter()
            .map(|byte| format!("\\{byte:03o}"))
            .collect();
        return format!("\"{name}: $(printf '{octal}')\"");
    };
    let is_key = entry.is_some_and(|entry| entry.role(name) == Some(HeaderRole::Key));
    if let (true, Verdict::Verified(accepted), Some(held)) = (is_key, &delivery.verdict, held) {
        let variable = secret_variable(held.entry.sender.name, &accepted.key);
        if let Some((before, after)) = held.key(&accepted.key).and_then(|key| key.around(text)) {
            let (before, after) = (double_quoted(before), double_quoted(after));
            return format!("\"{name}: {before}${{{variable}}}{after}\"");
        }
    }
    match text.is_empty() {
        // `name:` removes a header.
        true => quoted(&format!("{name};")),
        false => quoted(&format!("{name}: {text}")),
    }
}

/// A word that the shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text between double quotation marks in which the shell replaces nothing.
fn double_quoted(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '$' | '`') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
