//! A kept delivery as something to keep: a curl line, a test vector, a Rust test.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::{
    deliveries::{Delivery, Verdict, millis},
    presets::About,
    variable,
};

/// Everything but what the client writes itself.
fn headers(delivery: &Delivery) -> impl Iterator<Item = (String, String)> {
    delivery
        .headers
        .iter()
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "host" | "content-length" | "connection" | "accept-encoding"
            )
        })
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
}

pub fn curl(delivery: &Delivery, about: Option<&About>, url: &str) -> String {
    let mut lines = vec![format!("curl -i -X {} {}", delivery.method, quoted(url))];
    for (name, value) in headers(delivery) {
        let key = about.is_some_and(|about| about.shared_key && about.headers.contains(&name));
        // A shared key is the secret itself: the shell puts it in.
        lines.push(match (key, about) {
            (true, Some(about)) => format!(
                "-H \"{name}: ${}\"",
                variable("WEBHOOK_SECRET_", &about.name)
            ),
            _ => format!("-H {}", quoted(&format!("{name}: {value}"))),
        });
    }
    match std::str::from_utf8(&delivery.body) {
        Ok(text) if !text.contains('\0') => {
            lines.push(format!("--data-binary {}", quoted(text)));
            lines.join(" \\\n  ")
        }
        _ => {
            lines.push("--data-binary @-".to_owned());
            format!(
                "printf %s {} | base64 -d | {}",
                BASE64.encode(&delivery.body),
                lines.join(" \\\n  ")
            )
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// In the format of the project's `tests/vectors/providers.json`.
pub fn vector(delivery: &Delivery, secret: Option<&str>, reason: &str) -> Value {
    let mut fields = serde_json::Map::new();
    for (name, value) in headers(delivery) {
        let next = match fields.remove(&name) {
            None => Value::String(value),
            Some(Value::Array(mut values)) => {
                values.push(value.into());
                Value::Array(values)
            }
            Some(first) => json!([first, value]),
        };
        fields.insert(name, next);
    }
    json!({
        "provider": delivery.preset,
        "secret": secret,
        "method": delivery.method.as_str(),
        "url": delivery.uri.path_and_query().map_or("/", |path| path.as_str()),
        "headers": fields,
        "body_base64": BASE64.encode(&delivery.body),
        "now_unix": millis(delivery.received) / 1000,
        "expect": if matches!(delivery.verdict, Verdict::Verified { .. }) { "accept" } else { "reject" },
        "reason": reason,
        "origin": "recorded",
        "source": "the inspector of tower-webhook-auth",
    })
}

pub fn rust_test(
    delivery: &Delivery,
    secret: Option<&str>,
    url: Option<&str>,
    encoded: bool,
) -> String {
    let name = &delivery.preset;
    let verified = matches!(delivery.verdict, Verdict::Verified { .. });
    let secret = match secret {
        Some(secret) => format!("Secret::new({secret:?})?"),
        None => format!("Secret::from_env({:?})?", variable("WEBHOOK_SECRET_", name)),
    };
    let body = match std::str::from_utf8(&delivery.body) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("{:?}.as_slice()", delivery.body),
    };
    let lines: String = headers(delivery)
        .map(|(name, value)| format!("        .header({name:?}, {value:?})\n"))
        .collect();
    let (argument, import) = match url {
        Some(url) => (format!(", SignedUrl::exact({url:?})"), ", SignedUrl"),
        None => (String::new(), ""),
    };
    let asked = if encoded { "?" } else { "" };
    let verdict = if verified {
        "is_success(), \"it was genuine\""
    } else {
        "is_client_error(), \"it was refused\""
    };
    format!(
        r#"// tower-webhook-auth = {{ version = "0.1", features = ["testing"] }}, tower = {{ version = "0.5", features = ["util"] }}
use std::time::{{Duration, SystemTime}};

use bytes::Bytes;
use http::{{Request, Response}};
use http_body_util::Full;
use tower::{{Layer, ServiceExt, service_fn}};
use tower_webhook_auth::{{BoxError, Secret{import}, WebhookAuthLayer, provider}};

/// Recorded by the inspector at {received}.
#[tokio::test]
async fn the_recorded_delivery_of_{name}_is_{verdict_name}() -> Result<(), BoxError> {{
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs({received});
    let layer = WebhookAuthLayer::new(provider::{name}({secret}{argument}){asked}).clock(move || received);
    let handler = service_fn(|_: Request<Full<Bytes>>| async {{
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    }});

    let request = Request::builder()
        .method({method:?})
        .uri({uri:?})
{lines}        .body(Full::<Bytes>::from({body}))?;
    let response = layer.layer(handler).oneshot(request).await?;
    assert!(response.status().{verdict});
    Ok(())
}}
"#,
        received = millis(delivery.received) / 1000,
        verdict_name = if verified { "accepted" } else { "refused" },
        method = delivery.method.as_str(),
        uri = delivery
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str()),
    )
}
