//! Forwarding to the user's handler.

use inspector_tests::{Browser, Handler, Inspector, github, stripe};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_and_repeated_headers_arrive_at_the_handler() {
    let inspector = Inspector::start().await;
    let handler = Handler::start("202 Accepted", "text/plain", "thank you").await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let body: Vec<u8> = (0..10_000_u32).map(|index| (index % 256) as u8).collect();
    github("push", body.clone())
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .send(inspector.inbox)
        .await;
    page.wait_text("#verdict.verified", "matches").await;
    page.click("#tab-forward").await;
    page.fill("#forward-url", &handler.url()).await;
    page.press("Enter").await;
    page.wait_text("#attempts li", "✓ 202").await;
    page.wait_text("#attempts pre", "thank you").await;
    page.wait_text(".item", "forwarded: 202").await;
    let (head, received) = handler.requests().pop().expect("a request");
    page.seen("the bytes are the same", received == body);
    let lower = head.to_ascii_lowercase();
    page.seen(
        "both values in their order",
        lower.find("x-twice: 1").is_some_and(|first| {
            lower
                .find("x-twice: 2")
                .is_some_and(|second| first < second)
        }),
    );
    page.seen(
        "the host is the handler's",
        lower.contains(&format!("host: {}", handler.address)),
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_delivery_is_signed_again_with_the_current_time() {
    let inspector = Inspector::start().await;
    // The inbox is a handler that verifies.
    let url = format!("http://{}/in/stripe", inspector.inbox);
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    stripe(5_400, r#"{"id":"evt_1","object":"event"}"#)
        .send(inspector.inbox)
        .await;
    page.wait_text("#verdict.rejected", "timestamp_too_old")
        .await;
    page.click("#tab-forward").await;
    page.fill("#forward-url", &url).await;
    page.click("#forward-go").await;
    page.wait_text("#attempts li", "✕ 401").await;
    page.click("#forward-signed-again").await;
    page.click("#forward-go").await;
    page.wait_text("#attempts li:first-child", "✓ 200").await;
    page.wait_text("#attempts li:first-child", "signed again")
        .await;
    page.check(
        "what was typed is still there",
        &format!(
            "document.querySelector('#forward-url').value === {}",
            json!(url)
        ),
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_this_machine_are_rejected_and_redirects_are_not_followed() {
    let inspector = Inspector::start().await;
    let handler = Handler::start("302 Found\r\nLocation: http://10.0.0.1/", "text/plain", "").await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    page.click("#tab-forward").await;
    for url in [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        page.fill("#forward-url", url).await;
        page.click("#forward-go").await;
        page.wait(&format!("{url} is rejected with a reason"), "(() => { const last = document.querySelector('#attempts li:first-child')?.innerText ?? ''; const error = document.querySelector('#forward-error'); return !error.hidden && error.innerText.length > 20 || last.includes('failed'); })()").await;
        page.eval("document.querySelector('#forward-error').hidden = true")
            .await;
    }
    page.fill("#forward-url", &handler.url()).await;
    page.click("#forward-go").await;
    page.wait_text("#attempts li:first-child", "✕ 302").await;
    page.same("there was one request", handler.requests().len(), 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_new_delivery_is_forwarded_until_it_is_stopped() {
    let inspector = Inspector::start().await;
    let handler = Handler::start("500 Internal Server Error", "text/plain", "not today").await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{\"n\":1}").send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    page.click("#tab-forward").await;
    page.click("#automatic-start").await;
    page.check(
        "without a URL nothing starts",
        "document.querySelector('#automatic-stop').hidden",
    )
    .await;
    page.fill("#forward-url", &handler.url()).await;
    page.click("#automatic-start").await;
    page.wait_text(
        "#forwarding",
        &format!("Forwarding each new verified delivery to {}", handler.url()),
    )
    .await;
    page.check(
        "the focus is on the button that stops it",
        "document.activeElement.id === 'automatic-stop'",
    )
    .await;
    page.same(
        "the sender gets the inspector's response",
        github("push", "{\"n\":2}").send(inspector.inbox).await,
        200,
    );
    page.wait_text("#d2", "forwarded: 500").await;
    github("push", "{}")
        .with_body("{\"n\":3}")
        .send(inspector.inbox)
        .await;
    page.click("#d2").await;
    page.wait_text("#attempts li", "automatic").await;
    page.wait_text("#attempts pre", "not today").await;
    page.shot("forward-1280").await;
    page.click("#automatic-stop").await;
    page.wait("it is off", "document.querySelector('#forwarding').hidden")
        .await;
    github("push", "{\"n\":4}").send(inspector.inbox).await;
    page.wait(
        "the fourth is here",
        "Boolean(document.querySelector('#d4'))",
    )
    .await;
    let bodies: Vec<String> = handler
        .requests()
        .into_iter()
        .map(|(_, body)| String::from_utf8_lossy(&body).into_owned())
        .collect();
    page.same(
        "only the verified one was forwarded",
        bodies,
        vec!["{\"n\":2}".to_owned()],
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_response_of_the_handler_is_cut_and_a_handler_that_is_not_there_is_named() {
    let inspector = Inspector::start().await;
    let handler = Handler::start("200 OK", "text/plain", &"x".repeat(10_000_000)).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    page.click("#tab-forward").await;
    page.fill("#forward-url", &handler.url()).await;
    page.click("#forward-go").await;
    page.wait_text("#attempts li", "Only the first 64.0 KiB")
        .await;
    page.check(
        "64 KiB are shown",
        "document.querySelector('#attempts pre').textContent.length === 65536",
    )
    .await;
    page.check_width("a long response").await;
    let url = handler.url();
    drop(handler);
    page.fill("#forward-url", &url).await;
    page.click("#forward-go").await;
    page.wait_text("#attempts li:first-child", "✕ failed").await;
    page.check(
        "with a reason",
        "document.querySelector('#attempts li:first-child .error').innerText.length > 20",
    )
    .await;
    browser.close().await;
}
