//! The map of required fields: for every typed event, each field of a full body once missing, once
//! `null`, once an unknown word, and once a value of each other type.
//!
//! The table lists the required fields. Every other cell must be accepted.

use std::fmt::Debug;

use serde_json::{Value, json};
use tower_webhook_auth::{
    EventError, FromBody, Json,
    provider::{
        amplitude, flagsmith, flipt, github, go_feature_flag, growthbook, launchdarkly, optimizely,
        shopify, slack, standard_webhooks, statsig, stripe, unleash, vwo,
    },
};

/// One typed event.
struct Row {
    name: &'static str,
    read: fn(&[u8]) -> Result<String, EventError>,
    /// A body with every field that the type names.
    body: &'static str,
    /// Fields that must be there. Missing, `null` and other types are rejected, and the error names
    /// the field. An unknown word is accepted where a text is expected.
    required: &'static [&'static str],
    /// Fields whose value is kept as [`Json`]: nothing in it is read.
    raw: &'static [&'static str],
}

fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "amplitude::Event",
            read: read::<amplitude::Event>,
            body: r#"{"flagId":1,"flagName":"key","scope":"project","scopeParam":1,"scopeParamName":"p","action":"updated","modifiedBy":"a","flag":{"name":"n"},"oldFlag":{"name":"o"}}"#,
            required: &[],
            raw: &["flag", "oldFlag"],
        },
        Row {
            name: "flagsmith::Event, a flag",
            read: read::<flagsmith::Event>,
            body: r#"{"event_type":"FLAG_UPDATED","data":{"changed_by":"Ben","new_state":{"enabled":true,"environment":{"id":23,"name":"Development"},"feature":{"id":7168,"name":"butter_bar"},"feature_state_value":12,"identity_identifier":"i"},"previous_state":{"enabled":false},"timestamp":"2021-06-18T07:50:26.595298Z"}}"#,
            required: &["event_type", "data"],
            raw: &[],
        },
        Row {
            name: "flagsmith::Event, an audit entry",
            read: read::<flagsmith::Event>,
            body: r#"{"event_type":"AUDIT_LOG_CREATED","data":{"created_date":"d","log":"l","author":{"id":3,"email":"e"},"environment":{"id":1,"name":"n"},"project":{"id":6,"name":"p"},"related_object_id":6,"related_object_type":"FEATURE"}}"#,
            required: &["event_type", "data"],
            raw: &[],
        },
        Row {
            name: "flagsmith::Changes",
            read: read::<flagsmith::Changes>,
            body: r#"{"data":[{"action":"updated","change_id":"23","created_at":"2025-01-02T03:04:05+00:00","created_by":{"id":"a@b.c","type":"email"},"flag":"butter_bar"}],"meta":{"version":1}}"#,
            required: &["data", "data[0]", "data[0].action", "data[0].flag"],
            raw: &[],
        },
        Row {
            name: "flipt::Event",
            read: read::<flipt::Event>,
            body: r#"{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"none","ip":"172.17.0.1","email":"e","name":"n"}},"payload":{"key":"k"},"timestamp":"t","status":"success"}"#,
            required: &[],
            raw: &["payload"],
        },
        Row {
            name: "github::Event, a ping",
            read: read::<github::Event>,
            body: r#"{"zen":"z","hook_id":1,"hook":{"events":["push"]},"repository":{"id":1,"full_name":"a/b","default_branch":"main","private":true,"html_url":"h"},"sender":{"id":1,"login":"l"}}"#,
            required: &[],
            raw: &[],
        },
        Row {
            name: "github::Event, a push",
            read: read::<github::Event>,
            body: r#"{"ref":"refs/heads/main","before":"b","after":"a","created":true,"deleted":false,"forced":false,"compare":"c","commits":[{"id":"i","message":"m","timestamp":"t","url":"u","author":{"name":"n"},"added":["a"],"removed":["r"],"modified":["m"]}],"head_commit":{"id":"i"},"pusher":{"name":"p"}}"#,
            required: &[],
            raw: &[],
        },
        Row {
            name: "github::Event, a pull request",
            read: read::<github::Event>,
            body: r#"{"action":"opened","number":2,"pull_request":{"title":"t","state":"open","draft":false,"merged":false,"html_url":"h","user":{"id":1,"login":"l"},"head":{"ref":"r","sha":"s","repo":{"id":1}},"base":{"ref":"r","sha":"s","repo":null}}}"#,
            required: &[],
            raw: &[],
        },
        Row {
            name: "go_feature_flag::Event",
            read: read::<go_feature_flag::Event>,
            body: r#"{"meta":{"hostname":"h"},"flags":{"deleted":{"a":{}},"added":{"b":{}},"updated":{"c":{"old_value":{},"new_value":{}}}},"events":[{"kind":"feature"}]}"#,
            required: &[],
            raw: &[
                "meta",
                "flags.deleted",
                "flags.added",
                "flags.updated.c",
                "events[0]",
            ],
        },
        Row {
            name: "growthbook::Event",
            read: read::<growthbook::Event>,
            body: r#"{"event":"feature.created","object":"feature","data":{"a":1}}"#,
            required: &["event"],
            raw: &["data"],
        },
        Row {
            name: "growthbook::SdkEvent",
            read: read::<growthbook::SdkEvent>,
            body: r#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z","data":{"payload":"{}"}}"#,
            required: &[],
            // With another `type` the whole body is kept.
            raw: &["type"],
        },
        Row {
            name: "Json",
            read: read::<Json>,
            body: r#"{"events":["feature_flag.toggled"]}"#,
            required: &[],
            raw: &["events"],
        },
        Row {
            name: "launchdarkly::Event",
            read: read::<launchdarkly::Event>,
            body: r#"{"_id":"57c0","date":1472243938774,"accesses":[{"action":"updateName","resource":"proj/alexis:env/test"}],"kind":"environment","name":"Testing","description":"d","comment":"c","member":{"_id":"569f","email":"e"},"titleVerb":"changed the name of","target":{"name":"Testing"}}"#,
            required: &["_id", "kind"],
            raw: &["target"],
        },
        Row {
            name: "optimizely::Event, a datafile",
            read: read::<optimizely::Event>,
            body: r#"{"timestamp":1558138293,"project_id":11387641093,"data":{"cdn_url":"c","environment":"Production","origin_url":"o","revision":13},"event":"project.datafile_updated"}"#,
            required: &[
                "project_id",
                "event",
                "data",
                "data.cdn_url",
                "data.revision",
            ],
            raw: &[],
        },
        Row {
            name: "optimizely::Event, a change",
            read: read::<optimizely::Event>,
            body: r#"{"project_id":42,"timestamp":1,"event":"project.flag_updated","data":[{"id":7,"project_id":42,"created":"c","change_type":"update","source":"ui","summary":"s","environment":"e","entity":{"id":9,"name":"n","type":"flag","sub_type":"s","api_url":"a","ui_url":"u","is_deleted":false},"user":{"id":"u","email":"e","display_name":"d"},"changes":[{"property":"p","description":"d","before":1,"after":2}]}]}"#,
            required: &["project_id", "event"],
            // A list with other elements than objects is kept.
            raw: &["data[0]"],
        },
        Row {
            name: "shopify::Event",
            read: read::<shopify::Event>,
            body: r#"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/1","created_at":"c","updated_at":"u","shop_id":954889,"shop_domain":"d"}"#,
            required: &[],
            raw: &[],
        },
        Row {
            name: "slack::Event, a callback",
            read: read::<slack::Event>,
            body: r#"{"type":"event_callback","event_id":"Ev1","event_time":1,"team_id":"T1","api_app_id":"A1","event":{"type":"app_mention"}}"#,
            required: &[],
            raw: &["event"],
        },
        Row {
            name: "slack::Event, the check of the URL",
            read: read::<slack::Event>,
            body: r#"{"type":"url_verification","token":"t","challenge":"c"}"#,
            required: &["challenge"],
            raw: &[],
        },
        Row {
            name: "standard_webhooks::Event",
            read: read::<standard_webhooks::Event>,
            body: r#"{"type":"a.b","timestamp":"t","created_at":"c","data":{}}"#,
            required: &["type"],
            raw: &[],
        },
        Row {
            name: "statsig::Events",
            read: read::<statsig::Events>,
            body: r#"{"data":[{"user":{"name":"Joe"},"timestamp":1671672134833,"eventName":"statsig::config_change","metadata":{"type":"Gate"}}]}"#,
            required: &["data", "data[0]", "data[0].eventName"],
            raw: &["data[0].user", "data[0].metadata"],
        },
        Row {
            name: "statsig::PreCommit",
            read: read::<statsig::PreCommit>,
            body: r#"{"review_id":"r","submitter":"s","committer":"c","config_type":"gate","config_name":"n","experiment_name":"e","type":"rules"}"#,
            required: &["review_id"],
            raw: &[],
        },
        Row {
            name: "stripe::Event",
            read: read::<stripe::Event>,
            body: r#"{"id":"evt_1","type":"a.b","created":1,"livemode":false,"account":"a","api_version":"v","data":{"object":{"id":"o"},"previous_attributes":{"id":"p"}},"related_object":{"id":"i","type":"t","url":"u"}}"#,
            required: &["type"],
            raw: &["data.object", "data.previous_attributes"],
        },
        Row {
            name: "unleash::Event",
            read: read::<unleash::Event>,
            body: r#"{"id":1,"type":"feature-created","createdBy":"c","createdAt":"t","featureName":"f","project":"p","environment":"e","data":{"a":1},"preData":{"a":2}}"#,
            required: &["type"],
            raw: &["data", "preData"],
        },
        Row {
            name: "vwo::Event",
            read: read::<vwo::Event>,
            body: r#"{"timestamp":1606482285,"event":"settings_changed","action":"a","triggered_by":"vwo"}"#,
            required: &["event"],
            raw: &[],
        },
    ]
}

#[test]
fn only_required_fields_reject_and_the_error_names_them() {
    let mut cells = (0, 0);
    for row in rows() {
        let full: Value = serde_json::from_str(row.body).expect("JSON");
        let whole = (row.read)(row.body.as_bytes()).expect(row.name);
        assert!(!whole.is_empty());
        let mut required_seen = 0;
        for path in paths(&full) {
            let name = path.to_string();
            let required = row.required.contains(&name.as_str());
            required_seen += usize::from(required);
            let text = path.get(&full).is_string();
            for (change, value) in changes(path.get(&full)) {
                // Without the only element a list is empty, which is no error.
                if change == "missing" && name.ends_with(']') {
                    continue;
                }
                // A single object counts as a list of one.
                let as_list = path.get(&full).is_array() && change == "an object";
                let rejects = required && !(change == "an unknown word" && text);
                let body = path.set(&full, value).to_string();
                let outcome = (row.read)(body.as_bytes());
                let cell = format!("{}: `{name}` is {change}: {body}: {outcome:?}", row.name);
                match outcome {
                    Ok(_) => assert!(!rejects, "{cell}"),
                    Err(error) => {
                        assert!(rejects, "{cell}");
                        let field = error.field().expect(&cell);
                        assert!(as_list || field == name, "{cell}");
                    }
                }
                cells = (cells.0 + 1, cells.1 + usize::from(rejects));
            }
        }
        assert_eq!(
            required_seen,
            row.required.len(),
            "{}: a required field is not in the body",
            row.name
        );
    }
    println!("{} cells, {} of which reject", cells.0, cells.1);
    assert!(cells.0 > 1000, "{cells:?}");
}

#[test]
fn null_means_absent() {
    for row in rows() {
        let full: Value = serde_json::from_str(row.body).expect("JSON");
        for path in paths(&full) {
            let name = path.to_string();
            let raw = |raw: &&str| name.starts_with(raw);
            if row.required.contains(&name.as_str())
                || row.raw.iter().any(raw)
                || name.ends_with(']')
            {
                continue;
            }
            let without = |value| (row.read)(path.set(&full, value).to_string().as_bytes());
            let (missing, null) = (without(None), without(Some(Value::Null)));
            assert_eq!(
                missing.expect(&name),
                null.expect(&name),
                "{}: `{name}`",
                row.name
            );
        }
    }
}

fn read<E: FromBody + Debug>(body: &[u8]) -> Result<String, EventError> {
    E::from_body(body).map(|event| format!("{event:?}"))
}

/// What one field is changed to.
fn changes(from: &Value) -> Vec<(&'static str, Option<Value>)> {
    let mut changes = vec![
        ("missing", None),
        ("null", Some(Value::Null)),
        ("an unknown word", Some(json!("unknown word"))),
    ];
    for (name, value) in [
        ("a number", json!(-1.5)),
        ("a boolean", json!(true)),
        ("a list", json!(["x", 1])),
        ("an object", json!({"x": 1})),
    ] {
        let same = from.is_number() == value.is_number()
            && from.is_boolean() == value.is_boolean()
            && from.is_array() == value.is_array()
            && from.is_object() == value.is_object();
        if !same {
            changes.push((name, Some(value)));
        }
    }
    changes
}

/// The way from the body to a field.
#[derive(Clone)]
struct Path(Vec<Step>);

#[derive(Clone)]
enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    fn get<'a>(&self, body: &'a Value) -> &'a Value {
        self.0.iter().fold(body, |value, step| match step {
            Step::Name(name) => &value[name],
            Step::Index(index) => &value[index],
        })
    }

    fn set(&self, body: &Value, new: Option<Value>) -> Value {
        let mut body = body.clone();
        let (last, before) = self.0.split_last().expect("a field");
        let parent = before.iter().fold(&mut body, |value, step| match step {
            Step::Name(name) => &mut value[name],
            Step::Index(index) => &mut value[index],
        });
        match (last, new) {
            (Step::Name(name), Some(new)) => parent[name] = new,
            (Step::Index(index), Some(new)) => parent[index] = new,
            (Step::Name(name), None) => {
                drop(parent.as_object_mut().expect("an object").remove(name))
            }
            (Step::Index(index), None) => {
                drop(parent.as_array_mut().expect("a list").remove(*index))
            }
        }
        body
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if position == 0 => write!(f, "{name}")?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Every field of the body, at every depth.
fn paths(body: &Value) -> Vec<Path> {
    fn visit(value: &Value, here: &Path, paths: &mut Vec<Path>) {
        let mut inside = |step: Step, value: &Value| {
            let mut path = here.clone();
            path.0.push(step);
            paths.push(path.clone());
            visit(value, &path, paths);
        };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    inside(Step::Name(name.clone()), value);
                }
            }
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    inside(Step::Index(index), value);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    visit(body, &Path(Vec::new()), &mut found);
    found
}
