//! The picture of the README and of the guide.

use inspector_tests::{
    Browser, Delivery, Inspector, SLACK, Scheme, github, optimizely, slack, stripe, vwo,
};

/// Texts that the description of the picture mentions. `PICTURE=pictures/inspector.svg` writes the picture.
#[tokio::test(flavor = "multi_thread")]
async fn the_picture_shows_verdicts_of_all_kinds_and_the_cause_of_a_rejection() {
    let inspector = Inspector::start().await;
    inspector.set_secret("slack", "default", SLACK).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    page.emulate(1_280, Scheme::Light).await;
    let push = r#"{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5","repository":{"id":1296269,"full_name":"octo/example","private":false},"pusher":{"name":"octo"}}"#;
    let deliveries: [Delivery; 7] = [
        optimizely(),
        vwo(r#"{"event": "settings_changed"}"#),
        slack(r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}"#),
        Delivery::new(
            "/in/shopify",
            &[("X-Shopify-Hmac-Sha256", "c2lnbmF0dXJl")],
            r#"{"id":820982911946154508}"#,
        ),
        stripe(
            5_400,
            r#"{"id":"evt_1","object":"event","type":"invoice.paid"}"#,
        ),
        github("push", push),
        github("push", push).with_body(format!("{push}\n")),
    ];
    for delivery in deliveries {
        delivery.send(inspector.inbox).await;
    }
    page.wait(
        "all are here",
        "document.querySelectorAll('.item').length === 7",
    )
    .await;
    for (state, word) in [
        ("verified", "Verified"),
        ("handshake", "Set-up request"),
        ("unkeyed", "No secret"),
        ("rejected", "Rejected"),
    ] {
        page.wait_text(&format!(".item.{state}"), word).await;
    }
    page.click("#d7").await;
    page.wait_text("#verdict .cause", "a newline was added to its end")
        .await;
    page.wait_text("#body-remarks", "ends with a newline").await;
    page.picture(
        1_280,
        640,
        "The page of the inspector. On the left is a list of seven deliveries: four are verified or set-up requests, one has no secret, two are rejected. On the right is a rejected delivery of GitHub with its cause: a newline was added to the end of the body.",
    )
    .await;
    browser.close().await;
}
