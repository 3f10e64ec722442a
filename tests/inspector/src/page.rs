//! A tab: mouse, keyboard, questions to the document, and all that it wrote to the console and asked the network for.

use std::{
    env, fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chromiumoxide::{
    cdp::{
        browser_protocol::{
            emulation::{
                MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
                SetFocusEmulationEnabledParams,
            },
            input::{DispatchKeyEventParams, DispatchKeyEventType, InsertTextParams},
            log::EventEntryAdded,
            network::EventRequestWillBeSent,
            page::{CaptureScreenshotFormat, CaptureScreenshotParams, Viewport},
        },
        js_protocol::runtime::{EvaluateParams, EventConsoleApiCalled, EventExceptionThrown},
    },
    page::ScreenshotParams,
};
use futures_util::StreamExt;
use serde_json::Value;

use crate::{PATIENCE, note};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheme {
    Dark,
    Light,
}

#[derive(Debug)]
pub struct Page {
    page: chromiumoxide::Page,
    console: Arc<Mutex<Vec<String>>>,
    requests: Arc<Mutex<Vec<String>>>,
    checks: AtomicUsize,
    axe: AtomicUsize,
}

impl Drop for Page {
    fn drop(&mut self) {
        note(&format!("checks {}", self.checks.get_mut()));
        note(&format!("axe {}", self.axe.get_mut()));
    }
}

impl Page {
    pub(crate) async fn new(page: chromiumoxide::Page) -> Self {
        let console = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let keep = |list: &Arc<Mutex<Vec<String>>>| {
            let list = list.clone();
            move |line: String| list.lock().expect("no panic").push(line)
        };
        page.enable_log().await.expect("the log");
        let mut calls = page
            .event_listener::<EventConsoleApiCalled>()
            .await
            .expect("events");
        let mut thrown = page
            .event_listener::<EventExceptionThrown>()
            .await
            .expect("events");
        let mut entries = page
            .event_listener::<EventEntryAdded>()
            .await
            .expect("events");
        let mut sent = page
            .event_listener::<EventRequestWillBeSent>()
            .await
            .expect("events");
        let write = keep(&console);
        tokio::spawn(async move {
            while let Some(call) = calls.next().await {
                write(format!("console: {:?}", call.args))
            }
        });
        let write = keep(&console);
        tokio::spawn(async move {
            while let Some(event) = thrown.next().await {
                write(format!("exception: {:?}", event.exception_details))
            }
        });
        let write = keep(&console);
        tokio::spawn(async move {
            while let Some(event) = entries.next().await {
                write(format!("log: {} {:?}", event.entry.text, event.entry.url))
            }
        });
        let write = keep(&requests);
        tokio::spawn(async move {
            while let Some(event) = sent.next().await {
                write(event.request.url.clone())
            }
        });
        page.execute(SetFocusEmulationEnabledParams::new(true))
            .await
            .expect("focus");
        Self {
            page,
            console,
            requests,
            checks: AtomicUsize::new(0),
            axe: AtomicUsize::new(0),
        }
    }

    pub async fn goto(&self, url: &str) {
        self.page.goto(url).await.expect("the page loads");
    }

    /// Loads the page again and waits until it is connected.
    pub async fn reload(&self) {
        self.eval("window.before = true; location.reload(); true")
            .await;
        self.wait(
            "the page is connected again",
            "window.before === undefined && document.querySelector('#link')?.dataset.state === 'live'",
        )
        .await;
    }

    /// The value of an expression, which may be a promise.
    pub async fn eval(&self, expression: &str) -> Value {
        self.page
            .evaluate(promise(expression))
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
            .value()
            .cloned()
            .unwrap_or(Value::Null)
    }

    async fn holds(&self, expression: &str) -> bool {
        // While the page loads there is nothing to ask.
        self.page
            .evaluate(promise(expression))
            .await
            .is_ok_and(|result| result.value() == Some(&Value::Bool(true)))
    }

    /// Waits until an expression is true, and fails with the text if it stays false.
    pub async fn wait(&self, what: &str, expression: &str) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        while !self.holds(expression).await {
            if start.elapsed() > PATIENCE {
                let text = self.eval("document.querySelector('dialog[open]')?.innerText ?? document.body.innerText").await;
                panic!(
                    "not seen: {what}\n  {expression}\non the page:\n{}\nconsole: {:?}",
                    text.as_str().unwrap_or_default(),
                    self.console()
                );
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until the visible text of an element has a part.
    pub async fn wait_text(&self, selector: &str, part: &str) {
        let expression = format!(
            "document.querySelector({})?.checkVisibility() && document.querySelector({}).innerText.includes({})",
            text(selector),
            text(selector),
            text(part)
        );
        self.wait(&format!("{selector} contains {part:?}"), &expression)
            .await;
    }

    /// Fails with the text if it is not so at this moment.
    pub async fn check(&self, what: &str, expression: &str) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let value = self.eval(expression).await;
        assert_eq!(value, Value::Bool(true), "{what}: {expression}");
    }

    /// A check of something that is not in the document.
    pub fn seen(&self, what: &str, holds: bool) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        assert!(holds, "{what}");
    }

    pub fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, left: T, right: T) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        assert_eq!(left, right, "{what}");
    }

    /// The visible text of an element.
    pub async fn text(&self, selector: &str) -> String {
        self.eval(&format!(
            "document.querySelector({}).innerText",
            text(selector)
        ))
        .await
        .as_str()
        .expect("a text")
        .to_owned()
    }

    pub async fn html(&self) -> String {
        self.eval("document.documentElement.outerHTML")
            .await
            .as_str()
            .expect("a text")
            .to_owned()
    }

    /// Clicks with the mouse on an element that is visible.
    ///
    /// The page can move the element after its place is known: a late answer of the server makes a line longer. The
    /// page is not told of a click that meets another element, and the click is tried again.
    pub async fn click(&self, selector: &str) {
        let visible = format!(
            "document.querySelector({})?.checkVisibility() && !document.querySelector({}).disabled",
            text(selector),
            text(selector)
        );
        let start = Instant::now();
        loop {
            self.wait(&format!("{selector} can be clicked"), &visible)
                .await;
            match self.click_once(selector).await {
                Ok(()) => return,
                Err(error) => assert!(
                    start.elapsed() < PATIENCE,
                    "{selector} cannot be clicked: {error}"
                ),
            }
        }
    }

    async fn click_once(&self, selector: &str) -> Result<(), String> {
        let failed = |error: chromiumoxide::error::CdpError| error.to_string();
        let element = self.page.find_element(selector).await.map_err(failed)?;
        element.scroll_into_view().await.map_err(failed)?;
        let place = element.clickable_point().await.map_err(failed)?;
        self.eval(&AIM.replace("SELECTOR", &text(selector))).await;
        let clicked = self.page.click(place).await.map_err(failed);
        // A page that was loaded again by the click does not know of it any more.
        let missed = self.eval("window.aim?.end() ?? null").await;
        clicked?;
        match missed.as_str() {
            None => Ok(()),
            Some(other) => Err(format!("another element was there: {other}")),
        }
    }

    /// Chooses an option of a `<select>` as a user does: the value changes, and the page is told.
    pub async fn select(&self, selector: &str, value: &str) {
        let expression = format!(
            "(() => {{ const box = document.querySelector({}); box.value = {}; box.dispatchEvent(new Event('change', {{ bubbles: true }})); return box.value === {}; }})()",
            text(selector),
            text(value),
            text(value),
        );
        self.check(&format!("{selector} has the option {value}"), &expression)
            .await;
    }

    /// Replaces the text of a field by typing.
    pub async fn fill(&self, selector: &str, value: &str) {
        self.eval(&format!("(() => {{ const field = document.querySelector({}); field.focus(); field.select(); }})()", text(selector))).await;
        if value.is_empty() {
            self.press("Delete").await;
        } else {
            self.insert(value).await;
        }
    }

    /// Types a text at the focus.
    pub async fn insert(&self, value: &str) {
        self.page
            .execute(InsertTextParams::new(value))
            .await
            .expect("a focus");
    }

    /// Presses a key: one letter, or a name such as `Tab`, `Shift+Tab`, `Enter`, `Escape`, `ArrowDown`.
    pub async fn press(&self, name: &str) {
        let (modifiers, key) = name
            .strip_prefix("Shift+")
            .map_or((0, name), |key| (8, key));
        let (code, number, inserted) = match key {
            "ArrowDown" => ("ArrowDown".to_owned(), 40, None),
            "ArrowLeft" => ("ArrowLeft".to_owned(), 37, None),
            "ArrowRight" => ("ArrowRight".to_owned(), 39, None),
            "ArrowUp" => ("ArrowUp".to_owned(), 38, None),
            "Delete" => ("Delete".to_owned(), 46, None),
            "End" => ("End".to_owned(), 35, None),
            "Enter" => ("Enter".to_owned(), 13, Some("\r")),
            "Escape" => ("Escape".to_owned(), 27, None),
            "Home" => ("Home".to_owned(), 36, None),
            "PageDown" => ("PageDown".to_owned(), 34, None),
            "Tab" => ("Tab".to_owned(), 9, None),
            " " => ("Space".to_owned(), 32, Some(" ")),
            "/" => ("Slash".to_owned(), 191, Some("/")),
            "?" => ("Slash".to_owned(), 191, Some("?")),
            digit if digit.parse::<u8>().is_ok() => (
                format!("Digit{digit}"),
                i64::from(digit.as_bytes()[0]),
                Some(digit),
            ),
            letter => (
                format!("Key{}", letter.to_ascii_uppercase()),
                i64::from(letter.to_ascii_uppercase().as_bytes()[0]),
                Some(letter),
            ),
        };
        let event = |kind| {
            let event = DispatchKeyEventParams::builder()
                .r#type(kind)
                .key(key)
                .code(code.clone())
                .windows_virtual_key_code(number)
                .modifiers(modifiers);
            match (inserted, modifiers) {
                (Some(inserted), 0) => event.text(inserted),
                _ => event,
            }
            .build()
            .expect("a key")
        };
        self.page
            .execute(event(DispatchKeyEventType::KeyDown))
            .await
            .expect("a key");
        let up = DispatchKeyEventParams::builder()
            .r#type(DispatchKeyEventType::KeyUp)
            .key(key)
            .code(code.clone())
            .windows_virtual_key_code(number)
            .modifiers(modifiers)
            .build()
            .expect("a key");
        self.page.execute(up).await.expect("a key");
    }

    /// Width of the page in CSS pixels, and the colours that the system asks for.
    pub async fn emulate(&self, width: i64, scheme: Scheme) {
        self.page
            .execute(SetDeviceMetricsOverrideParams::new(width, 800, 1.0, false))
            .await
            .expect("a width");
        let value = if scheme == Scheme::Dark {
            "dark"
        } else {
            "light"
        };
        let media = SetEmulatedMediaParams::builder()
            .feature(MediaFeature::new("prefers-color-scheme", value))
            .feature(MediaFeature::new("prefers-reduced-motion", "reduce"))
            .build();
        self.page.execute(media).await.expect("colours");
    }

    /// Nothing of the page is wider than the window.
    pub async fn check_width(&self, view: &str) {
        self.check(
            &format!("{view} has no sideways scroll"),
            "document.documentElement.scrollWidth <= innerWidth",
        )
        .await;
    }

    /// The violations that axe-core finds, as `rule: element`.
    pub async fn axe(&self) -> Vec<String> {
        self.axe.fetch_add(1, Ordering::Relaxed);
        let path =
            env::var_os("AXE").expect("AXE: the path of axe.min.js. `tests/inspector/run` sets it");
        if !self.holds("typeof axe === 'object'").await {
            let script = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            self.page
                .evaluate_expression(format!("{script}; true"))
                .await
                .expect("axe-core");
        }
        let found = self.eval("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)))").await;
        found
            .as_array()
            .expect("a list")
            .iter()
            .map(|violation| violation.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// All that the page and the browser wrote to the console.
    pub fn console(&self) -> Vec<String> {
        self.console.lock().expect("no panic").clone()
    }

    /// The URLs of all requests.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }

    /// The console is empty, and no request left the origin.
    pub fn check_quiet(&self, origin: &str) {
        self.same("the console is empty", self.console(), Vec::new());
        let own = [
            origin.to_owned(),
            format!("blob:{origin}"),
            "about:blank".to_owned(),
            "data:".to_owned(),
        ];
        let foreign: Vec<String> = self
            .requests()
            .into_iter()
            .filter(|url| !own.iter().any(|own| url.starts_with(own)))
            .collect();
        self.same("no request left the origin", foreign, Vec::new());
    }

    /// Writes a picture to the file that `PICTURE` names, if it does: an SVG with the picture inside, because the
    /// documentation can only include text.
    pub async fn picture(&self, width: u32, height: u32, description: &str) {
        let Some(path) = env::var_os("PICTURE") else {
            return;
        };
        let parameters = CaptureScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Webp)
            .quality(72)
            .clip(Viewport {
                x: 0.0,
                y: 0.0,
                width: f64::from(width),
                height: f64::from(height),
                scale: 1.0,
            })
            .build();
        let shot = self.page.execute(parameters).await.expect("a picture");
        let data: &str = shot.result.data.as_ref();
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" style=\"max-width:100%;height:auto\" role=\"img\" aria-labelledby=\"inspector-title\">\n\
             <title id=\"inspector-title\">{description}</title>\n\
             <image width=\"{width}\" height=\"{height}\" href=\"data:image/webp;base64,{data}\"/>\n\
             </svg>\n"
        );
        fs::write(&path, svg).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Writes a picture to the folder that `SHOTS` names, if it does: a person looks at it.
    pub async fn shot(&self, name: &str) {
        let Some(folder) = env::var_os("SHOTS") else {
            return;
        };
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        let parameters = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .build();
        self.page
            .save_screenshot(parameters, path)
            .await
            .expect("a picture");
    }
}

/// Keeps the events of a mouse from all elements but one, until `aim.end()`, which says what was met in its place.
const AIM: &str = "(() => {
    let missed = 'nothing';
    const names = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
    const judge = (event) => {
        if (!event.isTrusted) return;
        const hit = event.target instanceof Element && event.target.closest(SELECTOR);
        if (event.type === 'click') missed = hit ? null : event.target.outerHTML?.slice(0, 80) ?? 'the document';
        if (hit) return;
        event.preventDefault();
        event.stopImmediatePropagation();
    };
    names.forEach((name) => addEventListener(name, judge, true));
    window.aim = { end() {
        names.forEach((name) => removeEventListener(name, judge, true));
        delete window.aim;
        return missed;
    } };
    return true;
})()";

/// A text as a JavaScript string.
fn text(value: &str) -> String {
    Value::from(value).to_string()
}

/// An expression whose value is returned. If it is a promise, its result is.
fn promise(expression: &str) -> EvaluateParams {
    EvaluateParams::builder()
        .expression(expression)
        .await_promise(true)
        .return_by_value(true)
        .build()
        .expect("an expression")
}
