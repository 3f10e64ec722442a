//! Bodies as the vendors show them, signed, through the layer, to the events of the presets.
#![cfg(feature = "testing")]

mod common;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Provider, Rejection, RejectionKind, Secret, Verified, WebhookAuthLayer,
    provider::{
        self, amplitude, flagsmith, flipt, go_feature_flag, growthbook, launchdarkly, optimizely,
        statsig, unleash, vwo,
    },
    testing::Signer,
};

#[tokio::test]
async fn optimizely_tells_of_a_new_datafile() {
    // The body of the vendor's page, in the bytes that its example signs.
    let event: optimizely::Event = receive(
        &provider::optimizely(secret()),
        r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#,
    )
    .await;
    assert_eq!(event.project_id, 11_387_641_093);
    assert_eq!(event.timestamp, 1_558_138_293);
    assert_eq!(event.event, optimizely::EventName::DatafileUpdated);
    let datafile = event.datafile().expect("a datafile");
    assert_eq!(datafile.revision, 13);
    assert_eq!(datafile.environment.as_deref(), Some("Production"));
    assert_eq!(
        datafile.cdn_url,
        "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json"
    );
}

#[tokio::test]
async fn optimizely_once_named_no_environment() {
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
async fn what_optimizely_does_not_document_breaks_nothing() {
    let optimizely = provider::optimizely(secret());
    for (name, data) in [
        (
            "project.approval_created",
            json!([{"change_type": "update", "changes": []}]),
        ),
        ("flag.updated", json!({"key": "checkout"})),
        ("flag.archived", json!("text")),
        ("something.new", Value::Null),
        // What looks like a datafile is none, unless the event says so.
        (
            "something.newer",
            json!({"revision": 1, "origin_url": "o", "cdn_url": "c"}),
        ),
    ] {
        let body = json!({
            "project_id": 42,
            "timestamp": 42424242,
            "event": name,
            "data": data,
            "added_later": {"by": "the vendor"},
        });
        let event = receive(&optimizely, &body.to_string()).await;
        assert_eq!(event.event.as_str(), name);
        assert_eq!(event.data, optimizely::Data::Json(data));
        assert_eq!(event.datafile(), None);
    }
    let event = receive(
        &optimizely,
        r#"{"project_id":42,"timestamp":1,"event":"x"}"#,
    )
    .await;
    assert_eq!(event.data, optimizely::Data::Json(Value::Null));

    let snippet = r#"{"project_id":42,"timestamp":1,"event":"project.snippet_updated","data":{"revision":7,"cdn_url":"c","origin_url":"o","added_later":1}}"#;
    let event = receive(&optimizely, snippet).await;
    assert_eq!(event.event, optimizely::EventName::SnippetUpdated);
    assert_eq!(event.event.as_str(), "project.snippet_updated");
    assert!(matches!(event.data, optimizely::Data::Datafile(snippet) if snippet.revision == 7));
}

/// The preset reads a datafile's event in a way of its own.
#[tokio::test]
async fn an_optimizely_event_is_the_same_however_it_is_read() {
    let optimizely = provider::optimizely(secret());
    for (name, data) in [
        (
            "project.datafile_updated",
            r#"{"revision":1,"origin_url":"o","cdn_url":"c"}"#,
        ),
        (
            "project.datafile_\\u0075pdated",
            r#"{"revision":1,"origin_url":"\u00fc","cdn_url":"c","environment":null}"#,
        ),
        ("flag.updated", r#"{"key":["checkout"]}"#),
    ] {
        for body in [
            format!(r#"{{"data":{data},"event":"{name}","project_id":42,"timestamp":1}}"#),
            format!(r#"{{"event":"{name}","project_id":42,"timestamp":1,"data":{data}}}"#),
        ] {
            let event = receive(&optimizely, &body).await;
            let value = serde_json::from_str::<Value>(&body).expect("JSON");
            assert_eq!(serde_json::from_str(&body).ok(), Some(event.clone()));
            assert_eq!(
                serde_json::from_reader(body.as_bytes()).ok(),
                Some(event.clone())
            );
            assert_eq!(serde_json::from_value(value).ok(), Some(event));
        }
    }
}

#[tokio::test]
async fn a_datafile_event_without_a_datafile_is_authentic_and_unparseable() {
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
async fn what_is_not_utf8_matters_only_where_it_is_read() {
    let vwo = provider::vwo(secret());
    let unread = b"{\"timestamp\":1,\"event\":\"settings_changed\",\"note\":\"\xff\"}";
    let event = deliver(&vwo, unread).await.expect("an event").into_event();
    assert_eq!(event.timestamp, 1);

    let read = b"{\"timestamp\":1,\"event\":\"settings\xff\"}";
    let rejection = deliver(&vwo, read).await.expect_err("not a text");
    assert_eq!(rejection.kind(), RejectionKind::EventUnparseable);
}

#[tokio::test]
async fn vwo_tells_that_settings_changed() {
    let event: vwo::Event = receive(
        &provider::vwo(secret()),
        "{\n  \"timestamp\": 1606482285,\n  \"event\": \"settings_changed\",\n  \"action\": \"campaign_settings_changed\",\n  \"triggered_by\": \"vwo\"\n}",
    )
    .await;
    assert_eq!(event.timestamp, 1_606_482_285);
    assert_eq!(event.event, "settings_changed");
    assert_eq!(event.action.as_deref(), Some("campaign_settings_changed"));
    assert_eq!(event.triggered_by.as_deref(), Some("vwo"));

    let bare = r#"{"timestamp":1,"event":"settings_changed","added_later":[]}"#;
    assert_eq!(receive(&provider::vwo(secret()), bare).await.action, None);
}

#[tokio::test]
async fn optimizely_cmp_sends_json() {
    let event = receive(&provider::optimizely_cmp(secret()), r#"{"event_name":"x"}"#).await;
    assert_eq!(event["event_name"], "x");
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
    assert_eq!(event.date, 1_472_243_938_774);
    assert_eq!(event.kind, "environment");
    assert_eq!(event.name.as_deref(), Some("Testing"));
    assert_eq!(event.accesses[0].action, "updateName");
    assert_eq!(event.accesses[0].resource, "proj/alexis:env/test");
    assert_eq!(event.title_verb.as_deref(), Some("changed the name of"));
    let member = event.member.expect("a member");
    assert_eq!(
        member.email.as_deref(),
        Some("sample-member@launchdarkly.com")
    );
    assert_eq!(event.target["name"], "Testing");
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
    assert_eq!((old.enabled, new.enabled), (false, true));
    assert_eq!(old.feature_state_value, 12);
    let feature = new.feature.expect("a flag");
    assert_eq!((feature.id, feature.name.as_str()), (7168, "butter_bar"));
    assert_eq!(new.environment.expect("an environment").name, "Development");
}

#[tokio::test]
async fn what_flagsmith_does_not_document_breaks_nothing() {
    let flagsmith = provider::flagsmith(secret());
    let deleted = r#"{"data":{"changed_by":"a","previous_state":{"enabled":true}},"event_type":"FLAG_DELETED"}"#;
    let event = receive(&flagsmith, deleted).await;
    assert!(matches!(event.data, flagsmith::Data::Flag(flag) if flag.new_state.is_none()));
    for body in [
        r#"{"data":{"log":"New Flag created: my_feature"},"event_type":"AUDIT_LOG_CREATED"}"#,
        r#"{"data":{"uuid":"u"},"event_type":"NEW_VERSION_PUBLISHED"}"#,
        r#"{"event_type":"SOMETHING_NEW"}"#,
    ] {
        let event = receive(&flagsmith, body).await;
        assert!(matches!(event.data, flagsmith::Data::Json(_)), "{body}");
    }
}

#[tokio::test]
async fn flagsmith_tracks_changes_as_sentry_takes_them_in() {
    let changes: flagsmith::Changes = receive(
        &provider::flagsmith_change_tracking(secret()),
        r#"{"data": [{"action": "updated", "change_id": "23", "created_at": "2025-01-02T03:04:05+00:00", "created_by": {"id": "app@flagsmith.com", "type": "email"}, "flag": "butter_bar"}], "meta": {"version": 1}}"#,
    )
    .await;
    let [change] = &changes.data[..] else {
        panic!("one change");
    };
    assert_eq!(
        (change.action.as_str(), change.flag.as_str()),
        ("updated", "butter_bar")
    );
    assert_eq!(change.created_at, "2025-01-02T03:04:05+00:00");
    assert_eq!(change.created_by.as_ref().expect("an author").kind, "email");
}

#[tokio::test]
async fn statsig_sends_changes_and_exposures() {
    let statsig = provider::statsig(secret());
    let changed: statsig::Events = receive(
        &statsig,
        r#"{"data":[{"user":{"name":"Joe Zeng","email":"joe@statsig.com"},"timestamp":1671672134833,"eventName":"statsig::config_change","metadata":{"type":"Gate","name":"test","description":"- Updated Rule test rollout from 100.00% to 10.00%","environment":"production"}}]}"#,
    )
    .await;
    let event = &changed.data[0];
    assert_eq!(event.timestamp, Some(1_671_672_134_833));
    assert_eq!(event.user["email"], "joe@statsig.com");
    let change = event.config_change().expect("a change");
    assert_eq!(
        (change.kind.as_str(), change.name.as_str()),
        ("Gate", "test")
    );
    assert_eq!(change.environment.as_deref(), Some("production"));

    // The vendor's page shows exposures as a bare list, and their time as text.
    let exposed = receive(
        &statsig,
        r#"[{"eventName":"statsig::gate_exposure","user":{"userID":"a_user"},"userID":"a_user","timestamp":"1655231253265","statsigMetadata":{},"value":"","metadata":{"gate":"a_gate","gateValue":"false","ruleID":"default"},"unitID":"userID"},{"eventName":"page_view"}]"#,
    )
    .await;
    assert_eq!(exposed.data[0].timestamp, Some(1_655_231_253_265));
    assert_eq!(exposed.data[0].metadata["gate"], "a_gate");
    assert_eq!(exposed.data[0].config_change(), None);
    assert_eq!(exposed.data[1].timestamp, None);
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
async fn growthbook_sends_what_it_was_told_to_send() {
    use growthbook::SdkEvent;

    let sdk = provider::growthbook_sdk(secret());
    let body = r#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z","data":{"payload":"{\"features\":{\"my-feature\":{\"defaultValue\":true}}}"}}"#;
    let SdkEvent::PayloadChanged(changed) = receive(&sdk, body).await else {
        panic!("the standard body");
    };
    assert_eq!(changed.timestamp, "2024-04-03T01:54:20.449Z");
    let features = changed.data.expect("data").payload.expect("features");
    assert!(features.starts_with(r#"{"features""#));

    let without = r#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z"}"#;
    let event = receive(&sdk, without).await;
    assert!(matches!(event, SdkEvent::PayloadChanged(changed) if changed.data.is_none()));
    assert_eq!(receive(&sdk, "").await, SdkEvent::Empty);
    let raw = json!({"features": {}});
    assert_eq!(receive(&sdk, &raw.to_string()).await, SdkEvent::Json(raw));

    let event: growthbook::Event = receive(
        &provider::growthbook_event(secret()),
        r#"{"event":"feature.created","object":"feature","added_later":1}"#,
    )
    .await;
    assert_eq!(event.event, "feature.created");
    assert_eq!(event.object.as_deref(), Some("feature"));
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
    assert_eq!(event.data["strategies"][0]["name"], "default");
    assert_eq!(event.pre_data, Value::Null);
}

#[tokio::test]
async fn featbit_sends_what_the_template_makes() {
    let event = receive(
        &provider::featbit(secret()),
        r#"{"events":["feature_flag.toggled"]}"#,
    )
    .await;
    assert_eq!(event["events"][0], "feature_flag.toggled");
}

#[tokio::test]
async fn configcat_may_send_nothing() {
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
    assert_eq!(notified.meta["hostname"], "toto");
    let flags = notified.flags.expect("flags");
    assert!(flags.added.contains_key("test-flag3") && flags.deleted.contains_key("test-flag"));
    assert_eq!(flags.updated["test-flag2"].new_value["disable"], true);

    let exported = receive(
        &provider,
        r#"{"meta":{"hostname":"hostname"},"events":[{"kind":"feature","userKey":"ABCD","key":"random-key"}]}"#,
    )
    .await;
    assert_eq!(exported.flags, None);
    assert_eq!(exported.events[0]["userKey"], "ABCD");
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
        (empty.kind.as_str(), empty.action.as_str()),
        ("flag", "create")
    );
    assert_eq!(empty.metadata.actor, None);

    let event = receive(
        &flipt,
        r#"{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"none","ip":"172.17.0.1"}},"payload":{"key":"this-flag"},"timestamp":"2023-07-03T22:38:55Z","status":"success"}"#,
    )
    .await;
    let actor = event.metadata.actor.expect("an actor");
    assert_eq!(
        (actor.ip.as_str(), actor.email.as_str()),
        ("172.17.0.1", "")
    );
    assert_eq!(event.payload["key"], "this-flag");
}

#[tokio::test]
async fn amplitude_tells_what_happened_to_a_flag() {
    let event: amplitude::Event = receive(
        &provider::amplitude_experiment(secret()),
        r#"{"flagId":1,"flagName":"my-flag","scope":"project","action":"updated","modifiedBy":"a@b.c","flag":{"enabled":true},"oldFlag":{"enabled":false}}"#,
    )
    .await;
    assert_eq!(event.flag_name, "my-flag");
    assert_eq!(event.action.as_deref(), Some("updated"));
    assert_eq!(
        (
            event.flag["enabled"].clone(),
            event.old_flag["enabled"].clone()
        ),
        (true.into(), false.into())
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
