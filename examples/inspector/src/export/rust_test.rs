//! A Rust test of the developer's own project.

use std::fmt::Write;

use http::HeaderValue;

use super::{Expected, Export, ExportedSecret};

impl Export {
    /// The source of a test that verifies the delivery with the preset of its sender.
    pub fn rust_test(&self) -> String {
        let name = self.sender_name();
        let sender = self.entry.sender;
        let (import, url) = match &self.url {
            Some(url) => (", SignedUrl", format!(", SignedUrl::exact({url:?})?")),
            None => ("", String::new()),
        };
        let question = if sender.returns_result { "?" } else { "" };
        let features = match sender.feature {
            Some(feature) => format!(", features = [{feature:?}]"),
            None => String::new(),
        };
        let (secret, comment) = match &self.secret {
            ExportedSecret::ThrowAway(secret) => {
                let comment = match &self.expected {
                    Expected::Accepted => {
                        "It is signed again with a secret that is used nowhere else."
                    }
                    Expected::Rejected(_) => {
                        "Its headers are those that were sent: a signature in them may be genuine for another body.\n/// \
                         Every other secret rejects it in the same way, so the real one is not needed."
                    }
                };
                (format!("Secret::new({secret:?})?"), comment)
            }
            ExportedSecret::Variable(variable) => (
                format!("Secret::from_env({variable:?})?"),
                "It has the signature of the sender, because only the sender can sign. The key is in the environment.",
            ),
        };
        let (suffix, kind, verdict) = match &self.expected {
            Expected::Accepted => (
                "accepted",
                "",
                "    let verified = provider.verify(&head, body.clone(), received)?;\n    \
                 assert_eq!(verified.body(), &body);\n"
                    .to_owned(),
            ),
            Expected::Rejected(code) => (
                "rejected",
                ", RejectionKind",
                format!(
                    "    let verdict = provider.verify(&head, body, received).map_err(|rejection| rejection.kind());\n    \
                     assert_eq!(verdict.err(), Some(RejectionKind::{}));\n",
                    pascal_case(code)
                ),
            ),
        };
        let mut headers = String::new();
        for (name, value) in self.headers() {
            // Writing to a text cannot fail.
            let _ = writeln!(
                headers,
                "        .header({:?}, {})",
                name.as_str(),
                literal(value)
            );
        }
        format!(
            r#"// [dev-dependencies]
// bytes = "1"
// http = "1"
// tower-webhook-auth = {{ version = "0.1"{features} }}

use std::time::{{Duration, SystemTime}};

use bytes::Bytes;
use http::Request;
use tower_webhook_auth::{{BoxError{kind}, Secret{import}, provider}};

/// A delivery that the inspector recorded.
/// {comment}
#[test]
fn the_recorded_delivery_of_{name}_is_{suffix}() -> Result<(), BoxError> {{
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs({now});
    let provider = provider::{name}({secret}{url}){question};
    let body = Bytes::from_static(b"{body}");
    let (head, ()) = Request::builder()
        .method({method:?})
        .uri({uri:?})
{headers}        .body(())?
        .into_parts();
{verdict}    Ok(())
}}
"#,
            now = self.now,
            body = self.received.body.escape_ascii(),
            method = self.received.method.as_str(),
            uri = self.received.path_and_query(),
        )
    }
}

/// The value of a header as a literal.
fn literal(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\".as_slice()", value.as_bytes().escape_ascii()),
    }
}

/// The variant of a kind, from its code.
fn pascal_case(code: &str) -> String {
    let words = code.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use tower_webhook_auth::RejectionKind;

    use super::*;

    #[test]
    fn the_code_of_each_kind_gives_its_variant() {
        for kind in RejectionKind::ALL {
            assert_eq!(pascal_case(kind.as_str()), format!("{kind:?}"));
        }
    }
}
