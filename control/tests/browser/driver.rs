//! A real browser, driven from outside: Debian's chromium, or Google's Chrome.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::{ParseError, Url};

/// A page, served for one test.
pub(crate) struct Site {
    /// Where it is.
    pub(crate) address: String,
    /// The expression that is true once it runs.
    pub(crate) ready: &'static str,
}

/// Runs a test in a browser of its own, at a site of its own. Without a browser, it says so and
/// passes, but not on a Linux where `CI` is `true`.
pub(crate) async fn in_browser(
    site: impl AsyncFnOnce() -> Site + Send + 'static,
    test: impl AsyncFnOnce(&Browser) + Send + 'static,
) {
    // One at a time: two browsers on two processors only wait for each other.
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let Some(browser) = Browser::start(site).await else {
        let must = cfg!(target_os = "linux") && std::env::var("CI").as_deref() == Ok("true");
        assert!(
            !must,
            "chromium and chromedriver must be there where CI is true"
        );
        eprintln!("skipped: there is no chromedriver, or no chromium");
        return;
    };
    let result = AssertUnwindSafe(test(&browser)).catch_unwind().await;
    let complaints = browser.complaints().await;
    // Also after a failure, or the browser would stay behind.
    let closed = browser.client.close().await;
    let _ = std::fs::remove_dir_all(&browser.folder);
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
    assert!(
        complaints.is_empty(),
        "the console has errors: {complaints:#?}"
    );
    closed.expect("the browser closes");
}

pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) site: Site,
    folder: PathBuf,
    // Killed when dropped.
    _driver: Child,
}

impl Browser {
    async fn start(site: impl AsyncFnOnce() -> Site) -> Option<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let port = port_of(&mut driver).await?;
        let folder = scratch();
        std::fs::create_dir_all(&folder).expect("the target folder is writable");
        let capabilities = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update",
                "--window-size=1600,1000", format!("--user-data-dir={}", folder.join("profile").display()),
            ] },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().cloned().unwrap_or_default())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .inspect_err(|error| eprintln!("{error}"))
            .ok()?;

        let browser = Self {
            client,
            site: site().await,
            folder,
            _driver: driver,
        };
        let behavior = json!({ "behavior": "allow", "downloadPath": browser.folder });
        browser
            .devtools("Browser.setDownloadBehavior", behavior)
            .await;
        Some(browser)
    }

    /// Opens the page with this fragment, and waits until it runs.
    pub(crate) async fn open(&self, fragment: &str) {
        self.client.goto("about:blank").await.expect("a page");
        let url = format!("{}{fragment}", self.site.address);
        self.client.goto(&url).await.expect("the page");
        self.wait_until(self.site.ready).await;
    }

    /// Evaluates an expression in the page.
    pub(crate) async fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let value = self.client.execute(&script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true.
    pub(crate) async fn wait_until(&self, expression: &str) {
        let begun = Instant::now();
        while self.eval(&format!("Boolean({expression})")).await != true {
            assert!(begun.elapsed() < PATIENCE, "never: {expression}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        let clicked = element.click().await;
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    pub(crate) async fn choose(&self, selector: &str, value: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element
            .select_by_value(value)
            .await
            .expect("the choice is there");
    }

    /// Puts the pointer at a share of an element's width, so many pixels below its top.
    pub(crate) async fn point_at(&self, selector: &str, share: f64, below: f64) {
        let area = format!("document.querySelector('{selector}').getBoundingClientRect()");
        let area = self.eval(&format!("{area}.toJSON()")).await;
        let number = |key: &str| area[key].as_f64().expect("a box has it");
        let to = PointerAction::MoveTo {
            duration: Some(Duration::from_millis(50)),
            x: (number("x") + number("width") * share).round(),
            y: (number("y") + below).round(),
        };
        let point = MouseActions::new("mouse".to_owned()).then(to);
        self.client.perform_actions(point).await.expect("a move");
    }

    /// Drags the pointer across an element, between two shares of its width.
    pub(crate) async fn drag(&self, selector: &str, from: f64, to: f64) {
        let area = format!("document.querySelector('{selector}').getBoundingClientRect()");
        let area = self.eval(&format!("{area}.toJSON()")).await;
        let number = |key: &str| area[key].as_f64().expect("a box has it");
        let y = (number("y") + number("height") / 2.0) as i64;
        let to_share = |share: f64| PointerAction::MoveTo {
            duration: Some(Duration::from_millis(100)),
            x: (number("x") + number("width") * share) as i64 as f64,
            y: y as f64,
        };
        let drag = MouseActions::new("mouse".to_owned())
            .then(to_share(from))
            .then(PointerAction::Down { button: 0 })
            .then(to_share(to))
            .then(PointerAction::Up { button: 0 });
        self.client.perform_actions(drag).await.expect("a drag");
    }

    /// Types into the field of an option, as a user does.
    pub(crate) async fn type_into(&self, field: &str, text: &str) {
        let selector = format!("[data-field={field}]");
        self.unfold(&selector).await;
        let input = self
            .client
            .find(Locator::Css(&selector))
            .await
            .expect("the field");
        input.clear().await.expect("it can be cleared");
        let text = format!("{text}{ENTER}");
        input.send_keys(&text).await.expect("it can be typed into");
    }

    /// Opens the sections that an element is in.
    pub(crate) async fn unfold(&self, selector: &str) {
        let open = format!(
            "(() => {{ for (let part = document.querySelector('{selector}'); part; part = part.parentElement) \
             if (part.tagName === 'DETAILS') part.open = true; }})()"
        );
        self.eval(&open).await;
    }

    /// Returns the message at the field of an option; empty without one.
    pub(crate) async fn message_at(&self, field: &str) -> String {
        let expression = format!(
            "document.querySelector('[data-field={field}]').closest('.field').querySelector('.field-error').textContent"
        );
        self.eval(&expression)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Makes the page so many pixels wide, in the system's light or dark.
    pub(crate) async fn look_like(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Writes a screenshot into the target folder.
    pub(crate) async fn screenshot(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a screenshot");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, picture).expect("the target folder is writable");
        eprintln!("{}", path.display());
    }

    /// Waits for a file that the page saves.
    pub(crate) async fn saved(&self, name: &str) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            match std::fs::read(self.folder.join(name)) {
                Ok(bytes) if !bytes.is_empty() => return bytes,
                _ => assert!(begun.elapsed() < PATIENCE, "{name} was never saved"),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns the warnings and errors of the console since the last time.
    pub(crate) async fn complaints(&self) -> Vec<Value> {
        let command = Vendor {
            path: "se/log",
            body: json!({ "type": "browser" }),
        };
        let log = self.client.issue_cmd(command).await.expect("the log");
        let entries = log.as_array().cloned().unwrap_or_default();
        let is_serious =
            |entry: &Value| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
        entries.into_iter().filter(is_serious).collect()
    }

    async fn devtools(&self, method: &str, params: Value) {
        let command = Vendor {
            path: "goog/cdp/execute",
            body: json!({ "cmd": method, "params": params }),
        };
        let done = self.client.issue_cmd(command).await;
        done.unwrap_or_else(|error| panic!("{method}: {error}"));
    }
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Reads the port that the driver has taken.
async fn port_of(driver: &mut Child) -> Option<u16> {
    let mut lines = BufReader::new(driver.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let port = line.rsplit("port ").next()?.trim_end_matches('.');
        if line.contains("started successfully") {
            // It must not block on a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port.parse().ok();
        }
    }
    None
}

/// A folder that no other browser has.
fn scratch() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: only the number must be new.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("browser-{}-{number}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const ENTER: char = '\u{e007}';
