//! One case of a vectors file: the request, and its time.

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tower_webhook_auth::{ConfigError, Secret};

pub fn request(case: &Value, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = match case["method"].as_str() {
        Some(method) => method.parse().expect("a method"),
        None => Method::POST,
    };
    if let Some(url) = case["url"].as_str() {
        *request.uri_mut() = url.parse().expect("a URL");
    }
    // A list of pairs keeps the order of a header that comes twice.
    let pairs: Vec<(&str, &str)> = match case["headers_list"].as_array() {
        Some(pairs) => pairs
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
        None => {
            let headers = case["headers"].as_object().expect("headers").iter();
            headers
                .flat_map(|(name, value)| {
                    one_or_many(value)
                        .into_iter()
                        .map(move |value| (name.as_str(), value))
                })
                .collect()
        }
    };
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        request.headers_mut().append(name, value);
    }
    request
}

pub fn body(case: &Value) -> Bytes {
    match &case["body_gen"] {
        Value::Null => BASE64
            .decode(text(&case["body_base64"]).as_bytes())
            .expect("base64")
            .into(),
        generated => {
            let byte = match &generated["byte"] {
                Value::String(text) => text.as_bytes()[0],
                number => u8::try_from(number.as_u64().expect("a byte")).expect("a byte"),
            };
            let count = generated["count"].as_u64().expect("a count");
            vec![byte; usize::try_from(count).expect("a count")].into()
        }
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn one_or_many(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts
            .iter()
            .map(|text| text.as_str().expect("a list of texts"))
            .collect(),
        _ => Vec::new(),
    }
}

/// The one character of a separator.
pub fn character(text: &str) -> char {
    text.chars().next().expect("a separator")
}

/// The secret of a case: a text, or a public key in PEM.
pub fn secret(text: &str) -> Result<Secret, ConfigError> {
    match text.starts_with("-----BEGIN") {
        true => Secret::from_pem(text),
        false => Secret::new(text),
    }
}
