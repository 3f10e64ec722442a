//! The list: filter, pause, clear, and many deliveries at once.

use std::time::Instant;

use inspector_tests::{Browser, Inspector, github, note, stripe};

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_searches_all_that_a_row_shows_also_while_deliveries_come() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    github("issues", "{}").send(inspector.inbox).await;
    stripe(5_400, "{}").send(inspector.inbox).await;
    page.wait(
        "three rows",
        "document.querySelectorAll('.item').length === 3",
    )
    .await;
    for (filter, rows) in [
        ("stripe rejected", 1),
        ("github", 2),
        ("ISSUES", 1),
        ("too old", 1),
        ("nothing like it", 0),
        ("verified github push", 1),
    ] {
        page.fill("#filter", filter).await;
        page.wait(
            &format!("{rows} rows for {filter:?}"),
            &format!("document.querySelectorAll('.item').length === {rows}"),
        )
        .await;
    }
    page.wait_text("#matches", "1 of 3 deliveries").await;
    let node =
        "window.kept = document.querySelector('.item'); document.activeElement.id === 'filter'";
    page.check("the focus is in the filter", node).await;
    github("push", "{}").send(inspector.inbox).await;
    github("ping", "{}").send(inspector.inbox).await;
    page.wait_text("#matches", "2 of 5 deliveries").await;
    page.check(
        "the row is the same element",
        "kept.isConnected && document.querySelectorAll('.item')[1] === kept",
    )
    .await;
    page.check("the focus and the text stay", "document.activeElement.id === 'filter' && document.activeElement.value === 'verified github push'").await;
    page.press("Escape").await;
    page.wait(
        "Esc clears the filter",
        "document.querySelectorAll('.item').length === 5",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_holds_the_list_and_loses_nothing() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait("one row", "document.querySelectorAll('.item').length === 1")
        .await;
    page.click("#pause").await;
    for _ in 0..11 {
        page.same(
            "receiving goes on",
            github("ping", "{}").send(inspector.inbox).await,
            200,
        );
    }
    page.wait_text("#fresh", "Paused: 11 new. Show them").await;
    page.check(
        "the list has not moved",
        "document.querySelectorAll('.item').length === 1",
    )
    .await;
    page.shot("paused-1280").await;
    page.click("#fresh").await;
    page.wait("all are here", "document.querySelectorAll('.item').length === 12 && document.querySelector('#fresh').hidden").await;
    page.check(
        "the newest is first",
        "document.querySelector('.item').id === 'd12'",
    )
    .await;
    page.click("#clear").await;
    page.wait_text("#empty-title", "Waiting for the first delivery")
        .await;
    page.check(
        "no row is left",
        "document.querySelectorAll('.item').length === 0 && document.title === 'Webhook inspector'",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_burst_of_500_the_newest_200_are_drawn() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.eval("window.announced = []; new MutationObserver(() => announced.push(document.querySelector('#announce').textContent)).observe(document.querySelector('#announce'), { childList: true, subtree: true }); true").await;
    let start = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..10 {
        let inbox = inspector.inbox;
        senders.push(tokio::spawn(async move {
            for index in 0..50 {
                let body = format!("{{\"n\":{}}}", sender * 50 + index);
                let delivery = github("push", body.clone());
                let delivery = if index % 7 == 0 {
                    delivery.with_body(format!("{body} "))
                } else {
                    delivery
                };
                delivery.send(inbox).await;
            }
        }));
    }
    for sender in senders {
        sender.await.expect("all are sent");
    }
    let sent = start.elapsed();
    page.wait("the newest 200 are drawn", "document.querySelectorAll('.item').length === 200 && document.querySelector('.item').id === 'd500' && [...document.querySelectorAll('.item')].at(-1).id === 'd301'").await;
    let drawn = start.elapsed();
    note(&format!("burst {} {}", sent.as_millis(), drawn.as_millis()));
    page.wait_text("#dropped", "300 older deliveries were dropped.")
        .await;
    let announced = page
        .eval("announced.length")
        .await
        .as_u64()
        .expect("a number");
    let most = drawn.as_millis() / 1_500 + 2;
    page.seen(
        &format!("a screen reader is told at most every 1.5 s: {announced} times"),
        u128::from(announced) <= most,
    );
    page.shot("many-1280").await;
    // The selected delivery is the first one, and the program no longer keeps it.
    page.wait_text("#lost", "no longer keeps this delivery")
        .await;
    page.fill("#filter", "rejected").await;
    page.wait("rows of the filter", "[...document.querySelectorAll('.item')].every((row) => row.classList.contains('rejected')) && document.querySelectorAll('.item').length > 10").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_slept_through_a_burst_shows_the_newest() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    // The page cannot read while its script is busy, so the server's buffer for it overflows.
    let asleep = page.eval("setTimeout(() => { const end = Date.now() + 4000; while (Date.now() < end); }, 50); true").await;
    page.seen("the tab is busy", asleep == true);
    for index in 0..600 {
        github("push", format!("{{\"n\":{index}}}"))
            .send(inspector.inbox)
            .await;
    }
    page.wait("the newest is here", "document.querySelector('.item')?.id === 'd600' && document.querySelectorAll('.item').length === 200").await;
    page.wait_text("#dropped", "400 older deliveries were dropped.")
        .await;
    browser.close().await;
}
