//! Bodies of test deliveries.

use serde_json::{Value, json};
use tower_webhook_auth::provider::{Field, HeaderRole, Sender};

/// Bodies for a sender without an example.
const EXAMPLE: &str = r#"{"event":"test","message":"A test delivery of the inspector"}"#;
const EXAMPLE_FORM: &str = "event=test&message=A+test+delivery+of+the+inspector";

/// A body that can be signed. If the signature is in the body, it has the other values that are signed.
pub fn body(sender: &Sender) -> String {
    let ways = sender.ways();
    let Some(way) = ways.first() else {
        return EXAMPLE.to_owned();
    };
    let in_body = way
        .fields
        .iter()
        .any(|(_, field)| !matches!(field, Field::Query(_)));
    match sender.example {
        Some(example) => example.to_owned(),
        None if in_body => body_with(&way.fields),
        None if way.signed.contains("{sorted form}") => EXAMPLE_FORM.to_owned(),
        None => EXAMPLE.to_owned(),
    }
}

/// A body with these places. The signer adds the signature, the key, the time and the id.
fn body_with(fields: &[(HeaderRole, Field)]) -> String {
    let mut json = Value::Null;
    let mut form: Vec<(&str, String)> = Vec::new();
    let mut json_field = None;
    for (role, field) in fields {
        let is_signed = matches!(role, HeaderRole::Event | HeaderRole::Signed);
        match field {
            Field::Json(pointer) => place(&mut json, pointer, is_signed),
            Field::JsonInForm { field, pointer } => {
                json_field = Some(field);
                place(&mut json, pointer, is_signed);
            }
            Field::Form(name) if is_signed => form.push((name, "test".to_owned())),
            _ => {}
        }
    }
    match json_field {
        Some(name) => form.push((name, json.to_string())),
        None if form.is_empty() && !json.is_null() => return json.to_string(),
        None => form.push(("event", "test".to_owned())),
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// Makes the objects and lists on the way to a place, and puts a text there if it is a signed value.
fn place(mut json: &mut Value, pointer: &str, is_signed: bool) {
    let mut steps = pointer.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        if step == "*" {
            if !json.is_array() {
                *json = json!([{}]);
            }
            json = &mut json[0];
            continue;
        }
        if !json.is_object() {
            *json = json!({});
        }
        if steps.peek().is_none() {
            if is_signed {
                json[step] = "test".into();
            }
            return;
        }
        json = &mut json[step];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_the_places_of_the_scheme() {
        let example = |name: &str| &*crate::catalogue::find(name).expect(name).example;
        assert_eq!(example("microsoft_graph"), r#"{"value":[{}]}"#);
        assert_eq!(example("eppo"), r#"{"data":"test"}"#);
        assert_eq!(example("braintree"), "bt_payload=test&event=test");
        assert_eq!(example("github").get(..1), Some("{"));
        let adyen: Value = serde_json::from_str(example("adyen_classic")).expect("JSON");
        let item = &adyen["notificationItems"][0]["NotificationRequestItem"];
        assert_eq!(item["amount"]["currency"], "test");
        assert_eq!(item["additionalData"], json!({}), "the signer adds it");
    }
}
