//! The whole program: its demonstration, and the errors of its start.

use support::testing::{self, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vwo_sync");

#[test]
fn the_demonstration_runs_on_loopback_and_stops_at_a_signal() {
    let mut program = Program::start(PROGRAM, &[]);
    assert!(program.line().contains("DEMONSTRATION"));
    for begin in [
        "before   ",
        "delivery 200 OK",
        "after    ",
        "try      curl ",
    ] {
        let line = program.line();
        assert!(line.starts_with(begin), "{line}");
    }
    program.stop();
}

#[test]
fn it_does_not_demonstrate_on_other_addresses_or_with_settings_without_effect() {
    let cases = [
        (
            [("HOST", "0.0.0.0"), ("PORT", "0")],
            "VWO_WEBHOOK_KEY is not set, and a demonstration",
        ),
        (
            [("VWO_SDK_KEY", "x"), ("PORT", "0")],
            "VWO_SDK_KEY is set, but VWO_WEBHOOK_KEY is not",
        ),
        (
            [("VWO_WEBHOOK_KEYS", "x"), ("PORT", "0")],
            "did you mean VWO_WEBHOOK_KEY?",
        ),
    ];
    for (variables, part) in cases {
        let error = testing::start_error(PROGRAM, &variables);
        assert!(error.contains(part), "{error}");
    }
}
