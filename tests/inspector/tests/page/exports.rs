//! Copy as curl, save as vector, save as Rust test.

use inspector_tests::{Browser, Delivery, Inspector, VWO, github, vwo};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_copied_curl_line_is_accepted_when_it_is_pasted_into_a_shell() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    browser.allow_clipboard().await;
    let page = browser.open(&inspector.link()).await;
    let bodies: [&[u8]; 3] = [
        br#"{"text":"it's $HOME and `id`"}"#,
        b"\x00\x01\xff\xfe",
        b"{\"a\":\"line\nline\"}\r\n",
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        github("push", body).send(inspector.inbox).await;
        page.click(&format!("#d{}", index * 2 + 1)).await;
        page.wait("it is shown", &format!("document.querySelector('#d{}').ariaSelected === 'true' && document.querySelector('#facts').innerText.includes('Body\\n{} bytes')", index * 2 + 1, body.len())).await;
        page.eval("document.querySelector('#toast').textContent = ''")
            .await;
        page.click("#curl").await;
        page.wait_text("#toast", "Copied").await;
        let line = page.eval("navigator.clipboard.readText()").await;
        let output = Command::new("bash")
            .args(["-c", line.as_str().expect("a text")])
            .output()
            .await
            .expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        page.seen(
            &format!("200 for {line}: {text}"),
            text.contains("HTTP/1.1 200"),
        );
    }
    vwo(r#"{"event": "settings_changed"}"#)
        .send(inspector.inbox)
        .await;
    page.click("#d7").await;
    page.wait_text("#title", "VWO").await;
    page.eval("document.querySelector('#toast').textContent = ''")
        .await;
    page.click("#curl").await;
    page.wait_text("#toast", "Copied").await;
    let line = page.eval("navigator.clipboard.readText()").await;
    let line = line.as_str().expect("a text");
    page.seen(
        &format!("the shared key is a variable: {line}"),
        line.contains("${WEBHOOK_SECRET_VWO}") && !line.contains(VWO),
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_test_has_no_received_signature_and_the_page_asks_before_it_saves_one() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let push = github("push", r#"{"zen":"Keep it logically awesome."}"#);
    let signature = push
        .value("X-Hub-Signature-256")
        .trim_start_matches("sha256=")
        .to_owned();
    push.send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    page.click("#save-vector").await;
    let vector = browser.saved("github-1.json").await;
    page.seen(
        "the vector is JSON",
        serde_json::from_str::<serde_json::Value>(&vector).is_ok(),
    );
    page.click("#save-test").await;
    let test = browser.saved("github_1.rs").await;
    page.seen(
        "the test is one",
        test.contains("#[test]") || test.contains("#[tokio::test]"),
    );
    for text in [&vector, &test] {
        page.seen(
            "the received signature is not in it",
            !text.contains(&signature),
        );
    }

    page.seen(
        "the body is in the test",
        test.contains("Keep it logically awesome"),
    );
    let case: serde_json::Value = serde_json::from_str(&vector).expect("JSON");
    let body = format!("atob({})", case[0]["body_base64"]);
    page.same(
        "the body is in the vector",
        page.eval(&body).await.as_str(),
        Some(r#"{"zen":"Keep it logically awesome."}"#),
    );

    // Its signature is genuine for another body, so the file is a credential.
    Delivery::new(
        "/in/github",
        &[("X-Hub-Signature-256", &format!("sha256={signature}"))],
        "{}",
    )
    .send(inspector.inbox)
    .await;
    page.click("#d2").await;
    page.wait_text("#verdict.rejected", "signature_mismatch")
        .await;
    page.click("#save-vector").await;
    page.wait("the page asks", "document.querySelector('#warn').open && document.querySelector('#warn-text').innerText.length > 40").await;
    page.check(
        "the answer that saves nothing has the focus",
        "document.activeElement.value === 'no'",
    )
    .await;
    page.shot("warn-1280").await;
    page.press("Enter").await;
    page.wait(
        "the dialog is closed",
        "!document.querySelector('dialog[open]')",
    )
    .await;
    page.click("#save-vector").await;
    page.click("#warn button[value=yes]").await;
    page.seen(
        "the file is saved after the answer",
        browser
            .saved("github-2.json")
            .await
            .contains("signature_mismatch"),
    );
    browser.close().await;
}
