//! A test vector, in the format of the library's `tests/vectors/providers.json`.

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::{Expected, Export, ExportedSecret};

impl Export {
    /// A list with one case.
    pub fn vector(&self) -> String {
        let (expect, reason) = match &self.expected {
            Expected::Accepted => ("accept", "recorded".to_owned()),
            Expected::Rejected(code) => ("reject", format!("recorded; rejected with {code}")),
        };
        let (secret, reason) = match &self.secret {
            ExportedSecret::ThrowAway(secret) if expect == "accept" => (
                json!(secret),
                format!("{reason}, and signed again with a secret that is used nowhere else"),
            ),
            ExportedSecret::ThrowAway(secret) => (json!(secret), reason),
            ExportedSecret::Variable(name) => (
                Value::Null,
                format!("{reason}; the key is not part of this file: {name}"),
            ),
        };
        let case = json!({
            "provider": self.sender_name(),
            "presets": [self.sender_name()],
            "secret": secret,
            "method": self.received.method.as_str(),
            "url": self.url.clone().unwrap_or_else(|| format!("https://example.com{}", self.received.path_and_query())),
            "headers": self.header_object(),
            "body_base64": BASE64.encode(&self.received.body),
            "now_unix": self.now,
            "expect": expect,
            "reason": reason,
            "origin": "recorded",
            "source": "the inspector of tower-webhook-auth",
        });
        let list = json!([case]);
        format!("{list:#}\n")
    }

    /// A header that comes several times has a list of values.
    fn header_object(&self) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, value) in self.headers() {
            let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
            let entry = object.entry(name.as_str());
            match entry.or_insert(Value::Null) {
                slot @ Value::Null => *slot = value,
                Value::Array(values) => values.push(value),
                slot => *slot = Value::Array(vec![slot.take(), value]),
            }
        }
        object
    }
}
