//! The tests of the examples that receive webhooks of Optimizely and VWO without a framework for routes.

use crate::testing::{self, BODY, FORGED, Program, SECRET, SIGNATURE, VWO_BODY};

const VARIABLES: [(&str, &str); 2] = [
    ("OPTIMIZELY_WEBHOOK_SECRET", SECRET),
    ("VWO_WEBHOOK_KEY", "the-key"),
];

/// Sends genuine and forged deliveries to both paths, and requests to other paths.
pub fn each_sender_has_its_own_layer_and_other_paths_have_none(executable: &str) {
    let mut server = Program::start(executable, &VARIABLES);
    let optimizely = "/webhooks/optimizely";
    assert_eq!(server.post(optimizely, &[SIGNATURE], BODY), 200);
    let printed = server.line();
    assert_eq!(printed, "project 11387641093: \"project.datafile_updated\"");
    assert_eq!(server.post(optimizely, &[FORGED], BODY), 401);
    let vwo_key = ("x-vwo-auth", "the-key");
    assert_eq!(server.post(optimizely, &[vwo_key], VWO_BODY), 401);

    let vwo = "/webhooks/vwo";
    assert_eq!(server.post(vwo, &[vwo_key], VWO_BODY), 200);
    assert_eq!(server.line(), "vwo: \"settings_changed\"");
    assert_eq!(server.post(vwo, &[vwo_key], "{"), 200);
    assert!(server.line().starts_with("vwo: not a known event: "));
    assert_eq!(server.post(vwo, &[("x-vwo-auth", "other")], VWO_BODY), 401);

    assert_eq!(server.get("/healthz"), 200);
    assert_eq!(server.get("/elsewhere"), 404);
    assert_eq!(server.post("/elsewhere", &[SIGNATURE], BODY), 404);
    let log = server.stop();
    assert!(
        log.contains("signature_mismatch") && log.contains("key_mismatch"),
        "{log}"
    );
}

/// Starts the program without each of its two secrets.
pub fn a_missing_secret_is_an_error_that_names_the_variable(executable: &str) {
    let [optimizely, vwo] = VARIABLES;
    for (missing, present) in [(optimizely, vwo), (vwo, optimizely)] {
        let error = testing::start_error(executable, &[present]);
        assert!(error.contains(missing.0), "{error}");
    }
}
