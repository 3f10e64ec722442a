//! Other hosts, other sites and other ports cannot use the console.

use inspector_tests::{Browser, Handler, Inspector, github, raw};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_foreign_mark_of_a_request_is_rejected_alone() {
    let inspector = Inspector::start().await;
    let (console, token) = (inspector.console, inspector.token.clone());
    let browser = Browser::start().await;
    let page = browser.tab().await;
    let good = [
        ("Host", console.to_string()),
        ("Origin", format!("http://{console}")),
        ("Sec-Fetch-Site", "same-origin".to_owned()),
        ("Authorization", format!("Bearer {token}")),
    ];
    let ask = async |changed: &str, value: Option<&str>, extra: &str| {
        let mut request = "GET /api/deliveries/1 HTTP/1.1\r\nConnection: close\r\n".to_owned();
        for (name, good) in &good {
            match (*name == changed, value) {
                (true, None) => {}
                (true, Some(value)) => request += &format!("{name}: {value}\r\n"),
                (false, _) => request += &format!("{name}: {good}\r\n"),
            }
        }
        request += extra;
        request += "\r\n";
        raw(console, request.as_bytes()).await.status
    };
    github("push", "{}").send(inspector.inbox).await;
    page.same("all is right", ask("", None, "").await, 200);
    let port = console.port();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        "127.0.0.1:1".to_owned(),
    ] {
        page.same(
            &format!("the host {host}"),
            ask("Host", Some(&host), "").await,
            421,
        );
    }
    for origin in [
        "http://evil.example".to_owned(),
        "null".to_owned(),
        "http://127.0.0.1:1".to_owned(),
        format!("https://127.0.0.1:{port}"),
    ] {
        page.same(
            &format!("the origin {origin}"),
            ask("Origin", Some(&origin), "").await,
            403,
        );
    }
    for site in ["cross-site", "same-site"] {
        page.same(
            &format!("the site {site}"),
            ask("Sec-Fetch-Site", Some(site), "").await,
            403,
        );
    }
    page.same("no token", ask("Authorization", None, "").await, 401);
    page.same(
        "another token",
        ask(
            "Authorization",
            Some(&format!("Bearer {}", "0".repeat(32))),
            "",
        )
        .await,
        401,
    );
    for proxy in [
        "X-Forwarded-For: 192.0.2.1\r\n",
        "Forwarded: for=192.0.2.1\r\n",
        "X-Forwarded-Host: evil.example\r\n",
    ] {
        page.same(proxy, ask("", None, proxy).await, 421);
    }
    for path in ["/", "/page.js", "/api/events"] {
        let response = raw(
            inspector.inbox,
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                inspector.inbox
            )
            .as_bytes(),
        )
        .await;
        page.same(&format!("the inbox has no {path}"), response.status, 404);
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_port_reads_and_changes_nothing_even_with_the_token() {
    let inspector = Inspector::start().await;
    let foreign = Handler::start(
        "200 OK",
        "text/html",
        "<!doctype html><title>another site</title><p>another site",
    )
    .await;
    github("push", "{}").send(inspector.inbox).await;
    let browser = Browser::start().await;
    let page = browser.tab().await;
    page.goto(&foreign.url()).await;
    page.wait(
        "the foreign page is here",
        "document.title === 'another site'",
    )
    .await;
    let console = json!(format!("http://{}", inspector.console));
    let token = json!(inspector.token);
    let attempt = |path: &str, options: &str| {
        format!(
            "fetch({console} + '{path}', {options}).then(async (response) => response.type === 'opaque' ? 'opaque' : response.status + ' ' + await response.text(), (error) => error.name)"
        )
    };
    let bearer = format!("headers: {{ authorization: 'Bearer ' + {token} }}");
    for (path, options) in [
        ("/api/events", format!("{{ {bearer} }}")),
        ("/api/deliveries/1", format!("{{ {bearer} }}")),
        (
            "/api/deliveries",
            format!("{{ method: 'DELETE', {bearer} }}"),
        ),
        ("/page.js", "{}".to_owned()),
    ] {
        page.same(
            &format!("{path} cannot be read"),
            page.eval(&attempt(path, &options)).await,
            json!("TypeError"),
        );
    }
    // Requests without a preflight are sent, but not accepted.
    page.eval(&attempt("/api/test", "{ method: 'POST', mode: 'no-cors', body: '{\"sender\":\"github\",\"fault\":\"genuine\"}' }")).await;
    page.same("the page cannot be in a frame", page.eval(&format!("new Promise((done) => {{ const frame = document.createElement('iframe'); frame.src = {console}; frame.onload = () => {{ try {{ done(frame.contentDocument === null) }} catch {{ done(true) }} }}; document.body.append(frame); }})")).await, json!(true));
    page.same("the script cannot be included", page.eval(&format!("new Promise((done) => {{ const script = document.createElement('script'); script.type = 'module'; script.src = {console} + '/page.js'; script.onerror = () => done('error'); script.onload = () => done('loaded'); document.head.append(script); }})")).await, json!("error"));
    let state = inspector.state().await;
    page.same(
        "nothing was deleted or added",
        state["deliveries"].as_array().map(Vec::len),
        Some(1),
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_the_page_shows_nothing() {
    let inspector = Inspector::start().await;
    github("push", "{}").send(inspector.inbox).await;
    let browser = Browser::start().await;
    let page = browser.tab().await;
    page.goto(&format!("http://{}/", inspector.console)).await;
    page.wait_text("#locked h2", "Open the link that the terminal shows")
        .await;
    page.goto(&format!(
        "http://{}/?again#{}",
        inspector.console,
        "0".repeat(32)
    ))
    .await;
    page.wait_text("#link-text", "locked").await;
    page.check(
        "no delivery is in the page",
        "document.querySelectorAll('.item').length === 0",
    )
    .await;
    page.shot("locked-1280").await;
    browser.close().await;
}
