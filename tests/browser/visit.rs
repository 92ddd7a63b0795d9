//! A person at the page: a browser, the stack behind it, and what went wrong in the page meanwhile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams;
use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::js_protocol::runtime::EventExceptionThrown;
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures::StreamExt as _;
use local::stack::{Options, OuraMode, Simulation, Stack};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::env::Env;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

/// The longest that anything on the page may take. The machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many browsers at once: more of them only wait for each other.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// A page and everything behind it.
pub struct Visit {
    pub stack: Stack,
    pub page: Page,
    browser: Browser,
    problems: Arc<Mutex<Vec<String>>>,
    listeners: Vec<JoinHandle<()>>,
    _profile: TempDir,
    _turn: SemaphorePermit<'static>,
}

/// Settings of a stack with short waits.
pub fn quick() -> Options {
    let simulation = Simulation {
        configure: Box::new(|config| {
            config.webhook_delay = Duration::ZERO;
            // The machine's clock runs here; the people's days are the same on every date.
            config.pinned_day = Some(oura_simulator::TYPICAL_DAY);
        }),
        ..Simulation::default()
    };
    Options {
        port: Some(0),
        oura: OuraMode::Simulated(Box::new(simulation)),
        env: Env::default().with("WEBHOOK_DEBOUNCE_SECONDS", "1"),
        ..Options::default()
    }
}

impl Visit {
    /// Opens the page; `None` where there is no browser, which is said.
    pub async fn begin() -> anyhow::Result<Option<Self>> {
        Self::of(quick()).await
    }

    /// The same, of a stack of one's own.
    pub async fn of(options: Options) -> anyhow::Result<Option<Self>> {
        let turn = BROWSERS.acquire().await?;
        let profile = tempfile::tempdir()?;
        let Some(config) = config(&profile)? else { return Ok(None) };
        let (browser, mut handler) = Browser::launch(config).await.context("start the browser")?;
        let pump = tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await?;
        let problems = Arc::new(Mutex::new(Vec::new()));
        let mut listeners = vec![pump];
        listeners.extend(listen(&page, &problems).await?);
        let stack = Stack::start(options).await?;
        let visit = Self { stack, page, browser, problems, listeners, _profile: profile, _turn: turn };
        visit.resize(1280, 900, false).await?;
        visit.open("/").await?;
        Ok(Some(visit))
    }

    /// Goes to an address of the stack.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.page.goto(format!("{}{path}", self.stack.url())).await?;
        self.until("the page", "document.querySelector('#patient').options.length > 0").await
    }

    /// Value of a JavaScript expression.
    pub async fn js<T: DeserializeOwned>(&self, expression: &str) -> anyhow::Result<T> {
        let result = self.page.evaluate_expression(expression).await.with_context(|| expression.to_owned())?;
        result.into_value().with_context(|| format!("the value of {expression}"))
    }

    /// Lets the page do something.
    pub async fn run(&self, script: &str) -> anyhow::Result<()> {
        self.page.evaluate_expression(script).await.with_context(|| script.to_owned())?;
        Ok(())
    }

    /// Waits until an expression holds.
    pub async fn until(&self, what: &str, expression: &str) -> anyhow::Result<()> {
        let wait = async {
            // In the middle of a navigation there is nothing to ask.
            while !self.js::<bool>(&format!("Boolean({expression})")).await.unwrap_or(false) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        ensure!(came, "{what} did not come. Problems: {:?}. Page: {}", self.problems(), self.seen().await);
        Ok(())
    }

    /// Waits until an element can be seen.
    pub async fn see(&self, selector: &str) -> anyhow::Result<()> {
        self.until(selector, &format!("{}?.checkVisibility()", find(selector))).await
    }

    /// Waits until an element cannot be seen.
    pub async fn see_no(&self, selector: &str) -> anyhow::Result<()> {
        self.until(&format!("the end of {selector}"), &format!("!{}?.checkVisibility()", find(selector))).await
    }

    /// The text of an element.
    pub async fn text(&self, selector: &str) -> anyhow::Result<String> {
        self.js(&format!("{}.textContent", find(selector))).await
    }

    /// Clicks as a person does: once the element is visible, uncovered and enabled. All of it in one turn
    /// of the page, which may otherwise move it away between the look and the click.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let click = format!(
            "(() => {{
               const element = {};
               if (!element?.checkVisibility() || element.disabled) return false;
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const {{ left, top, width, height }} = element.getBoundingClientRect();
               if (!element.contains(document.elementFromPoint(left + width / 2, top + height / 2))) return false;
               element.focus({{ preventScroll: true }});
               element.click();
               return true;
             }})()",
            find(selector)
        );
        self.until(selector, &click).await
    }

    /// Presses a key.
    pub async fn press(&self, key: &str) -> anyhow::Result<()> {
        self.page.find_element("body").await?.press_key(key).await?;
        Ok(())
    }

    /// Gives the page this size, as a phone's or a desk's.
    pub async fn resize(&self, width: i64, height: i64, phone: bool) -> anyhow::Result<()> {
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, if phone { 2.0 } else { 1.0 }, phone);
        self.page.execute(metrics).await?;
        Ok(())
    }

    /// Connects a person's ring through Oura's consent page.
    pub async fn connect(&self, button: &str, person: &str) -> anyhow::Result<()> {
        self.consent(button, person, "allow").await?;
        self.until("the way back", "document.querySelector('#status')?.classList.contains('connected')").await
    }

    /// Answers Oura's consent page.
    pub async fn consent(&self, button: &str, person: &str, decision: &str) -> anyhow::Result<()> {
        self.click(button).await?;
        self.see("input[name=account]").await?;
        self.click(&format!("label:has(input[name=account][value={person}])")).await?;
        self.click(&format!("button[name=decision][value={decision}]")).await?;
        self.until("the page", "document.querySelector('#patient')?.options.length > 0").await
    }

    /// Waits until the history has arrived and is drawn.
    pub async fn history(&self) -> anyhow::Result<()> {
        self.until("the history", "document.querySelector('#backfill').classList.contains('done')").await?;
        self.until("the charts", "document.querySelectorAll('#charts .plot:not([hidden]) svg').length >= 7").await?;
        self.until("the night", "document.querySelector('#night svg')").await
    }

    /// A route of the product, asked as the page asks it.
    pub async fn api(&self, path: &str) -> anyhow::Result<Value> {
        let token = self.stack.token_for(self.stack.patient_id())?;
        let url = format!("{}/api/patient-graph/wearables{path}", self.stack.url());
        let answer: Value = reqwest::Client::new().get(url).bearer_auth(token).send().await?.json().await?;
        ensure!(answer["success"] == json!(true), "{path}: {answer}");
        Ok(answer["data"].clone())
    }

    /// Errors and warnings of the page so far, those of its Content-Security-Policy included.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().map(|problems| problems.clone()).unwrap_or_default()
    }

    /// Ends the visit. Nothing may have gone wrong in the page.
    pub async fn end(mut self) -> anyhow::Result<()> {
        let problems = self.problems();
        self.browser.close().await?;
        self.browser.wait().await?;
        for listener in self.listeners {
            listener.abort();
        }
        self.stack.shutdown().await;
        ensure!(problems.is_empty(), "in the page: {problems:#?}");
        Ok(())
    }

    async fn seen(&self) -> String {
        let text: String = self.js("document.body.innerText").await.unwrap_or_default();
        text.chars().take(2000).collect()
    }
}

fn find(selector: &str) -> String {
    format!("document.querySelector({})", json!(selector))
}

/// Configuration of the browser; `None` without one.
fn config(profile: &TempDir) -> anyhow::Result<Option<BrowserConfig>> {
    let config = BrowserConfig::builder()
        .no_sandbox()
        .new_headless_mode()
        .viewport(None)
        .user_data_dir(profile.path())
        .args(["disable-gpu", "disable-quic", "disable-component-update"])
        .build();
    match config {
        Ok(config) => Ok(Some(config)),
        Err(why) => {
            let required = std::env::var("BROWSER_TESTS").is_ok_and(|value| value == "required");
            ensure!(!required, "BROWSER_TESTS=required, and there is no Chromium: {why}");
            eprintln!("SKIPPED: there is no Chromium, so nothing was tested in a browser (install it, or set CHROME).");
            Ok(None)
        }
    }
}

/// Collects what the page complains of.
async fn listen(page: &Page, problems: &Arc<Mutex<Vec<String>>>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let note = |problems: &Arc<Mutex<Vec<String>>>, text: String| {
        if let Ok(mut problems) = problems.lock() {
            problems.push(text);
        }
    };
    let (mut entries, mut exceptions) =
        (page.event_listener::<EventEntryAdded>().await?, page.event_listener::<EventExceptionThrown>().await?);
    page.enable_log().await?;
    page.enable_runtime().await?;
    let of_entries = Arc::clone(problems);
    let of_exceptions = Arc::clone(problems);
    Ok(vec![
        tokio::spawn(async move {
            while let Some(event) = entries.next().await {
                let entry = &event.entry;
                if matches!(entry.level, LogEntryLevel::Warning | LogEntryLevel::Error) {
                    let url = entry.url.as_deref().unwrap_or_default();
                    note(&of_entries, format!("{:?}: {} {url}", entry.source, entry.text));
                }
            }
        }),
        tokio::spawn(async move {
            while let Some(event) = exceptions.next().await {
                note(&of_exceptions, format!("{:?}", event.exception_details));
            }
        }),
    ])
}
