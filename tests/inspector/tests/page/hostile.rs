//! What a client sends stays text.

use inspector_tests::{Browser, Delivery, Handler, Inspector, github};
use serde_json::json;

const SCRIPT: &str = "<img src=x onerror=window.ran=1><script>window.ran=1</script>";

#[tokio::test(flavor = "multi_thread")]
async fn script_in_every_part_of_a_delivery_stays_text() {
    let inspector = Inspector::start().await;
    let handler = Handler::start("200 OK", "text/html", SCRIPT).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    // Only some characters may be in a path; a client that is not a browser sends the others too.
    let path = "/in/github/%3Cimg%20src=x%20onerror=window.ran=1%3E?q=%3Cscript%3Ewindow.ran=1%3C/script%3E&r='onerror=window.ran=1";
    let body = json!({ SCRIPT: SCRIPT, "list": [SCRIPT] }).to_string();
    let delivery = github(SCRIPT, body)
        .to(path)
        .header("X-Script", SCRIPT)
        .header("Content-Type", SCRIPT);
    delivery.send(inspector.inbox).await;
    Delivery::new(
        "/in/any",
        &[
            ("X-Hub-Signature-256", SCRIPT),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ],
        format!("{SCRIPT}={SCRIPT}"),
    )
    .send(inspector.inbox)
    .await;
    page.wait(
        "both are here",
        "document.querySelectorAll('.item').length === 2",
    )
    .await;
    page.fill("#filter", SCRIPT).await;
    page.wait_text("#matches", "1 of 2 deliveries").await;
    page.fill("#filter", "").await;
    for row in ["#d2", "#d1"] {
        page.click(row).await;
        page.wait(
            "it is selected",
            &format!("document.querySelector('{row}').ariaSelected === 'true'"),
        )
        .await;
        for tab in ["headers", "event", "match", "compare", "forward", "body"] {
            page.click(&format!("#tab-{tab}")).await;
        }
        for form in ["text", "tree", "fields", "hex"] {
            if page
                .eval(&format!(
                    "document.querySelector('#form-{form}').checkVisibility()"
                ))
                .await
                == json!(true)
            {
                page.click(&format!("#form-{form}")).await;
            }
        }
    }
    page.click("#tab-headers").await;
    page.wait_text("#headers", "onerror=window.ran=1").await;
    page.click("#tab-forward").await;
    page.fill("#forward-url", &handler.url()).await;
    page.click("#forward-go").await;
    page.wait_text("#attempts pre", SCRIPT).await;
    page.check("no script ran", "window.ran === undefined")
        .await;
    page.check(
        "no element came from a delivery",
        "document.querySelectorAll('main img, main script, dialog img').length === 0",
    )
    .await;
    page.check_quiet(&format!("http://{}", inspector.console));
    page.check("innerHTML is not allowed", "(() => { try { document.querySelector('#toast').innerHTML = '<b>x</b>'; return false } catch (error) { return error instanceof TypeError } })()").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sender_in_the_path_is_not_kept() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.same(
        "not found",
        Delivery::new("/in/%3Cscript%3E", &[], "{}")
            .send(inspector.inbox)
            .await,
        404,
    );
    page.same(
        "not found",
        Delivery::new("/", &[], "{}").send(inspector.inbox).await,
        404,
    );
    github("push", "{}").send(inspector.inbox).await;
    page.wait(
        "only the delivery to a sender is here",
        "document.querySelectorAll('.item').length === 1",
    )
    .await;
    browser.close().await;
}
