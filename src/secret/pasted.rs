//! Mistakes in a secret that was pasted from a web page, a shell or an environment file.
//!
//! Each of them would otherwise show as a signature mismatch on every delivery.

use crate::text::{describe, leaves_no_mark, never_typed};

/// What is wrong with the text of a secret, and what to do. Names the offending character, which is
/// invisible, and nothing else of the text.
pub(super) fn mistake(text: &str) -> Option<String> {
    const VERBATIM: &str = "or use `Secret::verbatim` if it belongs to the secret";
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else {
        return Some("is empty".into());
    };
    if text.chars().all(leaves_no_mark) {
        return Some("is blank: it has only white space and invisible characters".into());
    }
    // Before the control characters: a PEM file has line breaks, and the reason is that it is one.
    if text.trim_start().starts_with("-----BEGIN ") {
        return Some(
            "is a PEM file: call `Secret::from_pem` for a public key, or use only the base64 text between its BEGIN \
             and END lines, on one line"
                .into(),
        );
    }
    for (verb, character) in [("begins", first), ("ends", last)] {
        if leaves_no_mark(character) {
            return Some(format!(
                "{verb} with {}: remove it, {VERBATIM}",
                describe(character)
            ));
        }
    }
    if let Some(character) = text.chars().find(|c| c.is_control() || never_typed(*c)) {
        return Some(format!(
            "contains {}: remove it, {VERBATIM}",
            describe(character)
        ));
    }
    if is_quoted(first, last) {
        return Some(
            "is in quotation marks: remove them, or use `Secret::verbatim` if they belong to the \
             secret"
                .into(),
        );
    }
    if is_reference(text) {
        return Some(
            "is a placeholder such as `${NAME}`, `$(command)` or `<secret>`: put the secret in its place, or \
             use `Secret::verbatim` if this is the secret"
                .into(),
        );
    }
    if is_assignment(text) {
        return Some(
            "begins with the name of a variable and '=': use only the text after the '=', or use \
             `Secret::verbatim` if the name belongs to the secret"
                .into(),
        );
    }
    None
}

fn is_quoted(first: char, last: char) -> bool {
    matches!(
        (first, last),
        ('"', '"') | ('\'', '\'') | ('`', '`') | ('“', '”') | ('‘', '’') | ('«', '»')
    )
}

/// `${NAME}`, `$WEBHOOK_SECRET`, `$(cat /run/secret)`, `{{ secret }}`, `<secret>`: a shell, a container engine or a template
/// was expected to replace the text, and did not.
///
/// A random password may begin with a `$`, so a name without braces must look like one: see [`is_assignment`].
fn is_reference(text: &str) -> bool {
    let enclosed = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("<", ">")];
    let is_enclosed = enclosed.iter().any(|(opening, closing)| {
        let content = text.strip_prefix(opening);
        content.is_some_and(|content| content.ends_with(closing))
    });
    let name = text.strip_prefix('$').filter(|name| !name.contains('='));
    is_enclosed || name.is_some_and(|name| is_assignment(&format!("{name}=x")))
}

/// `WEBHOOK_SECRET=…`, `export API_KEY=…`, `secret=…`: the line of an environment file.
///
/// A random password may contain a `=`. So the text before the `=` must look like the name of a variable: it
/// has a `_`, or a word that such names have.
fn is_assignment(text: &str) -> bool {
    let line = text.strip_prefix("export ").unwrap_or(text);
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    let upper = name.to_ascii_uppercase();
    let has_word = ["SECRET", "TOKEN", "PASSWORD", "_KEY"]
        .iter()
        .any(|word| upper.ends_with(word));
    let is_constant = name == upper && name.contains('_');
    // Base64 ends in one or two `=`.
    let has_value = !value.trim_start_matches('=').is_empty();
    is_name && has_value && (has_word || is_constant || upper == "KEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_nothing_has_replaced_is_not_a_secret() {
        for text in [
            "${GITHUB_SECRET}",
            "${SECRET:-}",
            "$GITHUB_SECRET",
            "$secret",
            "$(cat /run/secrets/github)",
            "{{ .Values.secret }}",
            "<your secret>",
        ] {
            assert!(
                mistake(text).is_some_and(|m| m.starts_with("is a placeholder")),
                "{text}"
            );
        }
        for text in [
            "$",
            "$x9K",
            "$2b$12$R9h",
            "${",
            "a${B}",
            "<x",
            "x>",
            "{x}",
            "$A=B",
            "$5=SECRET",
        ] {
            assert_eq!(mistake(text), None, "{text}");
        }
    }

    #[test]
    fn random_passwords_and_base64_are_not_taken_for_assignments() {
        for text in [
            "A7K=x9",
            "QUJD_EVG==",
            "SECRET=",
            "TOKEN==",
            "a_b=c",
            "user:SECRET=x",
            "9_KEY=x",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==",
        ] {
            assert!(!is_assignment(text), "{text}");
        }
        for text in [
            "WEBHOOK_SECRET=x",
            "export GITHUB_SECRET=x",
            "secret=x",
            "github_token=x",
            "KEY=x",
            "ACME_HOOK=x",
            "SECRET==x",
        ] {
            assert!(is_assignment(text), "{text}");
        }
    }
}
