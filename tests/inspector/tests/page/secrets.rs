//! Secrets: entered, made, removed, and never shown.

use inspector_tests::{Browser, GITHUB, Inspector, OPTIMIZELY, STRIPE, VWO, github, stripe, vwo};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_verified_when_its_secret_is_entered_and_not_any_more_when_it_is_removed() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.same(
        "without a secret the sender shall come again",
        github("push", "{}").send(inspector.inbox).await,
        503,
    );
    page.wait_text("#verdict.unkeyed", "Not verified: no secret")
        .await;
    page.wait_text(".item.unkeyed", "No secret · POST /in/github")
        .await;
    page.wait_text(".item.unkeyed .mark", "?").await;
    page.wait_text("#verdict", "The headers look like GitHub")
        .await;
    page.click("#verdict button").await;
    page.wait("the dialog is open at this sender", "document.querySelector('#secrets-github').open && document.activeElement.type === 'password'").await;
    page.insert(GITHUB).await;
    page.press("Enter").await;
    page.wait_text("#secrets-github summary", "entered here")
        .await;
    page.press("Escape").await;
    page.wait(
        "the dialog is closed",
        "!document.querySelector('dialog[open]')",
    )
    .await;
    page.wait_text("#verdict.verified", "The signature matches")
        .await;
    page.check(
        "the focus is not lost",
        "document.activeElement !== document.body",
    )
    .await;

    page.click("#open-secrets").await;
    page.click("#secrets-github summary").await;
    page.click("#secrets-github .keylist button").await;
    page.wait_text("#secrets-github summary", "no secret").await;
    page.wait(
        "the delivery has no verdict again",
        "document.querySelector('#verdict').classList.contains('unkeyed')",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waited_for_its_secret_is_judged_by_the_time_of_its_receipt() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    // It was signed 299 s before it came: the tolerance of 300 s is over one second later.
    stripe(299, r#"{"id":"evt_1","object":"event"}"#)
        .send(inspector.inbox)
        .await;
    page.wait_text("#verdict.unkeyed", "no secret").await;
    page.wait("the tolerance is over", &format!("Date.now() / 1000 > {} + 2", "Number(document.querySelector('#facts dd').innerText ? Date.parse(document.querySelector('#facts dd').innerText) / 1000 : NaN)")).await;
    inspector.set_secret("stripe", "default", STRIPE).await;
    page.wait_text("#verdict.verified", "The signature matches")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_secrets_of_one_sender_are_tried_and_named() {
    let inspector = Inspector::with(&[("WEBHOOK_SECRET_GITHUB", "the new secret")]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}").send(inspector.inbox).await;
    page.wait_text("#verdict.rejected", "signature_mismatch")
        .await;
    page.click("#open-secrets").await;
    page.click("#secrets-github summary").await;
    page.fill("#secrets-github input[type=password]", GITHUB)
        .await;
    page.fill("#secrets-github input[type=text]", "old").await;
    page.click("#secrets-github form .primary").await;
    page.wait_text("#secrets-github .keylist", "“old”, entered here")
        .await;
    page.check(
        "the field is empty again",
        "document.querySelector('#secrets-github input[type=password]').value === ''",
    )
    .await;
    page.press("Escape").await;
    page.wait_text("#verdict.verified", "with the key “old”")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_made_here_is_shown_once() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.click("#open-secrets").await;
    page.fill("#secrets-find", "shopify").await;
    page.wait("one sender is found", "[...document.querySelectorAll('#secrets-list > li')].filter((row) => row.checkVisibility()).length === 1").await;
    page.click("#secrets-shopify summary").await;
    page.click("#secrets-shopify .give .row button:last-child")
        .await;
    page.wait_text("#secrets-shopify", "It is shown only now")
        .await;
    let secret = page.text("#secrets-shopify .copyline code").await;
    page.seen("it is a secret", secret.len() >= 20);
    page.press("Escape").await;
    page.wait(
        "it is not in the page any more",
        &format!(
            "!document.documentElement.outerHTML.includes({})",
            json!(secret)
        ),
    )
    .await;
    let state = inspector.state().await.to_string();
    page.seen("it is not in the state", !state.contains(&secret));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_used_is_rejected_with_a_reason() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.click("#open-secrets").await;
    page.click("#secrets-svix summary").await;
    page.fill("#secrets-svix input[type=password]", "not base64!")
        .await;
    page.press("Enter").await;
    page.wait(
        "the reason is shown",
        "document.querySelector('#secrets-svix .error').innerText.length > 20",
    )
    .await;
    page.check(
        "without the secret",
        "!document.querySelector('#secrets-svix .error').innerText.includes('not base64!')",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_secrets_and_signatures_are_nowhere_until_show() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let push = github("push", "{}");
    let signature = push
        .value("X-Hub-Signature-256")
        .trim_start_matches("sha256=")
        .to_owned();
    push.send(inspector.inbox).await;
    vwo(r#"{"event": "settings_changed"}"#)
        .send(inspector.inbox)
        .await;
    page.wait(
        "both are here",
        "document.querySelectorAll('.item').length === 2",
    )
    .await;

    let hidden = [GITHUB, STRIPE, VWO, OPTIMIZELY, &signature];
    let mut texts = vec![inspector.state().await.to_string(), inspector.log()];
    for id in [1, 2] {
        for (method, route, body) in [
            ("GET", "", None),
            ("GET", "/curl", None),
            ("GET", "/vector", None),
            ("GET", "/test", None),
            ("POST", "/try", Some(json!({ "sender": "github" }))),
        ] {
            // The curl line is to be sent again, so it has the signature.
            let text = inspector
                .api(method, &format!("/api/deliveries/{id}{route}"), body)
                .await
                .text();
            texts.push(if route == "/curl" {
                text.replace(&signature, "")
            } else {
                text
            });
        }
    }
    for row in ["#d1", "#d2"] {
        page.click(row).await;
        for tab in ["body", "headers", "event", "match", "forward", "compare"] {
            page.click(&format!("#tab-{tab}")).await;
            texts.push(page.html().await);
        }
    }
    for hidden in hidden {
        for text in &texts {
            page.seen(
                &format!("{hidden} is not in {text}"),
                !text.contains(hidden),
            );
        }
    }
    page.click("#tab-headers").await;
    page.wait_text("#headers", "characters)").await;
    page.click("#headers [aria-label='Show the value of x-vwo-auth']")
        .await;
    page.wait_text("#headers", VWO).await;
    page.click("#headers [aria-label='Hide the value of x-vwo-auth']")
        .await;
    page.wait(
        "it is hidden again",
        &format!(
            "!document.querySelector('#headers').innerText.includes({})",
            json!(VWO)
        ),
    )
    .await;
    page.click("#d1").await;
    page.click("#headers [aria-label='Show the value of x-hub-signature-256']")
        .await;
    page.wait_text("#headers", &signature).await;
    page.check(
        "the browser stores only the token",
        "Object.keys(localStorage).length === 0 && Object.keys(sessionStorage).join() === 'token'",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_survives_deliveries_and_other_secrets() {
    let inspector = Inspector::with(&[]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.click("#open-secrets").await;
    page.click("#secrets-stripe summary").await;
    page.fill("#secrets-stripe input[type=password]", "half of a sec")
        .await;
    page.eval("window.field = document.activeElement; field.setSelectionRange(4, 6); true")
        .await;
    github("push", "{}").send(inspector.inbox).await;
    inspector.set_secret("github", "default", GITHUB).await;
    page.wait_text("#secrets-github summary", "entered here")
        .await;
    page.check(
        "the same field has the focus, the text and the selection",
        "document.activeElement === field && field.value === 'half of a sec' && field.selectionStart === 4 && field.selectionEnd === 6",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_address_is_masked_until_show() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    github("push", "{}")
        .to(&format!("/in/github/{VWO}?key={VWO}"))
        .send(inspector.inbox)
        .await;
    page.wait_text("#verdict.verified", "matches").await;
    page.wait_text("#masked", "A part of the address is masked")
        .await;
    page.check(
        "the secret is not in the page",
        &format!("!document.documentElement.outerHTML.includes('{VWO}')"),
    )
    .await;
    page.click("#masked-show").await;
    page.wait_text("#request-line", &format!("POST /in/github/{VWO}?key={VWO}"))
        .await;
    page.check(
        "the focus is not lost",
        "document.activeElement !== document.body",
    )
    .await;
    browser.close().await;
}
