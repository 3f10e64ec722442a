//! Bodies as the vendors show them: signed, sent through the layer, and read as events.
#![cfg(feature = "testing")]

mod common;

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    FromBody, Json, Provider, Rejection, RejectionKind, Secret, Verified, WebhookAuthLayer,
    provider::{
        self, amplitude, flagsmith, flipt, github, go_feature_flag, growthbook, launchdarkly,
        optimizely, shopify, slack, standard_webhooks, statsig, stripe, unleash, vwo,
    },
    testing::Signer,
};

#[tokio::test]
async fn optimizely_announces_a_new_datafile() {
    // The body of the vendor's page, in the bytes that its example signs.
    let event: optimizely::Event = receive(
        &provider::optimizely(secret()),
        r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#,
    )
    .await;
    assert_eq!(event.project_id, 11_387_641_093);
    assert_eq!(event.timestamp, Some(1_558_138_293));
    assert_eq!(event.event, optimizely::EventName::DatafileUpdated);
    assert_eq!(event.event.as_str(), "project.datafile_updated");
    let datafile = event.datafile().expect("a datafile");
    assert_eq!(datafile.revision, 13);
    assert_eq!(datafile.environment.as_deref(), Some("Production"));
    assert_eq!(
        datafile.cdn_url,
        "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json"
    );
}

#[tokio::test]
async fn an_old_optimizely_payload_has_no_environment() {
    let event = receive(
        &provider::optimizely(secret()),
        r#"{
          "project_id": 1234,
          "timestamp": 1468447113,
          "event": "project.datafile_updated",
          "data": {
              "revision": 1,
              "origin_url": "https://optimizely.s3.amazonaws.com/json/1234.json",
              "cdn_url": "https://cdn.optimizely.com/json/1234.json"
          }
        }"#,
    )
    .await;
    assert_eq!(event.datafile().expect("a datafile").environment, None);
}

#[tokio::test]
async fn optimizely_sends_forty_documented_events_and_three_about_approvals() {
    // The enumeration of `Webhook.events` in Optimizely's OpenAPI document, and the page about change
    // approvals.
    let all = ["created", "updated", "deleted", "archived"];
    let entities = [
        (
            &["attribute", "event", "flag", "group", "variation"][..],
            &all[..],
        ),
        (
            &["audience", "environment", "approval"],
            &["created", "updated", "archived"],
        ),
        (
            &["project_setting", "ruleset", "rule", "variable"],
            &all[..3],
        ),
    ];
    let optimizely = provider::optimizely(secret());
    let mut names = 0;
    for (entities, verbs) in entities {
        for (entity, verb) in entities
            .iter()
            .flat_map(|entity| verbs.iter().map(move |verb| (*entity, *verb)))
        {
            let name = format!("project.{entity}_{verb}");
            let body = json!({
                "project_id": 42,
                "timestamp": 1_558_138_293,
                "event": name,
                "data": [{
                    "id": 7,
                    "project_id": 42,
                    "created": "2024-05-01T10:00:00.000000Z",
                    "change_type": "update",
                    "source": "ui",
                    "summary": "Enabled the rule in Production",
                    "entity": {
                        "id": "9", "name": "dark_mode", "type": entity, "sub_type": "s",
                        "api_url": "https://api.optimizely.com/v2/x", "ui_url": "u", "is_deleted": false,
                    },
                    "user": {"id": "u", "email": "a@example.com", "display_name": "A"},
                    "changes": [{"property": "enabled", "description": "d", "before": false, "after": true}],
                }],
            });
            let event = receive(&optimizely, &body.to_string()).await;
            assert_eq!(event.event.as_str(), name);
            assert_eq!(event.event.entity_and_verb(), Some((entity, verb)));
            let [change] = event.changes() else {
                panic!("{name}: one change");
            };
            assert_eq!(change.id.as_deref(), Some("7"));
            assert_eq!(
                change.summary.as_deref(),
                Some("Enabled the rule in Production")
            );
            let changed = change.entity.as_ref().expect("an entity");
            assert_eq!(changed.kind.as_deref(), Some(entity));
            assert_eq!(changed.is_deleted, Some(false));
            let user = change.user.as_ref().expect("a user");
            assert_eq!(user.display_name.as_deref(), Some("A"));
            let after = change.changes[0].after.as_ref().map(Json::get);
            assert_eq!(
                (change.changes[0].property.as_deref(), after),
                (Some("enabled"), Some("true"))
            );
            names += 1;
        }
    }
    assert_eq!(names, 38 + 3);

    let snippet = r#"{"project_id":42,"timestamp":1,"event":"project.snippet_updated","data":{"revision":7,"cdn_url":"c","origin_url":"o","added_later":1}}"#;
    let event = receive(&optimizely, snippet).await;
    assert_eq!(event.event, optimizely::EventName::SnippetUpdated);
    assert_eq!(event.event.as_str(), "project.snippet_updated");
    assert!(matches!(event.data, optimizely::Data::Datafile(snippet) if snippet.revision == 7));
}

#[tokio::test]
async fn an_unknown_optimizely_event_keeps_its_data() {
    let optimizely = provider::optimizely(secret());
    for data in [
        r#"{"key": "checkout"}"#,
        r#""text""#,
        // This looks like a datafile, but the event is not about one.
        r#"{"revision":1,"origin_url":"o","cdn_url":"c"}"#,
        r#"["a", {}]"#,
        // Strict parsers reject these three.
        r#"{"summary":"ship it \ud83d"}"#,
        r#"{"v":1e400}"#,
        &format!("{{\"v\":{}{}}}", "[".repeat(200), "]".repeat(200)),
    ] {
        let body = format!(
            r#"{{"project_id":42,"timestamp":1,"event":"project.something_new","data":{data},"added_later":{{}}}}"#
        );
        let event = receive(&optimizely, &body).await;
        assert_eq!(event.event.as_str(), "project.something_new");
        let optimizely::Data::Json(Some(json)) = &event.data else {
            panic!("{data}: {event:?}");
        };
        assert_eq!(json.get(), data);
        assert_eq!(event.datafile(), None);
        assert!(event.changes().is_empty());
    }
    for data in ["", r#","data":null"#] {
        let body = format!(r#"{{"project_id":42,"event":"x"{data}}}"#);
        let event = receive(&optimizely, &body).await;
        assert_eq!(event.data, optimizely::Data::Json(None));
        assert_eq!(event.event.entity_and_verb(), None);
    }
}

#[tokio::test]
async fn a_datafile_event_without_a_datafile_is_answered_with_422() {
    let optimizely = provider::optimizely(secret());
    for body in [
        r#"{"project_id":42,"timestamp":1,"event":"project.datafile_updated"}"#,
        r#"{"project_id":42,"timestamp":1,"event":"project.datafile_updated","data":[]}"#,
        r#"{"project_id":42}"#,
        "",
        "\u{fffd}",
    ] {
        let rejection = deliver(&optimizely, body).await.expect_err(body);
        assert_eq!(rejection.kind(), RejectionKind::EventUnparseable, "{body}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_replaced() {
    let vwo = provider::vwo(secret());
    let unread = b"{\"timestamp\":1,\"event\":\"settings_changed\",\"note\":\"\xff\"}";
    let event = deliver(&vwo, unread).await.expect("an event").into_event();
    assert_eq!(event.timestamp, Some(1));

    let read = b"{\"timestamp\":1,\"event\":\"settings\xff\"}";
    let verified = deliver(&vwo, read).await.expect("an event");
    assert_eq!(verified.event().event, "settings\u{fffd}");
    assert_eq!(
        &verified.body()[..],
        read,
        "the body is the delivered bytes"
    );
}

#[tokio::test]
async fn vwo_announces_changed_settings() {
    let event: vwo::Event = receive(
        &provider::vwo(secret()),
        "{\n  \"timestamp\": 1606482285,\n  \"event\": \"settings_changed\",\n  \"action\": \"campaign_settings_changed\",\n  \"triggered_by\": \"vwo\"\n}",
    )
    .await;
    assert_eq!(event.timestamp, Some(1_606_482_285));
    assert_eq!(event.event, "settings_changed");
    assert_eq!(event.action.as_deref(), Some("campaign_settings_changed"));
    assert_eq!(event.triggered_by.as_deref(), Some("vwo"));

    let bare = r#"{"timestamp":1,"event":"settings_changed","added_later":[]}"#;
    assert_eq!(receive(&provider::vwo(secret()), bare).await.action, None);
}

#[tokio::test]
async fn optimizely_cmp_sends_json() {
    let event = receive(&provider::optimizely_cmp(secret()), r#"{"event_name":"x"}"#).await;
    assert_eq!(event.parse::<Value>().expect("a value")["event_name"], "x");
}

#[tokio::test]
async fn launchdarkly_sends_an_entry_of_the_audit_log() {
    let event: launchdarkly::Event = receive(
        &provider::launchdarkly(secret()),
        r#"{
          "_links": {"self": {"href": "/api/v2/auditlog/57c0a8e29969090743529965", "type": "application/json"}},
          "_id": "57c0a8e29969090743529965",
          "date": 1472243938774,
          "accesses": [{"action": "updateName", "resource": "proj/alexis:env/test"}],
          "kind": "environment",
          "name": "Testing",
          "description": "- Changed the name from ~~Test~~ to *Testing*",
          "member": {"_id": "569f514183f2164430000002", "email": "sample-member@launchdarkly.com"},
          "titleVerb": "changed the name of",
          "target": {"name": "Testing"}
        }"#,
    )
    .await;
    assert_eq!(event.id, "57c0a8e29969090743529965");
    assert_eq!(event.date, Some(1_472_243_938_774));
    assert_eq!(event.kind, "environment");
    assert_eq!(event.name.as_deref(), Some("Testing"));
    assert_eq!(event.accesses[0].action.as_deref(), Some("updateName"));
    assert_eq!(
        event.accesses[0].resource.as_deref(),
        Some("proj/alexis:env/test")
    );
    assert_eq!(event.title_verb.as_deref(), Some("changed the name of"));
    let member = event.member.expect("a member");
    assert_eq!(
        member.email.as_deref(),
        Some("sample-member@launchdarkly.com")
    );
    assert_eq!(
        event.target.expect("a target").get(),
        r#"{"name": "Testing"}"#
    );
    assert_eq!(event.comment, None);
}

#[tokio::test]
async fn flagsmith_sends_a_flag_before_and_after() {
    // The vendor's page, shortened.
    let body = json!({
        "data": {
            "changed_by": "Ben Rometsch",
            "new_state": {
                "enabled": true,
                "environment": {"id": 23, "name": "Development"},
                "feature": {"id": 7168, "name": "butter_bar", "type": "CONFIG", "initial_value": null},
                "feature_segment": null,
                "feature_state_value": "<strong>\nYou are using the develop environment.\n</strong>",
                "identity": null,
                "identity_identifier": null
            },
            "previous_state": {
                "enabled": false,
                "environment": {"id": 23, "name": "Development"},
                "feature": {"id": 7168, "name": "butter_bar"},
                "feature_state_value": 12
            },
            "timestamp": "2021-06-18T07:50:26.595298Z"
        },
        "event_type": "FLAG_UPDATED"
    });
    let flagsmith = provider::flagsmith(secret());
    let event: flagsmith::Event = receive(&flagsmith, &body.to_string()).await;
    assert_eq!(event.event_type, "FLAG_UPDATED");
    let flagsmith::Data::Flag(change) = event.data else {
        panic!("a flag changed");
    };
    assert_eq!(change.changed_by.as_deref(), Some("Ben Rometsch"));
    assert_eq!(
        change.timestamp.as_deref(),
        Some("2021-06-18T07:50:26.595298Z")
    );
    let (old, new) = (
        change.previous_state.expect("old"),
        change.new_state.expect("new"),
    );
    assert_eq!((old.enabled, new.enabled), (Some(false), Some(true)));
    assert_eq!(old.feature_state_value.expect("a value").get(), "12");
    let feature = new.feature.expect("a flag");
    assert_eq!(
        (feature.id, feature.name.as_deref()),
        (Some(7168), Some("butter_bar"))
    );
    assert_eq!(
        new.environment.expect("an environment").name.as_deref(),
        Some("Development")
    );
}

#[tokio::test]
async fn flagsmith_sends_deleted_flags_and_other_events() {
    let flagsmith = provider::flagsmith(secret());
    let deleted = r#"{"data":{"changed_by":"a","previous_state":{"enabled":true}},"event_type":"FLAG_DELETED"}"#;
    let event = receive(&flagsmith, deleted).await;
    assert!(matches!(event.data, flagsmith::Data::Flag(flag) if flag.new_state.is_none()));
    for body in [
        r#"{"data":{"uuid":"u"},"event_type":"NEW_VERSION_PUBLISHED"}"#,
        r#"{"event_type":"SOMETHING_NEW"}"#,
    ] {
        let event = receive(&flagsmith, body).await;
        assert!(matches!(event.data, flagsmith::Data::Json(_)), "{body}");
    }
}

#[tokio::test]
async fn flagsmith_sends_audit_entries_wrapped_and_documents_them_bare() {
    let entry = r#"{"created_date":"2020-02-23T17:30:57.006318Z","log":"New Flag / Remote Config created: my_feature","author":{"id":3,"email":"user@example.com","first_name":"Kyle"},"environment":null,"project":{"id":6,"name":"Project name"},"related_object_id":6,"related_object_type":"FEATURE"}"#;
    let wrapped = format!(r#"{{"data":{entry},"event_type":"AUDIT_LOG_CREATED"}}"#);
    let flagsmith = provider::flagsmith(secret());
    for body in [entry, &wrapped] {
        let event = receive(&flagsmith, body).await;
        assert_eq!(event.event_type, "AUDIT_LOG_CREATED");
        let flagsmith::Data::Audit(audit) = event.data else {
            panic!("an audit entry");
        };
        assert_eq!(audit.related_object_id, Some(6));
        assert_eq!(audit.related_object_type.as_deref(), Some("FEATURE"));
        assert_eq!(
            audit.author.and_then(|author| author.email).as_deref(),
            Some("user@example.com")
        );
        assert_eq!(
            audit.project.and_then(|project| project.name).as_deref(),
            Some("Project name")
        );
        assert_eq!(audit.environment, None);
    }
}

#[tokio::test]
async fn flagsmith_sends_changes_in_sentrys_format() {
    let changes: flagsmith::Changes = receive(
        &provider::flagsmith_change_tracking(secret()),
        r#"{"data": [{"action": "updated", "change_id": "23", "created_at": "2025-01-02T03:04:05+00:00", "created_by": {"id": "app@flagsmith.com", "type": "email"}, "flag": "butter_bar"}], "meta": {"version": 1}}"#,
    )
    .await;
    let [change] = &changes.events[..] else {
        panic!("one change");
    };
    assert_eq!(
        (change.action.as_str(), change.flag.as_str()),
        ("updated", "butter_bar")
    );
    assert_eq!(
        change.created_at.as_deref(),
        Some("2025-01-02T03:04:05+00:00")
    );
    let author = change.created_by.as_ref().expect("an author");
    assert_eq!(author.kind.as_deref(), Some("email"));
}

#[tokio::test]
async fn statsig_sends_changes_and_exposures() {
    let statsig = provider::statsig(secret());
    let changed: statsig::Events = receive(
        &statsig,
        r#"{"data":[{"user":{"name":"Joe Zeng","email":"joe@statsig.com"},"timestamp":1671672134833,"eventName":"statsig::config_change","metadata":{"type":"Gate","name":"test","description":"- Updated Rule test rollout from 100.00% to 10.00%","environment":"production"}}]}"#,
    )
    .await;
    let event = &changed.events[0];
    assert_eq!(event.timestamp, Some(1_671_672_134_833));
    assert_eq!(
        event.user.as_ref().map(Json::get),
        Some(r#"{"name":"Joe Zeng","email":"joe@statsig.com"}"#)
    );
    let change = event.config_change().expect("a change");
    assert_eq!(
        (change.kind.as_deref(), change.name.as_deref()),
        (Some("Gate"), Some("test"))
    );
    assert_eq!(change.environments, ["production"]);

    // The vendor's page shows exposures as a bare list, and their time as text.
    let exposed = receive(
        &statsig,
        r#"[{"eventName":"statsig::gate_exposure","user":{"userID":"a_user"},"userID":"a_user","timestamp":"1655231253265","statsigMetadata":{},"value":"","metadata":{"gate":"a_gate","gateValue":"false","ruleID":"default"},"unitID":"userID"},{"eventName":"page_view"}]"#,
    )
    .await;
    assert_eq!(exposed.events[0].timestamp, Some(1_655_231_253_265));
    let metadata = exposed.events[0].metadata.as_ref().expect("metadata");
    assert_eq!(
        metadata.parse::<Value>().expect("a value")["gate"],
        "a_gate"
    );
    assert_eq!(exposed.events[0].config_change(), None);
    assert_eq!(exposed.events[1].timestamp, None);
    assert!(exposed.unreadable.is_empty());
}

/// The fields of a delivery in the tests of Sentry's receiver.
#[tokio::test]
async fn statsig_names_environments_in_one_text() {
    let batch = receive(
        &provider::statsig(secret()),
        r#"{"data":[{"user":{"name":"johndoe","email":"john@example.com"},"timestamp":1739400185198,"eventName":"statsig::config_change","metadata":{"projectName":"p","projectID":"1","type":"Gate","name":"gate1","description":"Updated Config Name","environments":"development,staging, production","action":"updated","tags":["a"],"targetApps":[]}}]}"#,
    )
    .await;
    let change = batch.events[0].config_change().expect("a change");
    assert_eq!(
        change.environments,
        ["development", "staging", "production"]
    );
    assert_eq!(change.project_id.as_deref(), Some("1"));
    assert_eq!(change.project_name.as_deref(), Some("p"));
    assert_eq!(change.action.as_deref(), Some("updated"));
    assert_eq!(change.tags, ["a"]);
    assert!(change.target_apps.is_empty());
}

#[tokio::test]
async fn one_unreadable_statsig_event_does_not_reject_the_others() {
    let statsig = provider::statsig(secret());
    let good = r#"{"eventName":"statsig::config_change","metadata":{"type":"Gate","name":"a"}}"#;
    for body in [
        format!(r#"{{"data":[{{"eventName":null}},{good},7]}}"#),
        format!(r#"[{{"eventName":null}},{good},7]"#),
    ] {
        let batch = receive(&statsig, &body).await;
        assert_eq!(batch.events.len(), 1);
        let change = batch.events[0].config_change().expect("a change");
        assert_eq!(change.name.as_deref(), Some("a"));
        let [null, number] = &batch.unreadable[..] else {
            panic!("two unreadable events");
        };
        let prefix = if body.starts_with('{') { "data" } else { "" };
        assert_eq!(
            (null.index, null.error.to_string()),
            (
                0,
                format!("`{prefix}[0].eventName` is null: expected a text")
            )
        );
        assert_eq!(
            (number.index, number.error.to_string()),
            (2, format!("`{prefix}[2]` is a number: expected an object"))
        );
        assert_eq!(number.json.get(), "7");
    }
    // A single event in place of a list.
    for body in [good.to_owned(), format!(r#"{{"data":{good}}}"#)] {
        assert_eq!(receive(&statsig, &body).await.events.len(), 1, "{body}");
    }
    assert!(receive(&statsig, r#"{"data":[]}"#).await.events.is_empty());
}

#[tokio::test]
async fn a_statsig_batch_without_a_readable_event_names_the_field() {
    for (body, message) in [
        (
            r#"{"data":[{}]}"#,
            "`data[0].eventName` is missing: expected a text",
        ),
        (
            r#"{"data":{"event":"url_verification"}}"#,
            "`data.eventName` is missing: expected a text",
        ),
        (
            r#"{"eventName":5}"#,
            "`eventName` is a number: expected a text",
        ),
        (
            r#"{"data":"x"}"#,
            "`data` is a text: expected a list of objects",
        ),
        ("7", "the body is a number: expected an object"),
        ("", "the body is empty: expected JSON"),
        ("[", "the body is not JSON"),
    ] {
        assert_eq!(
            reason(&provider::statsig(secret()), body).await,
            message,
            "{body}"
        );
    }
}

#[tokio::test]
async fn statsig_asks_before_a_commit() {
    let asked: statsig::PreCommit = receive(
        &provider::statsig_pre_commit(secret()),
        r#"{"review_id":"review_123","submitter":"user@example.com","committer":"user@example.com","config_type":"gate","config_name":"a_gate","type":"rules","old_config":{},"new_config":{}}"#,
    )
    .await;
    assert_eq!(asked.review_id, "review_123");
    assert_eq!(asked.config_type.as_deref(), Some("gate"));
    assert_eq!(asked.change.as_deref(), Some("rules"));
    assert_eq!(asked.experiment_name, None);
}

#[tokio::test]
async fn growthbook_sends_the_format_that_the_owner_chose() {
    use growthbook::SdkEvent;

    let sdk = provider::growthbook_sdk(secret());
    let body = r#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z","data":{"payload":"{\"features\":{\"my-feature\":{\"defaultValue\":true}}}"}}"#;
    let SdkEvent::PayloadChanged(changed) = receive(&sdk, body).await else {
        panic!("the standard body");
    };
    assert_eq!(
        changed.timestamp.as_deref(),
        Some("2024-04-03T01:54:20.449Z")
    );
    let features = changed.payload.expect("features");
    assert!(features.starts_with(r#"{"features""#));

    let without = r#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z"}"#;
    let event = receive(&sdk, without).await;
    assert!(matches!(event, SdkEvent::PayloadChanged(changed) if changed.payload.is_none()));
    assert_eq!(receive(&sdk, "").await, SdkEvent::Empty);
    for raw in [r#"{"features": {}}"#, r#"{"type":5}"#, "[1e400]"] {
        let SdkEvent::Json(json) = receive(&sdk, raw).await else {
            panic!("{raw}");
        };
        assert_eq!(json.get(), raw);
    }

    let event: growthbook::Event = receive(
        &provider::growthbook_event(secret()),
        r#"{"event":"feature.created","object":"feature","added_later":1}"#,
    )
    .await;
    assert_eq!(event.event, "feature.created");
    assert_eq!(event.object.as_deref(), Some("feature"));
    for for_chat in [r#"{"text":"t","blocks":[]}"#, r#"{"content":"c"}"#] {
        let reason = reason(&provider::growthbook_event(secret()), for_chat).await;
        assert!(
            reason.ends_with("choose the payload type `json` in the webhook's settings"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn unleash_sends_an_event() {
    let event: unleash::Event = receive(
        &provider::unleash(secret()),
        r#"{"id":1,"createdAt":"2024-04-03T01:54:20.449Z","createdByUserId":-1337,"type":"feature-created","createdBy":"some@user.com","featureName":"some-toggle","data":{"name":"some-toggle","enabled":false,"strategies":[{"name":"default"}]}}"#,
    )
    .await;
    assert_eq!(event.id, Some(1));
    assert_eq!(event.kind, "feature-created");
    assert_eq!(event.created_by.as_deref(), Some("some@user.com"));
    assert_eq!(event.feature_name.as_deref(), Some("some-toggle"));
    let data: Value = event.data.expect("data").parse().expect("a value");
    assert_eq!(data["strategies"][0]["name"], "default");
    assert_eq!(event.pre_data, None);
}

#[tokio::test]
async fn featbit_sends_the_json_of_a_template() {
    let event = receive(
        &provider::featbit(secret()),
        r#"{"events":["feature_flag.toggled"]}"#,
    )
    .await;
    assert_eq!(event.get(), r#"{"events":["feature_flag.toggled"]}"#);
}

#[tokio::test]
async fn configcat_may_send_an_empty_body() {
    assert!(receive(&provider::configcat(secret()), "").await.is_empty());
}

#[tokio::test]
async fn go_feature_flag_notifies_and_exports() {
    let provider = provider::go_feature_flag(secret());
    // The vendor's own fixtures, shortened.
    let notified: go_feature_flag::Event = receive(
        &provider,
        r#"{"meta":{"hostname":"toto"},"flags":{"deleted":{"test-flag":{"variations":{"Default":false}}},"added":{"test-flag3":{"defaultRule":{"name":"defaultRule"}}},"updated":{"test-flag2":{"old_value":{"disable":false},"new_value":{"disable":true}}}}}"#,
    )
    .await;
    assert_eq!(notified.meta["hostname"].get(), r#""toto""#);
    let flags = notified.flags.expect("flags");
    assert!(flags.added.contains_key("test-flag3") && flags.deleted.contains_key("test-flag"));
    let new = flags.updated["test-flag2"].new_value.as_ref();
    assert_eq!(new.map(Json::get), Some(r#"{"disable":true}"#));

    let exported = receive(
        &provider,
        r#"{"meta":{"hostname":"hostname"},"events":[{"kind":"feature","userKey":"ABCD","key":"random-key"}]}"#,
    )
    .await;
    assert_eq!(exported.flags, None);
    let event: Value = exported.events[0].parse().expect("a value");
    assert_eq!(event["userKey"], "ABCD");
}

#[tokio::test]
async fn flipt_sends_an_audit_event() {
    let flipt = provider::flipt(secret());
    // The first is the body of the vendor's own test.
    let empty: flipt::Event = receive(
        &flipt,
        r#"{"version":"","type":"flag","action":"create","metadata":{},"payload":null,"timestamp":"","status":""}"#,
    )
    .await;
    assert_eq!(
        (
            empty.kind.as_deref(),
            empty.action.as_deref(),
            empty.status.as_deref()
        ),
        (Some("flag"), Some("create"), Some(""))
    );
    assert_eq!(empty.actor, None);

    let event = receive(
        &flipt,
        r#"{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"none","ip":"172.17.0.1"}},"payload":{"key":"this-flag"},"timestamp":"2023-07-03T22:38:55Z","status":"success"}"#,
    )
    .await;
    let actor = event.actor.expect("an actor");
    assert_eq!(
        (actor.ip.as_deref(), actor.email),
        (Some("172.17.0.1"), None)
    );
    assert_eq!(
        event.payload.expect("a payload").get(),
        r#"{"key":"this-flag"}"#
    );

    // A template makes other bodies: nothing is known, and no text is invented.
    let other = receive(&flipt, r#"{"text":"hello"}"#).await;
    assert_eq!(
        (other.kind, other.action, other.timestamp),
        (None, None, None)
    );
}

#[tokio::test]
async fn amplitude_sends_a_flag_before_and_after() {
    let event: amplitude::Event = receive(
        &provider::amplitude_experiment(secret()),
        r#"{"flagId":1,"flagName":"my-flag","scope":"project","action":"updated","modifiedBy":"a@b.c","flag":{"enabled":true,"name":"My flag"},"oldFlag":{"enabled":false}}"#,
    )
    .await;
    assert_eq!(event.flag_id.as_deref(), Some("1"));
    // The vendor's page: `flagName` is the key of the flag, and `flag.name` is its name.
    assert_eq!(event.flag_key.as_deref(), Some("my-flag"));
    assert_eq!(event.flag_name.as_deref(), Some("My flag"));
    assert_eq!(event.action.as_deref(), Some("updated"));
    assert_eq!(
        event.old_flag.expect("the old flag").get(),
        r#"{"enabled":false}"#
    );
}

#[tokio::test]
async fn github_events_are_told_apart_by_the_signed_body() {
    let github = provider::github(secret()).parse::<github::Event>();

    let ping = r#"{"zen":"Keep it logically awesome.","hook_id":109948940,"hook":{"type":"Repository","id":1,"events":["push","pull_request"],"config":{"content_type":"json"}},"repository":{"id":1,"full_name":"octocat/hello-world","private":false,"default_branch":"main","html_url":"h"},"sender":{"login":"octocat","id":1}}"#;
    let github::Event::Ping(event) = receive(&github, ping).await else {
        panic!("a ping");
    };
    assert_eq!(event.hook_id, Some(109_948_940));
    assert_eq!(event.events, ["push", "pull_request"]);
    let repository = event.repository.expect("a repository");
    assert_eq!(repository.full_name.as_deref(), Some("octocat/hello-world"));

    let push = r#"{"ref":"refs/tags/v1","before":"0000","after":"7fd1a60b","created":true,"deleted":false,"forced":false,"compare":"c","commits":[{"id":"7fd1a60b","message":"Fix \ud83d","timestamp":"2015-05-05T19:40:15-04:00","url":"u","author":{"name":"Octo","email":"o@example.com"},"added":["a"],"removed":[],"modified":["m"]}],"head_commit":null,"pusher":{"name":"octocat"},"sender":{"login":"octocat","id":1}}"#;
    let github::Event::Push(event) = receive(&github, push).await else {
        panic!("a push");
    };
    assert_eq!((event.branch(), event.tag()), (None, Some("v1")));
    assert_eq!(
        (event.created, event.deleted, event.forced),
        (true, false, false)
    );
    assert_eq!(event.commits[0].message.as_deref(), Some("Fix \u{fffd}"));
    assert_eq!(event.commits[0].modified, ["m"]);
    assert_eq!(
        (event.head_commit, event.pusher.as_deref()),
        (None, Some("octocat"))
    );

    let pull = r#"{"action":"synchronize","number":2,"before":"b","after":"a","pull_request":{"title":"T","state":"open","draft":false,"merged":false,"html_url":"h","user":{"login":"octocat","id":1},"head":{"ref":"changes","sha":"ec26","repo":null},"base":{"ref":"main","sha":"f95f","repo":{"full_name":"octocat/hello-world"}}}}"#;
    let github::Event::PullRequest(event) = receive(&github, pull).await else {
        panic!("a pull request");
    };
    assert_eq!(
        (event.number, event.action.as_deref()),
        (2, Some("synchronize"))
    );
    let (head, base) = (event.head.expect("a head"), event.base.expect("a base"));
    assert_eq!(
        (head.reference.as_deref(), head.repository),
        (Some("changes"), None)
    );
    assert_eq!(base.sha.as_deref(), Some("f95f"));

    for (name, body) in [
        (
            "pull_request_review",
            r#"{"action":"submitted","review":{},"pull_request":{"number":2}}"#,
        ),
        (
            "issue_comment",
            r#"{"action":"submitted","issue":{"number":2,"pull_request":{}}}"#,
        ),
        (
            "create",
            r#"{"action":"submitted","ref":"v1","ref_type":"tag","master_branch":"main"}"#,
        ),
        (
            "workflow_dispatch",
            r#"{"action":"submitted","ref":"refs/heads/main","inputs":null}"#,
        ),
    ] {
        let github::Event::Other(event) = receive(&github, body).await else {
            panic!("{name}");
        };
        assert_eq!(event.action.as_deref(), Some("submitted"), "{name}");
    }
}

#[tokio::test]
async fn a_github_delivery_may_be_a_form() {
    let form =
        "payload=%7B%22zen%22%3A%22Approachable+is+better+than+simple.%22%2C%22hook_id%22%3A1%7D";
    let github = provider::github(secret()).parse::<github::Event>();
    let github::Event::Ping(ping) = receive(&github, form).await else {
        panic!("a ping");
    };
    assert_eq!(
        ping.zen.as_deref(),
        Some("Approachable is better than simple.")
    );

    for (body, message) in [
        (
            "a=1&b",
            "`payload` is missing: expected a field of the form",
        ),
        ("payload=%7B", "the body is not JSON"),
        ("payload=5", "the body is a number: expected an object"),
    ] {
        assert_eq!(reason(&github, body).await, message);
    }
}

#[tokio::test]
async fn stripe_sends_snapshot_events_and_thin_events() {
    let stripe = provider::stripe(secret()).parse::<stripe::Event>();
    let snapshot = receive(&stripe, r#"{"id":"evt_1","object":"event","account":"acct_1","api_version":"2017-05-25","created":1533204620,"livemode":false,"pending_webhooks":1,"type":"customer.updated","data":{"object":{"id":"cus_1"},"previous_attributes":{"name":null}}}"#).await;
    assert_eq!(snapshot.kind, "customer.updated");
    assert_eq!(snapshot.created.as_deref(), Some("1533204620"));
    assert_eq!(
        snapshot.data_object.expect("an object").get(),
        r#"{"id":"cus_1"}"#
    );
    assert_eq!(
        snapshot.previous_attributes.expect("attributes").get(),
        r#"{"name":null}"#
    );

    let thin = receive(&stripe, r#"{"id":"evt_test_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false,"created":"2024-09-17T06:20:52.246Z","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}"#).await;
    assert_eq!(thin.created.as_deref(), Some("2024-09-17T06:20:52.246Z"));
    let related = thin.related_object.expect("an object");
    assert_eq!(related.url.as_deref(), Some("/v1/billing/meters/mtr_1"));
}

#[tokio::test]
async fn shopify_sends_the_resource_itself() {
    let shopify = provider::shopify(secret()).parse::<shopify::Event>();
    let order = receive(&shopify, r#"{"id":820982911946154508,"admin_graphql_api_id":"gid:\/\/shopify\/Order\/820982911946154508","created_at":"2021-12-31T19:00:00-05:00","note":null}"#).await;
    assert_eq!(
        (order.resource(), order.id.as_deref()),
        (Some("Order"), Some("820982911946154508"))
    );
    let redact = receive(&shopify, r#"{"shop_id":954889,"shop_domain":"{shop}.myshopify.com","customer":{"id":191167},"orders_to_redact":[]}"#).await;
    assert_eq!(
        (redact.resource(), redact.shop_id.as_deref()),
        (None, Some("954889"))
    );
}

#[tokio::test]
async fn slack_sends_json_and_forms() {
    let slack = provider::slack(secret()).parse::<slack::Event>();
    let callback = r#"{"token":"verification-token","team_id":"T1","api_app_id":"A1","event":{"type":"app_mention","text":"\ud83d"},"type":"event_callback","event_id":"Ev1","event_time":1515449522}"#;
    let event = receive(&slack, callback).await;
    assert!(!format!("{event:?}").contains("verification-token"));
    let slack::Event::Callback(event) = event else {
        panic!("a callback");
    };
    assert_eq!(
        (event.event_time, event.event_type.as_deref()),
        (Some(1_515_449_522), Some("app_mention"))
    );

    let challenge = r#"{"token":"t","challenge":"3eZbrw1a","type":"url_verification"}"#;
    assert_eq!(
        receive(&slack, challenge).await,
        slack::Event::UrlVerification("3eZbrw1a".to_owned())
    );

    let command = "token=t&team_id=T1&channel_id=C1&user_id=U1&command=%2Fweather&text=94070+now&response_url=https%3A%2F%2Fhooks.example.com%2Fcommands%2Fcapability&trigger_id=13345224609.738474920";
    let event = receive(&slack, command).await;
    let shown = format!("{event:?}");
    assert!(
        !shown.contains("capability") && !shown.contains("13345224609"),
        "{shown}"
    );
    let slack::Event::Command(event) = event else {
        panic!("a command");
    };
    assert_eq!(
        (event.command.as_str(), event.text.as_deref()),
        ("/weather", Some("94070 now"))
    );
    assert_eq!(
        event.response_url.as_deref(),
        Some("https://hooks.example.com/commands/capability")
    );

    let payload = "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%2C%22user%22%3A%7B%22id%22%3A%22U1%22%7D%2C%22response_url%22%3A%22capability%22%7D";
    let event = receive(&slack, payload).await;
    assert!(!format!("{event:?}").contains("capability"));
    let slack::Event::Interaction(event) = event else {
        panic!("an interaction");
    };
    assert_eq!(
        (event.kind.as_str(), event.user_id.as_deref()),
        ("block_actions", Some("U1"))
    );
    assert!(event.payload.get().contains("capability"));

    for other in [
        r#"{"type":"app_rate_limited"}"#,
        "ssl_check=1&token=t",
        "{}",
    ] {
        assert!(
            matches!(receive(&slack, other).await, slack::Event::Other { .. }),
            "{other}"
        );
    }
}

#[tokio::test]
async fn followers_of_standard_webhooks_share_an_envelope() {
    let polar = provider::polar(secret()).parse::<standard_webhooks::Event>();
    for (body, timestamp) in [
        (
            r#"{"type":"a.b","timestamp":"2022-11-03T20:26:10.344522Z","data":{}}"#,
            Some("2022-11-03T20:26:10.344522Z"),
        ),
        (
            r#"{"data":{},"object":"event","type":"a.b","timestamp":1654012591835}"#,
            Some("1654012591835"),
        ),
        (
            r#"{"type":"a.b","created_at":"2023-02-22T23:41:12.126Z","data":{}}"#,
            Some("2023-02-22T23:41:12.126Z"),
        ),
        (r#"{"type":"a.b","data":{}}"#, None),
    ] {
        let event = receive(&polar, body).await;
        assert_eq!(
            (event.kind.as_str(), event.timestamp.as_deref()),
            ("a.b", timestamp)
        );
        assert_eq!(event.data.expect("data").get(), "{}");
    }
}

/// Each text is valid JSON that `serde_json` does not read as a `Value`, or does not expect.
#[tokio::test]
async fn unread_data_cannot_reject_a_delivery() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for odd in [
        r#""\ud83d""#,
        r#"{"\ud83d":"\udc00"}"#,
        "1e400",
        "-1E+999",
        &deep,
        r#"{"a":1,"a":2}"#,
        "null",
    ] {
        accepted(
            provider::amplitude_experiment(secret()),
            r#"{"flagName":"f","flag":ODD,"oldFlag":ODD,"x":ODD}"#,
            odd,
        )
        .await;
        accepted(provider::featbit(secret()), r#"{"events":ODD}"#, odd).await;
        accepted(
            provider::flagsmith(secret()),
            r#"{"event_type":"E","data":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::flagsmith(secret()),
            r#"{"event_type":"FLAG_UPDATED","data":{"new_state":{"feature_state_value":ODD}}}"#,
            odd,
        )
        .await;
        accepted(
            provider::flipt(secret()),
            r#"{"type":"flag","payload":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::go_feature_flag(secret()),
            r#"{"meta":{"a":ODD},"flags":{"added":{"f":ODD},"updated":{"f":ODD}},"events":[ODD]}"#,
            odd,
        )
        .await;
        accepted(
            provider::growthbook_event(secret()),
            r#"{"event":"e","data":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::growthbook_sdk(secret()),
            r#"{"features":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::launchdarkly(secret()),
            r#"{"_id":"i","kind":"k","target":ODD,"accesses":ODD}"#,
            odd,
        )
        .await;
        accepted(provider::optimizely(secret()), r#"{"project_id":1,"event":"project.flag_updated","data":[{"changes":[{"before":ODD}]}]}"#, odd).await;
        accepted(
            provider::optimizely_cmp(secret()),
            r#"{"event_name":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::statsig(secret()),
            r#"[{"eventName":"e","user":ODD,"metadata":ODD,"value":ODD}]"#,
            odd,
        )
        .await;
        accepted(
            provider::unleash(secret()),
            r#"{"type":"t","data":ODD,"preData":ODD}"#,
            odd,
        )
        .await;
        accepted(provider::vwo(secret()), r#"{"event":"e","x":ODD}"#, odd).await;
        accepted(
            provider::github(secret()).parse::<github::Event>(),
            r#"{"zen":ODD,"ref":ODD,"x":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::stripe(secret()).parse::<stripe::Event>(),
            r#"{"type":"t","data":{"object":ODD}}"#,
            odd,
        )
        .await;
        accepted(
            provider::shopify(secret()).parse::<shopify::Event>(),
            r#"{"id":ODD,"x":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::slack(secret()).parse::<slack::Event>(),
            r#"{"type":"event_callback","event":ODD}"#,
            odd,
        )
        .await;
        accepted(
            provider::polar(secret()).parse::<standard_webhooks::Event>(),
            r#"{"type":"t","data":ODD}"#,
            odd,
        )
        .await;
    }
}

async fn accepted<E: Clone + Send + Sync + 'static>(provider: Provider<E>, body: &str, odd: &str) {
    // A name of a field may be odd, too, and a body may begin with a byte order mark.
    let body = format!("\u{feff}{}", body.replace("ODD", odd));
    let named = body.replacen('{', r#"{"\ud83d":1,"#, 1);
    for body in [body, named] {
        receive(&provider, &body).await;
    }
}

#[tokio::test]
async fn a_type_of_the_owner_is_read_lossily() {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Issue {
        title: String,
        labels: Option<Json>,
    }

    let github = provider::github(secret()).json::<Issue>();
    let issue = receive(
        &github,
        "\u{feff}{\"title\":\"cut \\ud83d\",\"labels\":[1e400,\"\\ud83d\"]}",
    )
    .await;
    assert_eq!(issue.title, "cut \u{fffd}");
    assert!(issue.labels.is_some());

    let value = receive(
        &provider::github(secret()).json::<Value>(),
        r#"{"title":"\ud83d\ude00 \ud83d"}"#,
    )
    .await;
    assert_eq!(value["title"], "\u{1f600} \u{fffd}");

    let batch = provider::github(secret()).json_batch::<Issue>();
    assert_eq!(reason(&batch, "").await, "the body is empty: expected JSON");
    let issues = receive(&batch, r#"[{"title":"a"},{"title":5}]"#).await;
    assert_eq!((issues.events.len(), issues.unreadable.len()), (1, 1));
    assert_eq!(
        issues.unreadable[0].error.to_string(),
        "`[1]`: the body is not the expected event"
    );
}

#[tokio::test]
async fn a_field_that_is_read_must_not_appear_twice() {
    for (body, message) in [
        (
            r#"{"event":"a","event":"b","timestamp":1}"#,
            "`event` appears more than once",
        ),
        (
            r#"{"event":"a","timestamp":1,"timesta\u006dp":2}"#,
            "`timestamp` appears more than once",
        ),
    ] {
        assert_eq!(reason(&provider::vwo(secret()), body).await, message);
    }
    receive(&provider::vwo(secret()), r#"{"event":"a","x":1,"x":2}"#).await;
}

/// The code that serde derives also reads a struct from a list of its fields.
#[tokio::test]
async fn a_list_of_fields_is_not_an_event() {
    let vwo = r#"[1606482285,"settings_changed",null,null]"#;
    let reason_of_vwo = reason(&provider::vwo(secret()), vwo).await;
    assert!(reason_of_vwo.contains("a list"), "{reason_of_vwo}");

    let datafile = r#"[13,null,"https://cdn.optimizely.com/d.json",null]"#;
    let object = r#"{"revision":13,"cdn_url":"https://cdn.optimizely.com/d.json"}"#;
    let provider = provider::optimizely(secret());
    for body in [
        format!(r#"[1,2,"project.datafile_updated",{object}]"#),
        format!(r#"{{"project_id":1,"event":"project.datafile_updated","data":{datafile}}}"#),
    ] {
        let reason = reason(&provider, &body).await;
        assert!(reason.contains("a list"), "{reason}");
    }
}

#[tokio::test]
async fn the_handler_decides_about_an_authentic_delivery_that_is_not_the_event() {
    let vwo = provider::vwo(secret()).fallible();
    let verified = deliver(&vwo, r#"{"settings":{}}"#)
        .await
        .expect("a verified delivery");
    assert_eq!(&verified.body()[..], br#"{"settings":{}}"#);
    let error = verified.event().as_ref().expect_err("not the event");
    assert_eq!(error.to_string(), "`event` is missing: expected a text");
    assert_eq!(error.field(), Some("event"));

    let verified = deliver(&vwo, r#"{"event":"settings_changed"}"#)
        .await
        .expect("a delivery");
    assert_eq!(
        verified
            .event()
            .as_ref()
            .map(|event| event.event.as_str())
            .ok(),
        Some("settings_changed")
    );

    // A forged delivery is rejected as before.
    let response = WebhookAuthLayer::new(vwo)
        .layer(common::Inner::default())
        .oneshot(
            http::Request::post("/")
                .header("x-vwo-auth", "wrong")
                .body(http_body_util::Full::<bytes::Bytes>::from("{}"))
                .expect("a request"),
        )
        .await
        .expect("an infallible service");
    assert_eq!(response.status(), http::StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_event_error_does_not_quote_the_body() {
    let body = r#"{"title":"confidential","number":"confidential"}"#;
    #[derive(Clone, Debug, Deserialize)]
    #[expect(dead_code, reason = "never read")]
    struct Numbered {
        number: u32,
    }
    let github = provider::github(secret()).json::<Numbered>().fallible();
    let verified = deliver(&github, body).await.expect("a delivery");
    let error = verified.event().as_ref().expect_err("not the event");
    assert_eq!(error.to_string(), "the body is not the expected event");
    assert!(!format!("{error:?}").contains("confidential"));
    let source = std::error::Error::source(error).expect("the parser's error");
    assert!(source.to_string().contains("confidential"), "{source}");
}

#[tokio::test]
async fn a_preset_with_an_event_can_give_the_bytes() {
    let verified = deliver(&provider::unleash(secret()).bytes(), "feature-created on x").await;
    assert_eq!(
        &verified.expect("a delivery").event()[..],
        b"feature-created on x"
    );
}

fn secret() -> Secret {
    Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4").expect("a secret")
}

async fn receive<E>(provider: &Provider<E>, body: &str) -> E
where
    E: Clone + Send + Sync + 'static,
{
    match deliver(provider, body).await {
        Ok(verified) => verified.into_event(),
        Err(rejection) => panic!("{rejection}: {:?}", std::error::Error::source(&rejection)),
    }
}

/// Why an authentic body is answered with 422.
async fn reason<E: Clone + Send + Sync + 'static>(provider: &Provider<E>, body: &str) -> String {
    let Err(rejection) = deliver(provider, body).await else {
        panic!("{body} was accepted");
    };
    assert_eq!(rejection.kind(), RejectionKind::EventUnparseable, "{body}");
    let source = std::error::Error::source(&rejection).expect("a cause");
    source.to_string()
}

/// Signs the body as the sender would, and delivers it.
async fn deliver<E>(
    provider: &Provider<E>,
    body: impl AsRef<[u8]>,
) -> Result<Verified<E>, Rejection>
where
    E: Send + Sync + 'static,
{
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let signer = Signer::new(provider, &secret()).expect("a signer").at(now);
    let response = WebhookAuthLayer::new(provider.clone())
        .clock(move || now)
        .layer(common::Inner::default())
        .oneshot(signer.request(body.as_ref().to_vec()))
        .await
        .expect("an infallible service");
    let extensions = response.extensions();
    match extensions.get::<Verified<E>>() {
        Some(verified) => Ok(verified.clone()),
        None => Err(extensions.get::<Rejection>().expect("a reason").clone()),
    }
}

#[test]
fn a_push_of_a_branch_is_told_from_one_of_a_tag() {
    let read = |reference: &str| {
        let body =
            json!({"ref": reference, "before": "a", "after": "b", "commits": []}).to_string();
        match github::Event::from_body(body.as_bytes()).expect("an event") {
            github::Event::Push(push) => (
                push.branch().map(str::to_owned),
                push.tag().map(str::to_owned),
            ),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read("refs/heads/a/b"), (Some("a/b".to_owned()), None));
    assert_eq!(read("refs/tags/v1"), (None, Some("v1".to_owned())));
}

/// These events are recognised by several fields together.
#[test]
fn an_event_with_a_part_of_the_fields_of_another_event_is_not_that_event() {
    let github = |body: Value| github::Event::from_body(body.to_string().as_bytes());
    let is_ping = |body| matches!(github(body), Ok(github::Event::Ping(_)));
    assert!(is_ping(json!({"zen": "Keep it simple.", "hook_id": 1})));
    assert!(!is_ping(json!({"zen": "Keep it simple."})));
    assert!(!is_ping(json!({"hook_id": 1})));

    let flagsmith = |body: Value| flagsmith::Event::from_body(body.to_string().as_bytes());
    let is_audit =
        |body| flagsmith(body).is_ok_and(|event| matches!(event.data, flagsmith::Data::Audit(_)));
    let (log, related) = ("New flag", "FEATURE");
    assert!(is_audit(
        json!({"log": log, "related_object_type": related})
    ));
    assert!(!is_audit(json!({})));
    assert!(!is_audit(json!({"log": log})));
    assert!(!is_audit(json!({"related_object_type": related})));
    let typed = json!({"event_type": "OTHER", "log": log, "related_object_type": related});
    assert!(!is_audit(typed));

    let growthbook = |body: Value| growthbook::Event::from_body(body.to_string().as_bytes());
    for field in ["text", "blocks", "content"] {
        let error = growthbook(json!({field: "a message"})).expect_err("no event");
        assert!(error.to_string().contains("Slack or Discord"), "{error}");
    }
    let error = growthbook(json!({})).expect_err("no event");
    assert_eq!(error.field(), Some("event"));
    assert!(growthbook(json!({"event": "feature.created", "text": "of a flag"})).is_ok());
}

/// A queue or a database stores the exact text.
#[test]
fn json_is_written_as_it_was_read() {
    const TEXT: &str = r#"{"a": 1.50, "b": [1e400]}"#;
    let json: Json = serde_json::from_str(TEXT).expect("JSON");
    assert_eq!(serde_json::to_string(&json).expect("JSON"), TEXT);
}

/// serde parses the fields of these types before it knows which type they have.
#[tokio::test]
async fn json_can_be_a_field_of_tagged_untagged_and_flattened_types() {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Adjacent {
        Paid { metadata: Json },
    }
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    #[serde(tag = "type")]
    enum Internal {
        Paid {
            data: Json,
            note: Option<Json>,
        },
        #[serde(other)]
        Unknown,
    }
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Paid { id: u64 },
        Other(Json),
    }
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Flattened {
        id: u64,
        #[serde(flatten)]
        rest: Json,
    }
    fn of<T: serde::de::DeserializeOwned>() -> Provider<T> {
        provider::github(secret()).json()
    }
    fn json(text: &str) -> Json {
        serde_json::from_str(text).expect("JSON")
    }
    const NUMBERS: &str = r#"{"least":-9223372036854775808,"most":18446744073709551615}"#;

    // With the tag first, serde has nothing to parse in advance, so the text stays as it is.
    let raw = Adjacent::Paid {
        metadata: json(r#"[1.50, {"b":1, "a":"\u00e9"}]"#),
    };
    let body = r#"{"type":"Paid","data":{"metadata":[1.50, {"b":1, "a":"\u00e9"}]}}"#;
    assert_eq!(receive(&of::<Adjacent>(), body).await, raw);
    let rewritten = Adjacent::Paid {
        metadata: json(r#"[1.5,{"a":"é","b":1}]"#),
    };
    let body = r#"{"data":{"metadata":[1.50, {"b":1, "a":"\u00e9"}]},"type":"Paid"}"#;
    assert_eq!(receive(&of::<Adjacent>(), body).await, rewritten);

    for (data, note) in [
        (NUMBERS, None),
        ("null", Some("\"x\"")),
        ("[true]", Some("{}")),
    ] {
        let member = note
            .map(|note| format!(r#","note":{note}"#))
            .unwrap_or_default();
        let body = format!(r#"{{"data":{data},"type":"Paid"{member}}}"#);
        let event = Internal::Paid {
            data: json(data),
            note: note.map(json),
        };
        assert_eq!(receive(&of::<Internal>(), &body).await, event);
    }
    let unknown = receive(&of::<Internal>(), r#"{"data":{},"type":"Failed"}"#).await;
    assert_eq!(unknown, Internal::Unknown);

    assert_eq!(
        receive(&of::<Untagged>(), r#"{"id":7}"#).await,
        Untagged::Paid { id: 7 }
    );
    let other = receive(&of::<Untagged>(), r#"{"key":7}"#).await;
    assert_eq!(other, Untagged::Other(json(r#"{"key":7}"#)));

    let flattened = receive(
        &of::<Flattened>(),
        r#"{"b":[null],"id":7,"a":"cut \ud83d"}"#,
    )
    .await;
    let rest = json("{\"a\":\"cut \u{fffd}\",\"b\":[null]}");
    assert_eq!(flattened, Flattened { id: 7, rest });
}
