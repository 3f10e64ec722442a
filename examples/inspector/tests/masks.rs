//! No answer of the console contains a secret or a whole signature, unless it is asked for.

mod common;

use common::Inspector;
use serde_json::{Value, json};

const GITHUB: &str = "It's a Secret to Everybody";
const VWO: &str = "the-shared-key-of-vwo";
const TYPED: &str = "a-secret-that-is-typed";

/// The example of GitHub's documentation.
const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const SIGNED: &str =
    "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const VWO_BODY: &str = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "a", "triggered_by": "vwo"}"#;

#[test]
fn no_answer_has_a_secret_or_a_whole_signature_until_it_is_revealed() {
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_GITHUB", GITHUB),
        ("WEBHOOK_SECRET_VWO", VWO),
    ]);
    let mut events = inspector.events();
    inspector.set_key("unleash", "default", TYPED);
    let deliver = |path: &str, headers: &[&str], body: &str| {
        inspector.deliver(path, headers, body.as_bytes()).status
    };
    assert_eq!(deliver("/in/github", &[SIGNED], "Hello, World!"), 200);
    assert_eq!(deliver("/in/github", &[SIGNED], "Hello, Mars!"), 401);
    assert_eq!(
        deliver("/in/vwo", &[&format!("x-vwo-auth: {VWO}")], VWO_BODY),
        200
    );
    // A key in a wrong header, in the header of a signature, in a header of every client, and in the query.
    assert_eq!(
        deliver("/in/vwo", &[&format!("x-vwo-key: {VWO}")], VWO_BODY),
        401
    );
    assert_eq!(
        deliver(
            "/in/github",
            &[&format!("x-hub-signature-256: {VWO}")],
            "{}"
        ),
        401
    );
    assert_eq!(
        deliver(
            "/in/any",
            &[
                &format!("authorization: Bearer {TYPED}"),
                &format!("cookie: a={TYPED}")
            ],
            "{}"
        ),
        503
    );
    assert_eq!(deliver(&format!("/in/vwo?a=1&key={VWO}"), &[], "{}"), 401);
    assert_eq!(
        deliver(&format!("/in/any/{VWO}"), &[], "{}"),
        503,
        "a key in the path"
    );
    let id = format!("x-github-delivery: {GITHUB}");
    assert_eq!(
        deliver("/in/github", &[SIGNED, &id], "Hello, World!"),
        200,
        "a key in the id"
    );
    let delivered: u64 = 9;
    for fault in ["genuine", "wrong_secret", "doubled"] {
        inspector.test("github", fault);
        inspector.test("vwo", fault);
    }
    let tested = delivered + 6;

    let mut said = inspector.hello().to_string();
    for id in 1..=tested {
        said += &inspector.explained(id).to_string();
    }
    for body in [
        json!({ "sender": "github", "secret": TYPED }),
        json!({ "sender": "vwo" }),
        json!({ "sender": "slack", "secret": "x" }),
    ] {
        said += &inspector.ok("POST", "/deliveries/1/try", body).to_string();
    }
    for id in [1, 3] {
        said += inspector.get(&format!("/deliveries/{id}/vector")).text();
        said += inspector.get(&format!("/deliveries/{id}/test")).text();
    }
    // Of a shared key, the line names the variable.
    said += inspector.get("/deliveries/3/curl").text();
    for _ in 0..tested {
        said += &events.next_of("delivery").to_string();
    }
    let secrets = [GITHUB, VWO, TYPED, SIGNATURE, &SIGNATURE[..24]];
    for secret in secrets {
        assert!(!said.contains(secret), "{secret:?} is in an answer");
    }

    let headers = inspector.detail(1)["headers"].clone();
    let index = headers
        .as_array()
        .expect("a list")
        .iter()
        .position(|header| header["name"] == "x-hub-signature-256");
    let index = index.expect("the header");
    assert_eq!(
        headers[index],
        json!({ "name": "x-hub-signature-256", "role": "signature", "masked": true, "value": "sha256=7571…(64 characters)" })
    );
    let revealed = inspector.ok(
        "POST",
        &format!("/deliveries/1/reveal/{index}"),
        Value::Null,
    );
    assert_eq!(revealed, json!({ "value": format!("sha256={SIGNATURE}") }));
    assert_eq!(
        inspector
            .get(&format!("/deliveries/1/reveal/{index}"))
            .status,
        405,
        "only a POST reveals"
    );
    assert_eq!(
        inspector
            .api("POST", "/deliveries/1/reveal/99", None)
            .status,
        404
    );

    let by_query = inspector.detail(7);
    assert_eq!(
        (&by_query["query"], &by_query["query_masked"]),
        (&json!("a=1&key=••••••••"), &json!(true))
    );
    let revealed = inspector.ok("POST", "/deliveries/7/reveal/query", Value::Null);
    assert_eq!(revealed["value"], format!("a=1&key={VWO}"));
    let by_path = inspector.detail(8);
    assert_eq!(
        (&by_path["path"], &by_path["path_masked"]),
        (&json!("/in/any/••••••••"), &json!(true))
    );
    let revealed = inspector.ok("POST", "/deliveries/8/reveal/path", Value::Null);
    assert_eq!(revealed["value"], format!("/in/any/{VWO}"));
}

#[test]
fn the_headers_have_the_roles_that_the_sender_gives_them() {
    let inspector = Inspector::start(&[]);
    for (sender, roles) in [
        (
            "github",
            &[
                ("x-hub-signature-256", "signature"),
                ("x-github-delivery", "id"),
                ("x-github-event", "event"),
            ][..],
        ),
        (
            "slack",
            &[
                ("x-slack-signature", "signature"),
                ("x-slack-request-timestamp", "timestamp"),
            ],
        ),
        (
            "standard_webhooks",
            &[
                ("webhook-signature", "signature"),
                ("webhook-id", "id"),
                ("webhook-timestamp", "timestamp"),
            ],
        ),
        ("vwo", &[("x-vwo-auth", "key")]),
    ] {
        inspector.ok(
            "PUT",
            &format!("/senders/{sender}/keys/default"),
            json!({ "generate": true }),
        );
        let detail = inspector.detail(inspector.test(sender, "genuine"));
        let headers = detail["headers"].as_array().expect("a list");
        for (name, role) in roles {
            let header = headers.iter().find(|header| header["name"] == *name);
            let header = header.unwrap_or_else(|| panic!("{sender} has no {name}: {headers:?}"));
            assert_eq!(header["role"], *role, "{sender}, {name}");
            assert_eq!(
                header["masked"],
                matches!(*role, "signature" | "key"),
                "{sender}, {name}"
            );
        }
    }
}
