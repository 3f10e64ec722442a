//! The whole program over HTTP/1: two senders, a health route and a 404.

use support::testing::{self, BODY, FORGED, Program, SECRET, SIGNATURE, VWO_BODY};

const SERVER: &str = env!("CARGO_BIN_EXE_warp_server");
const VARIABLES: [(&str, &str); 2] = [
    ("OPTIMIZELY_WEBHOOK_SECRET", SECRET),
    ("VWO_WEBHOOK_KEY", "the-key"),
];

#[test]
fn each_sender_has_its_own_layer_and_other_paths_have_none() {
    let mut server = Program::start(SERVER, &VARIABLES);
    let optimizely = "/webhooks/optimizely";
    assert_eq!(server.post(optimizely, &[SIGNATURE], BODY), 200);
    let printed = server.line();
    assert_eq!(printed, "project 11387641093: \"project.datafile_updated\"");
    assert_eq!(server.post(optimizely, &[FORGED], BODY), 401);
    assert_eq!(
        server.post(optimizely, &[("x-vwo-auth", "the-key")], VWO_BODY),
        401
    );

    let vwo = "/webhooks/vwo";
    assert_eq!(
        server.post(vwo, &[("x-vwo-auth", "the-key")], VWO_BODY),
        200
    );
    assert_eq!(server.line(), "vwo: \"settings_changed\"");
    assert_eq!(server.post(vwo, &[("x-vwo-auth", "the-key")], "{"), 200);
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

#[test]
fn a_missing_secret_is_an_error_that_names_the_variable() {
    for (name, other) in [
        (VARIABLES[0].0, VARIABLES[1]),
        (VARIABLES[1].0, VARIABLES[0]),
    ] {
        let error = testing::start_error(SERVER, &[other]);
        assert!(error.contains(name), "{error}");
    }
}
