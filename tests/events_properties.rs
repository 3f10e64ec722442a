//! No body makes a parser of events panic, and an object with the required fields is always an event.

use std::collections::BTreeMap;

use proptest::{collection::btree_map, collection::vec, prelude::*, sample::select};
use serde_json::Value;
use tower_webhook_auth::{
    EventError, FromBody, Json,
    provider::{
        amplitude, flagsmith, flipt, github, go_feature_flag, growthbook, launchdarkly, optimizely,
        shopify, slack, standard_webhooks, statsig, stripe, unleash, vwo,
    },
};

type Read = fn(&[u8]) -> Result<(), EventError>;

/// Each typed event, and the fields that it requires.
const EVENTS: [(Read, &[(&str, &str)]); 19] = [
    (read::<amplitude::Event>, &[]),
    (
        read::<flagsmith::Changes>,
        &[("data", r#"[{"action":"updated","flag":"f"}]"#)],
    ),
    (
        read::<flagsmith::Event>,
        &[("event_type", r#""FLAG_UPDATED""#), ("data", "{}")],
    ),
    (read::<flagsmith::Event>, &[("event_type", r#""NEW""#)]),
    (read::<flipt::Event>, &[]),
    (read::<github::Event>, &[]),
    (read::<go_feature_flag::Event>, &[]),
    (
        read::<growthbook::Event>,
        &[("event", r#""feature.created""#)],
    ),
    (read::<growthbook::SdkEvent>, &[]),
    (read::<Json>, &[]),
    (
        read::<launchdarkly::Event>,
        &[("_id", r#""i""#), ("kind", r#""flag""#)],
    ),
    (
        read::<optimizely::Event>,
        &[
            ("event", r#""project.datafile_updated""#),
            ("project_id", "42"),
            ("data", r#"{"revision":1,"cdn_url":"c"}"#),
        ],
    ),
    (
        read::<optimizely::Event>,
        &[
            ("event", r#""project.flag_updated""#),
            ("project_id", r#""42""#),
        ],
    ),
    (read::<shopify::Event>, &[]),
    (read::<slack::Event>, &[("type", r#""event_callback""#)]),
    (read::<standard_webhooks::Event>, &[("type", r#""a.b""#)]),
    (
        read::<statsig::Events>,
        &[("eventName", r#""statsig::config_change""#)],
    ),
    (read::<stripe::Event>, &[("type", r#""invoice.paid""#)]),
    (read::<unleash::Event>, &[("type", r#""feature-created""#)]),
];

const OTHERS: [Read; 2] = [read::<statsig::PreCommit>, read::<vwo::Event>];

fn read<E: FromBody + std::fmt::Debug>(body: &[u8]) -> Result<(), EventError> {
    match E::from_body(body) {
        Ok(event) => drop(format!("{event:?}")),
        Err(error) => {
            // An error of ours does not quote the body: its text is of ASCII and from our source.
            assert!(error.to_string().len() < 200, "{error}");
            return Err(error);
        }
    }
    Ok(())
}

/// JSON as a text: strict parsers do not read all of it.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec![
            "null",
            "true",
            "0",
            "-0.5",
            "1e400",
            "-1E+999",
            "18446744073709551616",
            r#""""#,
            "[]",
            "{}",
            r#""word""#,
            r#""13""#,
            r#""\ud83d""#,
            r#""\udc00\ud83d\u0041""#,
            r#""payload.changed""#,
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            fields(inner).prop_map(|fields| object(&fields)),
        ]
    })
}

fn fields(value: impl Strategy<Value = String>) -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(name(), value, 0..8)
}

/// Names that the types know, so that random objects reach them. A text of an unknown name is escaped.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec![
            "accesses", "action", "actor", "admin_graphql_api_id", "after", "author", "base", "before",
            "changes", "commits", "created", "created_at", "created_by", "data", "date", "enabled",
            "entity", "environment", "environments", "events", "feature", "flag", "flagId", "flagName",
            "flags", "added", "updated", "head", "head_commit", "hook", "hook_id", "id", "member", "meta",
            "metadata", "name", "new_state", "number", "object", "payload", "previous_state", "project",
            "pull_request", "pusher", "ref", "related_object", "repository", "sender", "tags", "timestamp",
            "user", "zen",
        ])
        .prop_map(str::to_owned),
        1 => select(vec![r"\ud83d", r"\ud83d\ude00", r"a\\ud83d", ""]).prop_map(str::to_owned),
    ]
}

fn object(fields: &BTreeMap<String, String>) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_a_parser_panic(body in vec(any::<u8>(), 0..80)) {
        for (event, _) in EVENTS {
            let _ = event(&body);
        }
        for event in OTHERS {
            let _ = event(&body);
        }
    }

    #[test]
    fn no_json_and_no_form_makes_a_parser_panic(body in any_json(), cut in any::<prop::sample::Index>()) {
        let cut = body.get(..cut.index(body.len() + 1)).unwrap_or_default();
        let form = format!("payload={body}&command={cut}");
        for body in [&body, cut, &form] {
            for (event, _) in EVENTS {
                let _ = event(body.as_bytes());
            }
            for event in OTHERS {
                let _ = event(body.as_bytes());
            }
        }
    }

    #[test]
    fn an_object_with_the_required_fields_is_an_event(mut all in fields(any_json())) {
        for (event, required) in EVENTS {
            let before = all.clone();
            // These two decide what else is required.
            for decides in ["type", "event_type", "event"] {
                all.remove(decides);
            }
            for (name, value) in required {
                all.insert((*name).to_owned(), (*value).to_owned());
            }
            let body = object(&all);
            prop_assert!(event(body.as_bytes()).is_ok(), "{}: {:?}", body, event(body.as_bytes()));
            let marked = format!("\u{feff}{body}\r\n");
            prop_assert!(event(marked.as_bytes()).is_ok(), "{}", marked);
            all = before;
        }
    }
}
