//! All of it without a mouse.

use inspector_tests::{Browser, Inspector, Page, github};

/// Presses Tab until an element has the focus; on the way the focus is never on the body.
async fn tab_to(page: &Page, selector: &str) {
    for _ in 0..60 {
        let found = format!(
            "document.activeElement.matches({})",
            serde_json::json!(selector)
        );
        if page.eval(&found).await == true {
            return;
        }
        page.press("Tab").await;
    }
    panic!(
        "Tab does not reach {selector}: {}",
        page.eval("document.activeElement.outerHTML").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn from_empty_to_a_saved_test_by_keyboard_alone() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.wait_text("#empty-title", "Waiting").await;
    page.press("Tab").await;
    page.check(
        "the first stop is the skip link",
        "document.activeElement.id === 'skip'",
    )
    .await;
    page.press("Enter").await;
    page.check(
        "it goes to the delivery",
        "document.activeElement.id === 'detail'",
    )
    .await;
    tab_to(&page, "#empty-sender").await;
    // Typing chooses in a menu.
    page.press("s").await;
    page.press("h").await;
    page.press("o").await;
    page.press("p").await;
    page.press("i").await;
    page.press("f").await;
    page.press("y").await;
    page.wait_text("#empty-url", "/in/shopify").await;
    tab_to(&page, "#empty-test").await;
    page.press("Enter").await;
    page.wait("the dialog is open", "document.querySelector('#test').open")
        .await;
    tab_to(&page, "#test-make").await;
    page.press("Enter").await;
    page.wait_text("#test-key", "made here").await;
    tab_to(&page, "#test-send").await;
    page.press("Enter").await;
    page.wait_text("#verdict.verified", "The signature matches")
        .await;
    page.wait(
        "the focus is at the delivery",
        "document.activeElement.id === 'title'",
    )
    .await;
    tab_to(&page, "#save-test").await;
    page.press("Enter").await;
    page.wait_text("#toast", "Saved as shopify_1.rs").await;
    page.seen(
        "the test is saved",
        browser.saved("shopify_1.rs").await.contains("test]"),
    );
    page.check(
        "the focus is still on the button",
        "document.activeElement.id === 'save-test'",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_and_the_tabs_are_one_stop_each_with_arrows_inside() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    for _ in 0..25 {
        github("push", "{}").send(inspector.inbox).await;
    }
    page.wait(
        "all rows",
        "document.querySelectorAll('.item').length === 25",
    )
    .await;
    tab_to(&page, "#items").await;
    let selected = |id: u32| {
        format!(
            "document.querySelector('[aria-selected=true].item').id === 'd{id}' && document.querySelector('#items').getAttribute('aria-activedescendant') === 'd{id}' && document.activeElement.id === 'items'"
        )
    };
    for (key, id) in [
        ("Home", 25),
        ("ArrowDown", 24),
        ("ArrowDown", 23),
        ("ArrowUp", 24),
        ("PageDown", 14),
        ("End", 1),
        ("ArrowDown", 1),
        ("Home", 25),
        ("j", 24),
        ("k", 25),
    ] {
        page.press(key).await;
        page.wait(&format!("{key} selects {id}"), &selected(id))
            .await;
    }
    page.check("the selected row is visible", "(() => { const row = document.querySelector('#d25').getBoundingClientRect(); return row.top >= 0 && row.bottom <= innerHeight; })()").await;
    tab_to(&page, "#tab-body").await;
    for (key, tab) in [
        ("ArrowRight", "headers"),
        ("End", "compare"),
        ("ArrowRight", "body"),
        ("ArrowLeft", "compare"),
        ("Home", "body"),
    ] {
        page.press(key).await;
        page.wait(&format!("{key} opens {tab}"), &format!("document.activeElement.id === 'tab-{tab}' && document.activeElement.ariaSelected === 'true' && document.querySelector('#panel-{tab}').checkVisibility()")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_keys_are_shortcuts_unless_they_are_switched_off() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait_text("#verdict.verified", "matches").await;
    for (key, tab) in [
        ("2", "headers"),
        ("3", "event"),
        ("4", "match"),
        ("5", "forward"),
        ("6", "compare"),
        ("1", "body"),
    ] {
        page.press(key).await;
        page.wait(
            &format!("{key} opens {tab}"),
            &format!("document.activeElement.id === 'tab-{tab}'"),
        )
        .await;
    }
    page.press("p").await;
    page.wait(
        "p pauses",
        "document.querySelector('#pause').ariaPressed === 'true'",
    )
    .await;
    page.press("p").await;
    page.press("/").await;
    page.check(
        "/ goes to the filter",
        "document.activeElement.id === 'filter'",
    )
    .await;
    page.press("t").await;
    page.check(
        "in a field a key is a letter",
        "document.activeElement.value === 't' && !document.querySelector('dialog[open]')",
    )
    .await;
    page.press("Escape").await;
    page.press("Escape").await;
    page.check(
        "Esc goes to the list",
        "document.activeElement.id === 'items'",
    )
    .await;
    for (key, dialog) in [("t", "test"), ("s", "secrets"), ("?", "help")] {
        page.press(key).await;
        page.wait(
            &format!("{key} opens {dialog}"),
            &format!("document.querySelector('#{dialog}').open"),
        )
        .await;
        page.press("Escape").await;
        page.wait("Esc closes it", "!document.querySelector('dialog[open]')")
            .await;
        page.check("the focus is back", "document.activeElement.id === 'items'")
            .await;
    }
    page.press("?").await;
    page.click("#keys-on").await;
    page.press("Escape").await;
    page.press("t").await;
    page.press("2").await;
    page.check("nothing happens", "!document.querySelector('dialog[open]') && document.querySelector('#tab-body').ariaSelected === 'true'").await;
    page.reload().await;
    page.check(
        "the choice is remembered",
        "!document.querySelector('#keys-on').checked",
    )
    .await;
    browser.close().await;
}
