//! "Send a test": signed as the sender signs, with one fault or none.

use inspector_tests::{Browser, Inspector};

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_test_delivery_gets_its_own_verdict() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let cases = [
        ("genuine", "verified", "matches"),
        ("newline", "rejected", "newline"),
        ("tampered", "rejected", "space"),
        ("reprinted", "rejected", "JSON"),
        ("wrong_secret", "rejected", "not one of the known mistakes"),
        ("unsigned", "rejected", "header_missing"),
        ("old", "rejected", "timestamp_too_old"),
    ];
    page.click("#open-test").await;
    page.select("#test-sender", "stripe").await;
    page.press("Escape").await;
    for (index, (fault, state, part)) in cases.into_iter().enumerate() {
        page.click("#open-test").await;
        page.select("#test-sender", "stripe").await;
        page.select("#test-fault", fault).await;
        page.click("#test-send").await;
        page.wait(
            "the dialog is closed",
            "!document.querySelector('dialog[open]')",
        )
        .await;
        page.wait(
            &format!("{fault} is selected"),
            &format!(
                "document.querySelector('#d{}')?.ariaSelected === 'true'",
                index + 1
            ),
        )
        .await;
        page.wait_text(&format!("#verdict.{state}"), part).await;
        page.wait_text("#is-test", "test delivery").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_without_a_secret_makes_one_and_a_public_key_says_that_it_cannot_sign() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.click("#empty-test").await;
    page.select("#test-sender", "discord").await;
    page.wait_text("#test-key", "A test delivery is not possible here")
        .await;
    page.check(
        "it cannot be sent",
        "document.querySelector('#test-send').disabled",
    )
    .await;
    page.select("#test-sender", "shopify").await;
    page.wait_text("#test-key", "no secret").await;
    page.check(
        "it cannot be sent yet",
        "document.querySelector('#test-send').disabled",
    )
    .await;
    page.click("#test-make").await;
    page.wait_text("#test-key", "made here").await;
    page.check(
        "the focus is still in the dialog",
        "document.querySelector('#test').contains(document.activeElement)",
    )
    .await;
    page.fill("#test-body", "{\"typed\": true}").await;
    page.click("#test-send").await;
    page.wait_text("#verdict.verified", "The signature matches")
        .await;
    page.wait_text("#body-view", "{\"typed\": true}").await;
    browser.close().await;
}
