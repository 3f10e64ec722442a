//! Each view by its content.

use inspector_tests::{Browser, Delivery, Inspector, Page, SLACK, github, slack};
use serde_json::json;

const BODY: &str = r#"{"id":1296269012345678901234,"size":1.0,"text":"a\n\u00e9","list":[true,null,[]],"empty":{}}"#;

async fn shown(page: &Page, inspector: &Inspector, delivery: Delivery) {
    let before = page
        .eval("Number(document.querySelector('.item')?.id.slice(1) ?? 0)")
        .await
        .as_u64()
        .expect("a number");
    delivery.send(inspector.inbox).await;
    let row = format!("#d{}", before + 1);
    page.click(&row).await;
    page.wait(
        "it is selected",
        &format!("document.querySelector('{row}').ariaSelected === 'true'"),
    )
    .await;
    page.wait("its body is shown", &format!("document.querySelector('#body-view').childElementCount > 0 && document.querySelector('#request-line').innerText.includes({})", json!(delivery.path.split('?').next()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_shown_as_text_tree_and_hexadecimal_digits() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(&page, &inspector, github("push", BODY)).await;
    page.wait(
        "the text is the body",
        &format!(
            "document.querySelector('#body-view pre').textContent === {}",
            json!(BODY)
        ),
    )
    .await;
    page.wait_text(
        "#body-remarks",
        "UTF-8 · no newline at the end · JSON · sent as application/json",
    )
    .await;

    page.click("#form-tree").await;
    page.wait_text(".tree", "\"id\": 1296269012345678901234")
        .await;
    for part in [
        "{ 5 names }",
        "\"size\": 1.0",
        r#""text": "a\né""#,
        "[ 3 items ]",
        "0: true",
        "1: null",
        "2: []",
        "\"empty\": {}",
    ] {
        page.wait_text(".tree", part).await;
    }

    page.click("#form-hex").await;
    // Each byte: the digits and the letters are compared with the body in the page.
    let hex: String = BODY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let digits = "[...document.querySelector('#body-view pre').textContent.split('\\n')].filter(Boolean).map((line) => line.slice(10, 58).replaceAll(' ', '')).join('')";
    page.wait(
        "the digits are the body",
        &format!("{digits} === {}", json!(hex)),
    )
    .await;
    let letters: String = BODY
        .bytes()
        .map(|byte| {
            if (32..127).contains(&byte) {
                char::from(byte)
            } else {
                '·'
            }
        })
        .collect();
    page.check("the letters are the body", &format!("document.querySelector('#body-view pre').textContent.split('\\n').filter(Boolean).map((line) => line.slice(60)).join('') === {}", json!(letters))).await;
    page.check("the lines are counted", "document.querySelector('#body-view pre').textContent.split('\\n')[1].startsWith('00000010  ')").await;

    page.click("#form-text").await;
    page.click("#visible").await;
    shown(
        &page,
        &inspector,
        github("push", "a b\tc\r\nd\u{a0}\u{202e}"),
    )
    .await;
    page.wait(
        "white space is visible",
        "document.querySelector('#body-view pre').textContent === 'a·b→\\tc␍⏎\\nd[NBSP][U+202E]'",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remarks_name_what_is_unusual_about_the_bytes() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
    let cases: [(&[u8], &str); 8] = [
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\x1f\x8b\x08", "begins like gzip"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b"{}\r\n", "ends with CR LF"),
        (
            br#"{"a":1,"a":2}"#,
            r#"the name "a" appears twice in one object"#,
        ),
        (deep.as_bytes(), "it is deeper than 100 levels"),
        ("\u{202e}".as_bytes(), "change the direction of text"),
    ];
    for (body, remark) in cases {
        shown(&page, &inspector, github("push", body)).await;
        page.wait_text("#body-remarks", remark).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_shown_in_part_and_then_whole() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let body = format!("\"{}\"", "x".repeat(1_000_000));
    shown(&page, &inspector, github("push", body.clone())).await;
    page.wait(
        "a part of the text",
        "document.querySelector('#body-view pre').textContent.length === 200000",
    )
    .await;
    page.click("#body-view button").await;
    page.wait(
        "all of the text",
        &format!(
            "document.querySelector('#body-view pre').textContent.length === {}",
            body.len()
        ),
    )
    .await;
    page.check(
        "the focus is in the text",
        "document.activeElement === document.querySelector('#body-view pre')",
    )
    .await;
    page.click("#form-hex").await;
    page.wait(
        "a part of the digits",
        "document.querySelector('#body-view pre').textContent.split('\\n').length === 513",
    )
    .await;
    page.click("#body-view button").await;
    page.wait(
        "more of the digits",
        "document.querySelector('#body-view pre').textContent.split('\\n').length === 513 + 4096",
    )
    .await;
    page.click("#save-body").await;
    page.same(
        "the saved body is the body",
        browser.saved("github-1.body").await == body,
        true,
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_shown_as_a_table() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(
        &page,
        &inspector,
        Delivery::new(
            "/in/slack",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            "command=%2Fdeploy&text=a+b%3Cb%3E&empty=",
        ),
    )
    .await;
    page.click("#form-fields").await;
    let rows = "[...document.querySelectorAll('#body-view tr')].map((row) => [...row.children].map((cell) => cell.innerText))";
    page.wait(
        "the fields of the form",
        &format!(
            "JSON.stringify({rows}) === {}",
            json!(json!([["command", "/deploy"], ["text", "a b<b>"], ["empty", ""]]).to_string())
        ),
    )
    .await;

    let multipart = "--xyz\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{\"a\":1}\r\n--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n\u{0}\u{1}\r\n--xyz--\r\n";
    shown(
        &page,
        &inspector,
        Delivery::new(
            "/in/github",
            &[("Content-Type", "multipart/form-data; boundary=xyz")],
            multipart,
        ),
    )
    .await;
    page.wait_text("#body-view tr:nth-child(1)", "{\"a\":1}")
        .await;
    page.wait_text("#body-view tr:nth-child(2)", "a.bin").await;
    page.wait_text("#body-view tr:nth-child(2)", "application/octet-stream")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_have_their_roles_and_repeated_ones_their_order() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(
        &page,
        &inspector,
        github("push", "{}")
            .header("X-Twice", "first")
            .header("X-Twice", "second"),
    )
    .await;
    page.click("#tab-headers").await;
    page.wait_text("#panel-headers .remarks", "header names in lower case")
        .await;
    for (name, role) in [
        ("x-hub-signature-256", "signature"),
        ("x-github-delivery", "id"),
        ("x-github-event", "event"),
    ] {
        page.wait(&format!("{name} is the {role}"), &format!("[...document.querySelectorAll('#headers th')].some((head) => head.innerText.replace(/\\s+/g, ' ') === '{name} {role}' || head.children[0].innerText === '{name}' && head.children[1].innerText === '{role}')")).await;
    }
    page.check("both values are in their order", "[...document.querySelectorAll('#headers tr')].filter((row) => row.innerText.includes('x-twice')).map((row) => row.querySelector('td span').innerText).join() === 'first,second'").await;
    page.wait_text("#tab-headers", "Headers").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_only_shown_if_the_body_is_verified() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(&page, &inspector, github("push", "{}")).await;
    page.click("#tab-event").await;
    page.wait_text("#panel-event", "parse::<github::Event>()")
        .await;
    shown(&page, &inspector, github("push", "{}").with_body("{ }")).await;
    page.wait_text("#panel-event", "a body that is not verified is not parsed")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_and_another_sender_can_be_tried() {
    let inspector = Inspector::with(&[("WEBHOOK_SECRET_GITHUB", "a wrong secret")]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(&page, &inspector, github("push", "{}")).await;
    page.wait_text("#verdict.rejected", "signature_mismatch")
        .await;
    page.click("#tab-match").await;
    page.check(
        "the sender is proposed",
        "document.querySelector('#match-sender').value === 'github'",
    )
    .await;
    page.click("#match-go").await;
    page.wait_text("#match-result .rejected", "signature_mismatch")
        .await;
    page.fill("#match-secret", inspector_tests::GITHUB).await;
    page.press("Enter").await;
    page.wait_text("#match-result .verified", "The signature matches")
        .await;
    page.check(
        "nothing is kept of it",
        "document.querySelector('#verdict').classList.contains('rejected')",
    )
    .await;
    page.select("#match-sender", "forgejo").await;
    page.click("#match-go").await;
    page.wait_text("#match-result", "Rejected").await;
    // What is typed survives a delivery that comes.
    shown(&page, &inspector, github("push", "{}")).await;
    page.check(
        "the secret is still in the field",
        &format!(
            "document.querySelector('#match-secret').value === {}",
            json!(inspector_tests::GITHUB)
        ),
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bodies_are_compared_byte_by_byte() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    shown(&page, &inspector, github("push", BODY)).await;
    page.click("#tab-compare").await;
    page.wait_text("#compare-none", "There is no other delivery")
        .await;
    shown(&page, &inspector, github("push", BODY)).await;
    page.wait_text("#compare-result", "equal, byte for byte")
        .await;

    shown(&page, &inspector, github("push", format!("{BODY}\n"))).await;
    page.select("#compare-other", "1").await;
    page.wait_text(
        "#compare-result",
        &format!(
            "differ from byte {} on: 1 byte here, 0 bytes there",
            BODY.len()
        ),
    )
    .await;
    page.wait_text("#compare-result", "As JSON they are equal")
        .await;
    page.wait_text("#compare-result .difference", "0a").await;

    shown(&page, &inspector, github("push", BODY.replace("1.0", "1"))).await;
    page.select("#compare-other", "1").await;
    page.wait_text("#compare-result", "0 bytes here, 2 bytes there")
        .await;
    page.check(
        "1.0 and 1 are not said to be equal",
        "!document.querySelector('#compare-result').innerText.includes('As JSON')",
    )
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_request_is_answered_and_marked() {
    let inspector = Inspector::with(&[("WEBHOOK_SECRET_SLACK", SLACK)]).await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let challenge = slack(
        r#"{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#,
    );
    page.same(
        "the sender gets its answer",
        challenge.send(inspector.inbox).await,
        200,
    );
    page.wait_text(".item.handshake", "Set-up request · POST /in/slack")
        .await;
    page.wait_text("#verdict.handshake", "Set-up request").await;
    page.click("#answer-box summary").await;
    page.wait_text(
        "#answer",
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
    )
    .await;
    page.click("#tab-event").await;
    page.wait_text("#panel-event", "never reaches the handler")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_of_a_search_for_the_cause_moves_nothing() {
    let inspector = Inspector::start().await;
    let browser = Browser::start().await;
    let page = browser.open(&inspector.link()).await;
    let heights = page
        .eval(
            "import('/js/verdict.js').then(({ verdictCard }) => {
                const box = document.querySelector('#detail').appendChild(document.createElement('div'));
                const card = verdictCard(box, () => {});
                const causes = [
                    { state: 'pending' },
                    { state: 'unknown', tried: 5036 },
                    { state: 'unknown', tried: 0 },
                    { state: 'found', text: 'a newline was added to the end of the body', verified: true },
                    { state: 'skipped' },
                ];
                const height = (code, cause) => {
                    card({ state: 'rejected', message: 'a reason', code, cause }, { answered: 401 });
                    return box.checkVisibility() && box.offsetHeight;
                };
                return ['signature_mismatch', 'header_missing'].flatMap((code) => causes.map((cause) => height(code, cause)));
            })",
        )
        .await;
    let heights = heights.as_array().expect("a list");
    page.same("ten cards", heights.len(), 10);
    page.seen("they are drawn", heights[0].as_u64() > Some(50));
    for height in heights {
        page.same("the card keeps its height", height, &heights[0]);
    }
    browser.close().await;
}
