//! Every sender of the catalogue that can be signed: its test deliveries get the right verdict.

mod common;

use common::Inspector;
use serde_json::{Value, json};

/// Senders that may send their header several times, one value for each key.
const MAY_REPEAT: [&str; 1] = ["mollie"];

#[test]
fn each_test_delivery_of_each_sender_gets_the_right_verdict() {
    let inspector = Inspector::start(&[]);
    let hello = inspector.hello();
    let senders = hello["senders"].as_array().expect("a list");
    let (mut deliveries, mut signed, mut wrong) = (0, 0, Vec::new());
    for sender in senders {
        let name = sender["name"].as_str().expect("a name");
        let faults = sender["faults"].as_array().expect("a list");
        assert_eq!(faults.is_empty(), sender["can_sign"] == false, "{name}");
        if faults.is_empty() {
            let answer = inspector.api(
                "POST",
                "/test",
                Some(&json!({ "sender": name, "fault": "genuine" })),
            );
            assert_eq!(answer.status, 409, "{name}: {answer:?}");
            continue;
        }
        signed += 1;
        let made = inspector.ok(
            "PUT",
            &format!("/senders/{name}/keys/default"),
            json!({ "generate": true }),
        );
        assert!(made["secret"].is_string(), "{name}");
        for fault in faults {
            let fault = fault.as_str().expect("a fault");
            let id = inspector.test(name, fault);
            let delivery = inspector.detail(id);
            deliveries += 1;
            let (code, answered) = expected(sender, fault);
            if delivery["code"] != code || delivery["answered"] != answered {
                wrong.push(format!(
                    "{name}, {fault}: {}, expected {code}",
                    delivery["verdict"]
                ));
            }
        }
        inspector.ok("DELETE", "/deliveries", Value::Null);
    }
    println!(
        "{signed} of {} senders are signed: {deliveries} deliveries, {} wrong",
        senders.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong verdicts:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        signed >= 220 && deliveries >= 6 * signed,
        "{signed} senders, {deliveries} deliveries"
    );
}

fn expected(sender: &Value, fault: &str) -> (&'static str, u16) {
    let is_shared_key = sender["kind"] == "shared_key";
    let is_token = sender["algorithm"]
        .as_str()
        .is_some_and(|algorithm| algorithm.starts_with("JWT"));
    let name = sender["name"].as_str().expect("a name");
    let signs_form = sender["signed"]
        .as_str()
        .is_some_and(|signed| signed.contains("{sorted form}"));
    // A shared key, a signature over headers, or a token without a digest of the body.
    let covers_nothing = sender["covers_body"] == false && !signs_form;
    let may_repeat = MAY_REPEAT.contains(&name);
    match fault {
        "genuine" => ("verified", 200),
        "newline" | "tampered" | "reprinted" if covers_nothing => ("verified", 200),
        // A token is valid, and contains the digest of another body.
        "newline" | "tampered" | "reprinted" if is_token => ("body_hash_mismatch", 401),
        "newline" | "tampered" | "reprinted" => ("signature_mismatch", 401),
        "wrong_secret" if is_shared_key => ("key_mismatch", 401),
        "wrong_secret" => ("signature_mismatch", 401),
        "unsigned" if sender["headers"] == json!([]) => match sender["places"][0].as_str() {
            Some(place) if place.starts_with("query") => ("parameter_missing", 401),
            _ => ("body_malformed", 401),
        },
        "unsigned" => ("header_missing", 401),
        "old" => ("timestamp_too_old", 401),
        "doubled" if may_repeat => ("verified", 200),
        "doubled" => ("header_duplicated", 401),
        other => panic!("the fault {other} is not known"),
    }
}
