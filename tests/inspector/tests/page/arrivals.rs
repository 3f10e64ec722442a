//! Deliveries appear as they come, with their verdict.

use inspector_tests::{Browser, Delivery, Inspector, github, optimizely, raw, stripe, vwo};

const PUSH: &str = r#"{"ref":"refs/heads/main","repository":{"full_name":"octo/example"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn genuine_forged_and_changed_deliveries_appear_with_sign_word_code_and_cause() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.check("the token is not in the address", "location.hash === ''")
        .await;
    page.wait_text("#empty h2", "Waiting for the first delivery")
        .await;

    page.same(
        "the sender of a genuine delivery gets 200",
        github("push", PUSH).send(inspector.inbox).await,
        200,
    );
    page.wait_text(
        "#verdict.verified",
        "The signature matches with the key “default”. It protects the body.",
    )
    .await;
    page.wait_text(".item.verified", "Verified · push · POST /in/github")
        .await;
    page.wait_text(".item.verified .mark", "✓").await;
    page.wait_text(
        "#facts",
        "72d3162e-cc78-11e3-81ab-4c9367dc0958 (not signed)",
    )
    .await;
    page.wait_text("#facts", "push (not signed)").await;

    let forged = Delivery::new(
        "/in/github",
        &[("X-Hub-Signature-256", &format!("sha256={}", "0".repeat(64)))],
        PUSH,
    );
    page.same(
        "the sender of a forged delivery gets 401",
        forged.send(inspector.inbox).await,
        401,
    );
    page.wait_text(".item.rejected .mark", "✕").await;
    page.click(".item.rejected").await;
    page.wait_text("#verdict.rejected", "signature_mismatch")
        .await;
    page.wait_text("#verdict.rejected", "The sender got 401.")
        .await;
    page.wait_text(
        "#verdict .cause",
        "The cause is not one of the known mistakes",
    )
    .await;

    let changed = github("push", PUSH).with_body(format!("{PUSH}\n"));
    page.same(
        "the sender of a changed delivery gets 401",
        changed.send(inspector.inbox).await,
        401,
    );
    page.wait(
        "a third row",
        "document.querySelectorAll('.item').length === 3",
    )
    .await;
    page.click(".item").await;
    page.wait_text("#verdict .cause", "newline").await;
    page.wait_text("#body-remarks", "ends with a newline").await;
    page.check(
        "the newest delivery is the first row",
        "document.querySelector('.item').innerText.includes('Rejected')",
    )
    .await;
    page.check_quiet(&format!("http://{}", inspector.console));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_delivery_shows_the_clock_difference_and_the_tolerance() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.same(
        "an old delivery gets 401",
        stripe(5_400, r#"{"id":"evt_1","object":"event"}"#)
            .send(inspector.inbox)
            .await,
        401,
    );
    page.wait_text("#verdict.rejected", "timestamp_too_old")
        .await;
    page.wait_text("#facts .warn", "s before receipt; 300 s allowed")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_for_any_sender_recognises_the_sender_by_its_headers() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.same(
        "it is verified",
        github("push", PUSH)
            .to("/in/any")
            .send(inspector.inbox)
            .await,
        200,
    );
    page.wait_text("#title", "GitHub").await;
    page.wait_text("#request-line", "POST /in/any").await;
    page.wait_text("#verdict.verified", "Verified").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_key_and_a_typed_event_are_shown_for_what_they_prove() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.same(
        "the key is accepted",
        vwo(r#"{"event": "settings_changed"}"#)
            .send(inspector.inbox)
            .await,
        200,
    );
    page.wait_text("#verdict.verified", "It does not protect the body.")
        .await;
    page.same(
        "the documentation's example is accepted",
        optimizely().send(inspector.inbox).await,
        200,
    );
    page.wait(
        "two rows",
        "document.querySelectorAll('.item').length === 2",
    )
    .await;
    page.click(".item").await;
    page.wait_text("#title", "Optimizely").await;
    page.click("#tab-event").await;
    page.wait_text("#panel-event", "Verified<").await;
    page.wait_text("#panel-event pre", "revision: 13").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_shown_without_its_bytes() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let large = github("push", vec![b' '; 8 * 1024 * 1024 + 1]);
    page.same(
        "the sender gets 413",
        large.send(inspector.inbox).await,
        413,
    );
    page.wait_text("#verdict.rejected", "body_too_large").await;
    page.wait_text("#body-view", "The body is empty").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_end_is_rejected_at_the_deadline() {
    let inspector = Inspector::with(&[
        ("WEBHOOK_SECRET_GITHUB", "a secret"),
        ("BODY_DEADLINE_MS", "300"),
    ])
    .await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let stalled = format!(
        "POST /in/github HTTP/1.1\r\nHost: {}\r\nX-Hub-Signature-256: sha256={}\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf",
        inspector.inbox,
        "0".repeat(64),
    );
    page.same(
        "the sender gets 408",
        raw(inspector.inbox, stalled.as_bytes()).await.status,
        408,
    );
    page.wait_text("#verdict.rejected", "The sender got 408.")
        .await;
    browser.close().await;
}
