//! axe-core over all views, light and dark, wide and narrow; and no sideways scroll.

use inspector_tests::{
    Browser, Delivery, Handler, Inspector, Page, SLACK, Scheme, github, slack, stripe, vwo,
};

/// One delivery of each state, with a forwarding that was answered.
async fn fill(inspector: &Inspector, handler: &Handler) {
    let push = r#"{"ref":"refs/heads/main","repository":{"id":1296269012345678901234,"full_name":"octo/example","size":108.50},"commits":[{"message":"Fix the thing","added":[]}]}"#;
    github("push", push).send(inspector.inbox).await;
    vwo(r#"{"event": "settings_changed"}"#)
        .send(inspector.inbox)
        .await;
    inspector.set_secret("slack", "default", SLACK).await;
    slack(r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}"#)
        .send(inspector.inbox)
        .await;
    Delivery::new(
        "/in/shopify",
        &[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("X-Shopify-Hmac-Sha256", "c2lnbmF0dXJl"),
        ],
        "command=%2Fdeploy&text=a+b&empty=",
    )
    .send(inspector.inbox)
    .await;
    stripe(5_400, r#"{"id":"evt_1","object":"event"}"#)
        .send(inspector.inbox)
        .await;
    github("push", push)
        .with_body(format!("{push}\n"))
        .send(inspector.inbox)
        .await;
    for signed_again in [true, false] {
        inspector
            .api(
                "POST",
                "/api/deliveries/6/send",
                Some(serde_json::json!({ "url": handler.url(), "signed_again": signed_again })),
            )
            .await;
    }
}

/// Opens each view and looks at it.
async fn all_views(page: &Page, name: &str, narrow: bool) {
    let look = async |view: &str| {
        page.check_width(view).await;
        page.same(
            &format!("axe on {view}, {name}"),
            page.axe().await,
            Vec::new(),
        );
        page.shot(&format!("{view}-{name}")).await;
    };
    page.wait(
        "all are here",
        "document.querySelectorAll('.item').length === 6",
    )
    .await;
    look("list").await;
    for (id, view, state) in [
        (1, "verified", "verified"),
        (2, "shared-key", "verified"),
        (3, "set-up", "handshake"),
        (4, "no-secret", "unkeyed"),
        (5, "old", "rejected"),
        (6, "rejected", "rejected"),
    ] {
        if narrow
            && page
                .eval("document.querySelector('#main').dataset.view === 'delivery'")
                .await
                == true
        {
            page.click("#back").await;
        }
        page.click(&format!("#d{id}")).await;
        page.wait(&format!("{view} is shown"), &format!("document.querySelector('#verdict').checkVisibility() && document.querySelector('#verdict').classList.contains('{state}') && document.querySelector('#d{id}').ariaSelected === 'true' && !document.querySelector('#verdict').innerText.includes('Looking for')")).await;
        look(view).await;
        if id == 4 {
            page.click("#form-fields").await;
            look("fields").await;
            page.click("#form-text").await;
        }
    }
    for form in ["tree", "hex", "text"] {
        page.click(&format!("#form-{form}")).await;
        look(form).await;
    }
    page.click("#visible").await;
    look("white-space").await;
    page.click("#visible").await;
    for tab in ["headers", "event", "match", "forward", "compare"] {
        page.click(&format!("#tab-{tab}")).await;
        if tab == "match" {
            page.click("#match-go").await;
            page.wait(
                "a result",
                "Boolean(document.querySelector('#match-result .verdict'))",
            )
            .await;
        }
        if tab == "compare" {
            page.wait(
                "a result",
                "document.querySelector('#compare-result').childElementCount > 0",
            )
            .await;
        }
        look(tab).await;
    }
    page.click("#tab-body").await;
    page.click("#save-vector").await;
    look("warn").await;
    page.press("Escape").await;
    for dialog in ["test", "secrets", "help"] {
        page.click(&format!("#open-{dialog}")).await;
        if dialog == "secrets" {
            page.click("#secrets-github summary").await;
        }
        look(dialog).await;
        page.press("Escape").await;
    }
}

async fn every_view(width: i64, scheme: Scheme) {
    let inspector = Inspector::start().await;
    let handler = Handler::start("200 OK", "application/json", "{\"ok\":true}").await;
    let browser = Browser::start().await;
    let page = browser.tab().await;
    page.emulate(width, scheme).await;
    let name = format!(
        "{width}-{}",
        if scheme == Scheme::Dark {
            "dark"
        } else {
            "light"
        }
    );
    page.goto(&format!("http://{}/", inspector.console)).await;
    page.wait_text("#locked h2", "Open the link").await;
    page.same("axe on locked", page.axe().await, Vec::new());
    page.check_width("locked").await;
    page.shot(&format!("locked-{name}")).await;
    page.eval(&format!(
        "location.href = {}; true",
        serde_json::json!(inspector.link())
    ))
    .await;
    page.wait(
        "it is connected",
        "document.querySelector('#link')?.dataset.state === 'live'",
    )
    .await;
    page.wait_text("#empty-title", "Waiting").await;
    page.same("axe on empty", page.axe().await, Vec::new());
    page.check_width("empty").await;
    page.shot(&format!("empty-{name}")).await;
    fill(&inspector, &handler).await;
    all_views(&page, &name, width <= 760).await;
    page.check_quiet(&format!("http://{}", inspector.console));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_accessible_when_wide_and_light() {
    every_view(1_280, Scheme::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_accessible_when_wide_and_dark() {
    every_view(1_280, Scheme::Dark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_accessible_when_narrow_and_light() {
    every_view(420, Scheme::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_accessible_when_narrow_and_dark() {
    every_view(420, Scheme::Dark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_usable_at_320_pixels() {
    every_view(320, Scheme::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_sees_a_fault_that_is_planted() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    page.same("before", page.axe().await, Vec::new());
    page.eval("document.querySelector('#request-line').style.color = 'rgb(200, 200, 200)'; true")
        .await;
    page.seen(
        "the contrast fault is found",
        page.axe()
            .await
            .iter()
            .any(|violation| violation.starts_with("color-contrast")),
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_colours_follow_the_system_and_the_switch() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let dark = "getComputedStyle(document.body).backgroundColor === 'rgb(18, 20, 23)'";
    page.emulate(1_280, Scheme::Dark).await;
    page.wait("dark with the system", dark).await;
    page.click("#theme").await;
    page.check(
        "light by choice",
        &format!("!({dark}) && document.querySelector('#theme').ariaLabel === 'Colours: light'"),
    )
    .await;
    page.emulate(1_280, Scheme::Light).await;
    page.click("#theme").await;
    page.check("dark by choice", dark).await;
    page.reload().await;
    page.check("the choice is remembered", dark).await;
    browser.close().await;
}
