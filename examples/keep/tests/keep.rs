//! The whole program: its demonstration, as the README shows it, and the errors of its start.

use support::testing::{self, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_keep");

#[test]
fn the_demonstration_prints_what_the_readme_shows_and_stops_at_a_signal() {
    let mut program = Program::start(PROGRAM, &[]);
    assert!(program.line().contains("DEMONSTRATION"));
    let lines = [program.line(), program.line(), program.line()].join("\n");
    let readme = include_str!("../../../README.md");
    assert!(
        readme.contains(&lines),
        "the README does not show:\n{lines}"
    );
    assert!(readme.contains("cargo run -p keep"));
    assert!(program.line().starts_with("try      curl "));
    let decision = program.get_text("/decide?user=bob&flag=new_checkout");
    assert!(decision.contains(r#""enabled":true"#), "{decision}");
    // A flag that does not exist is not a flag that is off.
    assert_eq!(program.get("/decide?user=bob&flag=unknown"), 404);
    assert_eq!(
        program.post("/webhooks/optimizely", &[testing::FORGED], testing::BODY),
        401
    );
    program.stop();
}

#[test]
fn it_does_not_demonstrate_on_other_addresses_or_with_settings_without_effect() {
    let cases = [
        (
            [("HOST", "0.0.0.0"), ("PORT", "0")],
            "OPTIMIZELY_WEBHOOK_SECRET is not set, and a demonstration",
        ),
        (
            [("OPTIMIZELY_SDK_KEY", "x"), ("PORT", "0")],
            "OPTIMIZELY_SDK_KEY is set, but OPTIMIZELY_WEBHOOK_SECRET is not",
        ),
        (
            [
                ("OPTIMIZELY_WEBHOOK_SECRET", "long enough to be a secret"),
                ("PORT", "0"),
            ],
            "OPTIMIZELY_SDK_KEY is not set",
        ),
        (
            [("OPTIMIZELY_WEBHOOK_SECERT", "x"), ("PORT", "0")],
            "did you mean OPTIMIZELY_WEBHOOK_SECRET?",
        ),
    ];
    for (variables, part) in cases {
        let error = testing::start_error(PROGRAM, &variables);
        assert!(error.contains(part), "{error}");
    }
}
