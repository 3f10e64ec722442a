//! The program stops and starts again.

use inspector_tests::{Browser, Inspector, github};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_page_asks_for_the_new_link_and_opens_with_it_in_the_same_tab() {
    let inspector = Inspector::start().await;
    let (inbox, console) = (inspector.inbox.to_string(), inspector.console.to_string());
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait("a row", "document.querySelectorAll('.item').length === 1")
        .await;
    inspector.stop().await;
    page.wait_text("#link-text", "the inspector does not respond; trying again")
        .await;
    page.check(
        "what was there is still shown",
        "document.querySelectorAll('.item').length === 1",
    )
    .await;
    page.shot("stopped-1280").await;

    let again = Inspector::with(&[
        ("INBOX", &inbox),
        ("CONSOLE", &console),
        ("WEBHOOK_SECRET_GITHUB", inspector_tests::GITHUB),
    ])
    .await;
    page.wait_text("#locked h2", "Open the link that the terminal shows")
        .await;
    page.check(
        "nothing of the old program is shown",
        "document.querySelectorAll('.item').length === 0",
    )
    .await;
    // As a user: the new link in the address bar of this tab. Only the fragment changes.
    page.eval(&format!("location.href = {}; true", json!(again.link())))
        .await;
    page.wait(
        "it is connected",
        "document.querySelector('#link')?.dataset.state === 'live' && location.hash === ''",
    )
    .await;
    github("push", "{}").send(again.inbox).await;
    page.wait_text(".item.verified", "Verified").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ninth_page_says_that_too_many_are_open() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let mut pages = Vec::new();
    for _ in 0..8 {
        // The browser opens at most six connections to one host and port, so the others are not from it.
        pages.push(hold(&inspector).await);
    }
    let page = browser.tab().await;
    page.goto(&inspector.link()).await;
    page.wait("the page says why", "document.querySelector('#link')?.dataset.state === 'off' && document.querySelector('#link-text').innerText.length > 20").await;
    drop(pages);
    page.wait(
        "it connects as soon as one is closed",
        "document.querySelector('#link').dataset.state === 'live'",
    )
    .await;
    browser.close().await;
}

/// An open stream of events.
async fn hold(inspector: &Inspector) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(inspector.console)
        .await
        .expect("the console");
    let request = format!(
        "GET /api/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        inspector.console, inspector.token
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the console reads");
    stream.read_u8().await.expect("a response");
    stream
}
