//! Verdicts: several keys, keys that come later, any sender, set-up requests, causes.

mod common;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use common::Inspector;
use http::Request;
use serde_json::{Value, json};
use tower_webhook_auth::{Secret, provider, testing::Signer};

const GITHUB: &str = "It's a Secret to Everybody";
const SIGNED: &str =
    "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// The headers of a delivery, signed at this time.
fn signed(sender: &str, secret: &str, body: &'static str, at: SystemTime) -> Vec<String> {
    let secret = Secret::new(secret).expect("a secret");
    let provider = provider::by_name(sender, secret.clone(), None).expect("a provider");
    let signer = Signer::new(&provider, &secret).expect("a signer").at(at);
    let request = signer
        .try_sign(Request::new(Bytes::from(body)))
        .expect("signed");
    let headers = request.headers().iter();
    headers
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect()
}

fn deliver(inspector: &Inspector, path: &str, headers: &[String], body: &str) -> u16 {
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    inspector.deliver(path, &headers, body.as_bytes()).status
}

#[test]
fn each_of_several_keys_verifies_and_the_verdict_names_it() {
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_GITHUB", "the new one"),
        ("WEBHOOK_SECRET_GITHUB_OLD", GITHUB),
    ]);
    assert_eq!(
        inspector
            .deliver("/in/github", &[SIGNED], b"Hello, World!")
            .status,
        200
    );
    let verdict = &inspector.detail(1)["verdict"];
    assert_eq!(
        (&verdict["key"], &verdict["body_is_signed"]),
        (&json!("old"), &json!(true))
    );
    let hello = inspector.hello();
    let senders = hello["senders"].as_array().expect("a list");
    let github = senders
        .iter()
        .find(|sender| sender["name"] == "github")
        .expect("GitHub");
    assert_eq!(
        github["keys"],
        json!([{ "name": "default", "from": "environment", "variable": "WEBHOOK_SECRET_GITHUB" }, { "name": "old", "from": "environment", "variable": "WEBHOOK_SECRET_GITHUB_OLD" }])
    );

    assert_eq!(
        inspector
            .api("DELETE", "/senders/github/keys/old", None)
            .status,
        204
    );
    let verdict = inspector.explained(1)["verdict"].clone();
    assert_eq!(
        (&verdict["code"], &verdict["tried"]),
        (&json!("signature_mismatch"), &json!(["default"]))
    );
}

#[test]
fn a_delivery_is_judged_when_its_secret_is_entered() {
    let inspector = Inspector::start(&[]);
    let body = r#"{"type":"event_callback"}"#;
    let headers = |at| signed("slack", "the secret", body, at);
    let now = SystemTime::now();
    for path in ["/in/slack", "/in/any"] {
        assert_eq!(deliver(&inspector, path, &headers(now), body), 503);
    }
    let before = inspector.detail(2);
    assert_eq!(
        (&before["state"], &before["sender"]),
        (&json!("unkeyed"), &json!("any"))
    );
    assert_eq!(before["verdict"]["looks_like"][0], "slack");
    let old = now - Duration::from_secs(302);
    assert_eq!(deliver(&inspector, "/in/slack", &headers(old), body), 503);

    let mut events = inspector.events();
    inspector.set_key("slack", "default", "the secret");
    for id in [1, 2] {
        let detail = inspector.detail(id);
        assert_eq!(
            (&detail["state"], &detail["sender"], &detail["answered"]),
            (&json!("verified"), &json!("slack"), &json!(503)),
            "{detail}"
        );
    }
    let late = inspector.explained(3)["verdict"].clone();
    assert_eq!(
        (&late["code"], &late["cause"]["code"]),
        (&json!("timestamp_too_old"), &json!("skew"))
    );
    let skew = late["skew_ms"].as_i64().expect("a skew");
    assert!((302_000..360_000).contains(&skew), "{skew}");
    let mut changed = [1, 2, 3].map(|_| events.next_of("changed")["id"].as_u64());
    changed.sort_unstable();
    assert_eq!(changed, [Some(1), Some(2), Some(3)]);

    assert_eq!(
        inspector
            .api("DELETE", "/senders/slack/keys/default", None)
            .status,
        204
    );
    let forgotten: Vec<Value> = (1..=3)
        .map(|id| inspector.detail(id)["state"].clone())
        .collect();
    assert_eq!(forgotten, ["unkeyed", "unkeyed", "unkeyed"]);
}

#[test]
fn a_delivery_to_any_is_verified_by_the_sender_whose_key_matches() {
    // Both senders use the header X-Hub-Signature-256.
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_META", "of meta"),
        ("WEBHOOK_SECRET_GITHUB", GITHUB),
    ]);
    assert_eq!(
        inspector
            .deliver("/in/any/with/a/path?x=1", &[SIGNED], b"Hello, World!")
            .status,
        200
    );
    let detail = inspector.detail(1);
    assert_eq!(
        (&detail["sender"], &detail["addressed"], &detail["path"]),
        (
            &json!("github"),
            &json!("any"),
            &json!("/in/any/with/a/path")
        )
    );
    assert_eq!(
        inspector
            .deliver("/in/any", &[SIGNED], b"Hello, Mars!")
            .status,
        401
    );
    assert_eq!(
        inspector
            .deliver("/in/nobody", &[SIGNED], b"Hello, World!")
            .status,
        404
    );
}

#[test]
fn a_demonstration_key_rejects_no_delivery_and_a_real_key_replaces_it() {
    let inspector = Inspector::start(&[]);
    let signature = format!("x-hub-signature: sha1={}", "0".repeat(40));
    assert_eq!(
        inspector
            .deliver("/in/optimizely", &[&signature], b"{}")
            .status,
        503
    );
    assert_eq!(inspector.detail(1)["state"], "unkeyed");
    inspector.set_key("optimizely", "default", "a secret");
    assert_eq!(inspector.explained(1)["code"], "signature_mismatch");
}

#[test]
fn the_cause_of_a_rejection_is_found_afterwards() {
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_GITHUB", "It's a Secret to Everbody"),
        ("WEBHOOK_SECRET_GITLAB_TOKEN", GITHUB),
        ("WEBHOOK_SECRET_GITEA", "another"),
    ]);
    assert_eq!(
        inspector
            .deliver("/in/github", &[SIGNED], b"Hello, World!")
            .status,
        401
    );
    let detail = inspector.explained(1);
    let cause = &detail["verdict"]["cause"];
    assert_eq!(
        (&cause["state"], &cause["code"], &cause["verified"]),
        (&json!("found"), &json!("key_text"), &json!(true)),
        "{cause}"
    );
    assert_eq!(detail["about"], "text of the secret");

    // The secret of another sender.
    inspector.set_key("github", "default", "wrong");
    let cause = inspector.explained(1)["verdict"]["cause"].clone();
    assert_eq!(
        (
            &cause["code"],
            cause["text"]
                .as_str()
                .is_some_and(|text| text.contains("GitLab"))
        ),
        (&json!("other_key"), true),
        "{cause}"
    );

    // No cause.
    let nothing = format!("x-hub-signature-256: sha256={}", "0".repeat(64));
    assert_eq!(
        inspector
            .deliver("/in/github", &[&nothing], b"Hello, World!")
            .status,
        401
    );
    let cause = inspector.explained(2)["verdict"]["cause"].clone();
    assert_eq!(
        (&cause["state"], cause["tried"].as_u64() > Some(100)),
        (&json!("unknown"), true),
        "{cause}"
    );
}

#[test]
fn the_event_of_the_handler_is_shown_and_a_body_that_is_no_event_gets_422() {
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_VWO", "the-key"),
        ("WEBHOOK_SECRET_GITHUB", GITHUB),
    ]);
    let body = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "a", "triggered_by": "vwo"}"#;
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: the-key"], body.as_bytes())
            .status,
        200
    );
    let verdict = inspector.detail(1)["verdict"].clone();
    assert_eq!(
        (
            &verdict["event_type"],
            &verdict["event_by_choice"],
            &verdict["authentication"]
        ),
        (&json!("vwo::Event"), &json!(false), &json!("shared_key"))
    );
    assert!(
        verdict["event"]
            .as_str()
            .is_some_and(|event| event.contains("settings_changed")),
        "{verdict}"
    );
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: the-key"], b"[")
            .status,
        422
    );
    let verdict = inspector.detail(2)["verdict"].clone();
    assert_eq!(verdict["code"], "event_unparseable");
    assert!(verdict["detail"].is_string(), "{verdict}");

    // GitHub's type is used by choice, and this body is not one.
    assert_eq!(
        inspector
            .deliver("/in/github", &[SIGNED], b"Hello, World!")
            .status,
        200
    );
    let verdict = inspector.detail(3)["verdict"].clone();
    assert_eq!(
        (
            &verdict["event_type"],
            &verdict["event_by_choice"],
            &verdict["event"]
        ),
        (&json!("github::Event"), &json!(true), &Value::Null)
    );
}

#[test]
fn it_would_match_with_another_secret_sender_or_url() {
    let inspector = Inspector::start(&[]);
    assert_eq!(
        inspector
            .deliver("/in/meta", &[SIGNED], b"Hello, World!")
            .status,
        503
    );
    let would = |body: Value| inspector.ok("POST", "/deliveries/1/try", body);
    assert_eq!(
        would(json!({ "sender": "github", "secret": GITHUB }))["state"],
        "verified"
    );
    let wrong = would(json!({ "sender": "github", "secret": "It's a Secret to Everybod" }));
    assert_eq!(
        (&wrong["code"], &wrong["cause"]["code"]),
        (&json!("signature_mismatch"), &json!("key_text"))
    );
    let held = inspector.api(
        "POST",
        "/deliveries/1/try",
        Some(&json!({ "sender": "github" })),
    );
    assert_eq!(held.status, 409, "no key is entered");
    assert_eq!(
        inspector.detail(1)["state"],
        "unkeyed",
        "nothing is kept of it"
    );
    assert_eq!(
        inspector.hello()["senders"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|sender| sender["keys"] != json!([]))
            .count(),
        1
    );

    // Square signs the URL.
    inspector.set_key("square", "default", "the secret of square");
    let id = inspector.test("square", "genuine");
    let path = format!("/deliveries/{id}/try");
    let url = "https://example.com/hook";
    let other = inspector.ok("POST", &path, json!({ "sender": "square", "url": url }));
    assert_eq!(other["code"], "signature_mismatch");
    let own = format!("http://{}/in/square", inspector.inbox);
    assert_eq!(
        inspector.ok("POST", &path, json!({ "sender": "square", "url": own }))["state"],
        "verified"
    );
    assert_eq!(
        inspector
            .api(
                "POST",
                &path,
                Some(&json!({ "sender": "square", "url": "no URL" }))
            )
            .status,
        400
    );
    inspector.ok("PUT", "/senders/square/url", json!({ "url": url }));
    assert_eq!(
        inspector.detail(id)["code"],
        "signature_mismatch",
        "it is judged again"
    );
    assert_eq!(
        inspector.detail(inspector.test("square", "genuine"))["state"],
        "verified"
    );
    inspector.ok("PUT", "/senders/square/url", json!({ "url": null }));
    assert_eq!(inspector.detail(id)["state"], "verified");
}

#[test]
fn set_up_requests_are_answered_and_marked() {
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_ZOOM", "the secret token"),
        ("WEBHOOK_SECRET_SLACK", "slack secret"),
        ("WEBHOOK_SECRET_X", "consumer secret"),
    ]);
    let get = |path: &str, header: &str| {
        let headers = [format!("host: {}", inspector.inbox), header.to_owned()];
        common::request(inspector.inbox, "GET", path, &headers, b"")
    };
    let meta = get(
        "/in/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=mine",
        "a: b",
    );
    assert_eq!((meta.status, meta.text()), (200, "1158201444"));
    let okta = get("/in/okta", "x-okta-verification-challenge: abc");
    assert_eq!(
        (okta.status, okta.json()),
        (200, json!({ "verification": "abc" }))
    );
    let dropbox = get("/in/dropbox?challenge=%3Cscript%3E", "a: b");
    assert_eq!(
        (dropbox.text(), dropbox.header("x-content-type-options")),
        ("<script>", Some("nosniff"))
    );
    let x = get("/in/x?crc_token=abc", "a: b");
    assert!(
        x.json()["response_token"]
            .as_str()
            .is_some_and(|token| token.starts_with("sha256="))
    );
    let headers = [format!("host: {}", inspector.inbox)];
    assert_eq!(
        common::request(inspector.inbox, "HEAD", "/in/trello", &headers, b"").status,
        200
    );

    let woocommerce = inspector.deliver(
        "/in/woocommerce",
        &["content-type: application/x-www-form-urlencoded"],
        b"webhook_id=17",
    );
    assert_eq!(woocommerce.status, 200);
    let asana = inspector.deliver(
        "/in/asana",
        &["x-hook-secret: b537207f20cbfa02357cf448134da559"],
        b"",
    );
    assert_eq!(
        (asana.status, asana.header("x-hook-secret")),
        (200, Some("b537207f20cbfa02357cf448134da559"))
    );
    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1}"#;
    let zoom = inspector.deliver(
        "/in/zoom",
        &strs(&signed("zoom", "the secret token", body, SystemTime::now())),
        body.as_bytes(),
    );
    assert_eq!(zoom.json()["plainToken"], "qgg8vlvZRS6UYooatFL8Aw");
    let body = r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}"#;
    let slack = inspector.deliver(
        "/in/slack",
        &strs(&signed("slack", "slack secret", body, SystemTime::now())),
        body.as_bytes(),
    );
    assert_eq!((slack.status, slack.text()), (200, "3eZbrw1aBm2rZgRNFdxV"));

    let hello = inspector.hello();
    let list = hello["deliveries"].as_array().expect("a list");
    for delivery in list {
        assert_eq!(
            (&delivery["state"], &delivery["answered"]),
            (&json!("handshake"), &json!(200)),
            "{delivery}"
        );
    }
    assert_eq!(list.len(), 9);
    let signed_ones: Vec<bool> = (1..=9)
        .map(|id| inspector.detail(id)["verdict"]["signed"] == true)
        .collect();
    assert_eq!(
        signed_ones,
        [false, false, false, false, false, false, false, true, true]
    );
    let zoom = inspector.detail(8);
    assert!(
        zoom["answer"]
            .as_str()
            .is_some_and(|answer| answer.contains("encryptedToken"))
    );

    // A request without a challenge is judged like every delivery.
    assert_eq!(get("/in/meta?hub.mode=subscribe", "a: b").status, 503);
    assert_eq!(get("/in/x?crc_token=%7B", "a: b").status, 401);
    let forged = inspector.deliver(
        "/in/slack",
        &[],
        br#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}"#,
    );
    assert_eq!(
        forged.status, 401,
        "an unsigned challenge of Slack is not answered"
    );
}

fn strs(headers: &[String]) -> Vec<&str> {
    headers.iter().map(String::as_str).collect()
}

#[test]
fn the_list_has_the_beginning_of_a_long_path_and_the_detail_has_all_of_it() {
    let inspector = Inspector::start(&[]);
    let path = format!("/in/any/{}", "x".repeat(5000));
    assert_eq!(inspector.deliver(&path, &[], b"{}").status, 503);
    let summary = inspector.hello()["deliveries"][0].clone();
    assert!(summary.to_string().len() <= 1024, "{summary}");
    let short = summary["path"].as_str().expect("a path");
    assert!(path.starts_with(short.trim_end_matches('…')) && short.ends_with('…'));
    assert_eq!(inspector.detail(1)["path"], path);
    let without_body = inspector.get("/deliveries/1?body=0").json();
    assert_eq!(
        (&without_body["body"], &inspector.detail(1)["body"]),
        (&Value::Null, &json!("e30="))
    );
}

/// HTTP/2 has the host in another place.
#[test]
fn the_inbox_and_the_console_speak_http_2() {
    let inspector = Inspector::start(&[]);
    let line = inspector
        .test_line
        .replace("curl -i", "curl -si --http2-prior-knowledge");
    let output = common::shell(&line, &[]);
    assert!(output.starts_with("HTTP/2 200"), "{output}");
    assert_eq!(inspector.detail(1)["version"], "HTTP/2.0");
    for (host, status) in [("127.0.0.1", 404), ("attacker.example", 421)] {
        let line = format!(
            "curl -si --http2-prior-knowledge --connect-to {host}:{port}:{} -H 'authorization: Bearer {}' \
             http://{host}:{port}/api/deliveries/9",
            inspector.console,
            inspector.token,
            port = inspector.console.port(),
        );
        let output = common::shell(&line, &[]);
        assert!(output.starts_with(&format!("HTTP/2 {status}")), "{output}");
    }
}

#[test]
fn a_form_is_shown_as_a_table() {
    let inspector = Inspector::start(&[]);
    inspector.deliver(
        "/in/slack",
        &["content-type: application/x-www-form-urlencoded"],
        b"token=a&text=b%20c",
    );
    let form = inspector.detail(1)["form"].clone();
    let field = |name: &str, value: &str| json!({ "name": name, "value": value, "file_name": null, "content_type": null, "size": value.len() });
    assert_eq!(
        form,
        json!({ "kind": "urlencoded", "fields": [field("token", "a"), field("text", "b c")], "more": 0 })
    );
}
