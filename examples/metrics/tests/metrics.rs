//! The whole program: deliveries, and the counters that Prometheus reads.

use support::testing::{BODY, FORGED, Program, SECRET, SIGNATURE};

#[test]
fn accepted_and_rejected_deliveries_are_counted_by_key_and_by_reason() {
    let variables = [("OPTIMIZELY_WEBHOOK_SECRET", SECRET)];
    let mut server = Program::start(env!("CARGO_BIN_EXE_metrics"), &variables);
    let path = "/webhooks/optimizely";
    let rejected = |reason: &str, count: u32| {
        format!("webhook_rejected_total{{provider=\"optimizely\",reason=\"{reason}\"}} {count}\n")
    };
    // Every reason has a counter before its first rejection.
    let text = server.get_text("/metrics");
    assert!(text.contains(&rejected("signature_mismatch", 0)), "{text}");

    assert_eq!(server.post(path, &[SIGNATURE], BODY), 200);
    server.line();
    assert_eq!(server.post(path, &[FORGED], BODY), 401);
    assert_eq!(server.post(path, &[FORGED], BODY), 401);
    assert_eq!(server.post(path, &[], BODY), 401);
    let text = server.get_text("/metrics");
    let accepted = "webhook_accepted_total{key=\"default\",provider=\"optimizely\"} 1\n";
    assert!(text.contains(accepted), "{text}");
    assert!(text.contains(&rejected("signature_mismatch", 2)), "{text}");
    assert!(text.contains(&rejected("header_missing", 1)), "{text}");
    server.stop();
}
