//! What is seen, and what is done with it.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::json;
use tower_adaptive::Mode;
use tower_adaptive_control::Control;

use crate::driver::{Browser, PATIENCE};
use crate::service::{Service, TOKEN, in_browser, limiter, writable};

/// How many pixels of a chart have the colour of its first line.
const PAINTED: &str = "(() => { const canvas = document.querySelector('[data-chart=limit] canvas'); \
     const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); let count = 0; \
     for (let i = 0; i < data.length; i += 4) \
     if (data[i] === 0x0b && data[i + 1] === 0x67 && data[i + 2] === 0xb2) count += 1; return count; })()";

/// Opens the page with a limiter chosen.
async fn open(browser: &Browser, name: &str) {
    let fragment = json!(name).to_string();
    let fragment = browser
        .eval(&format!("encodeURIComponent({fragment})"))
        .await;
    browser
        .open(&format!("#{}", fragment.as_str().unwrap()))
        .await;
    let chosen = format!("control.chosen === {}", json!(name));
    browser.wait_until(&chosen).await;
    browser
        .wait_until("document.querySelector('[data-field=max]')")
        .await;
}

async fn enter_token(browser: &Browser, token: &str) {
    let input = browser.client.find(Locator::Css("#token")).await.unwrap();
    input.clear().await.unwrap();
    input.send_keys(token).await.unwrap();
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect(what);
}

async fn text(browser: &Browser, selector: &str) -> String {
    let text = browser
        .eval(&format!("document.querySelector('{selector}').textContent"))
        .await;
    text.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_draw_the_limiter_that_is_chosen_and_the_list_says_what_all_do() {
    in_browser(Control::new(), async |browser| {
        let calm = Service::new(3);
        let busy = Service::new(200);
        open(browser, &calm.name).await;
        browser.wait_until("control.charts.shown.length > 12").await;
        assert!(browser.eval(PAINTED).await.as_u64().unwrap() > 100);
        assert_eq!(text(browser, "#name").await, calm.name);
        browser.wait_until("document.querySelector('#state').textContent.startsWith('Has room')").await;

        let row = format!(
            "[...document.querySelectorAll('#list tr')].find((row) => row.querySelector('.name').textContent === {})",
            json!(busy.name)
        );
        browser.wait_until(&format!("parseFloat({row}?.cells[5].textContent) > 0")).await;
        // By keyboard.
        browser.eval(&format!("{row}.querySelector('.name').focus()")).await;
        let focused = browser.client.active_element().await.unwrap();
        focused.send_keys("\u{e007}").await.unwrap();
        browser.wait_until(&format!("document.querySelector('#name').textContent === {}", json!(busy.name))).await;
        browser.wait_until("document.querySelector('[data-chart=requests] .lane1 b').textContent > '0'").await;
        let seen = browser.eval("control.charts.shown.now.rejected").await;
        assert!(seen.as_u64().unwrap() > 0);
        calm.stop();
        busy.stop();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_the_page_arrives_at_the_limiter() {
    in_browser(writable(), async |browser| {
        let service = Service::new(3);
        let limiter = &service.limiter;
        open(browser, &service.name).await;
        enter_token(browser, TOKEN).await;
        browser.type_into("max", "33").await;
        browser.type_into("capacity", "12").await;
        browser.click("[data-field=observe_only]").await;
        assert_eq!(limiter.snapshot().bounds.max(), 50, "it is pending");
        assert!(text(browser, "#changes").await.contains("bounds max"));
        browser.screenshot("control-pending.png").await;

        browser.click("#apply").await;

        until("it arrives", || limiter.snapshot().bounds.max() == 33).await;
        assert_eq!(limiter.mode(), Mode::Observe);
        browser
            .wait_until("document.querySelector('#pending').hidden")
            .await;
        browser
            .wait_until("document.querySelector('#state').textContent.startsWith('Only observes')")
            .await;

        // What another one does is seen, and what is pending stays.
        browser.type_into("max", "44").await;
        limiter.pause();
        browser
            .wait_until("document.querySelector('[data-field=paused]').checked")
            .await;
        assert_eq!(
            browser
                .eval("document.querySelector('[data-field=max]').value")
                .await,
            "44"
        );
        browser.click("#apply").await;
        until("it arrives", || limiter.snapshot().bounds.max() == 44).await;
        assert!(limiter.is_paused());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_algorithm_can_be_chosen_with_its_options() {
    in_browser(writable(), async |browser| {
        let service = Service::new(3);
        open(browser, &service.name).await;
        enter_token(browser, TOKEN).await;
        browser.choose(".algorithm select", "vegas").await;
        browser.type_into("alpha", "4").await;
        browser.click("#apply").await;
        let algorithm = || service.limiter.snapshot().report.algorithm;
        until("it arrives", || algorithm() == Some("vegas")).await;
        let config = serde_json::to_value(service.limiter.config()).unwrap();
        assert_eq!(config["algorithm"]["alpha"], 4.0);
        browser
            .wait_until("document.querySelector('#algorithm').textContent.startsWith('vegas')")
            .await;

        // A constant begins where the limit is.
        let limit = service.limiter.limit();
        browser.choose(".algorithm select", "fixed").await;
        browser.click("#apply").await;
        until("it arrives", || algorithm() == Some("fixed")).await;
        assert!(service.limiter.limit().abs_diff(limit) <= 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_at_its_field_with_the_range() {
    in_browser(writable(), async |browser| {
        let service = Service::new(3);
        let before = service.limiter.config();
        open(browser, &service.name).await;
        enter_token(browser, TOKEN).await;
        // The page knows.
        browser.type_into("capacity", "-3").await;
        let said = browser.message_at("capacity").await;
        assert!(said.contains("from 0 to 1048576"), "{said}");
        // Only the server knows.
        browser.type_into("min", "40").await;
        browser.type_into("max", "30").await;
        browser.click("#apply").await;
        browser.wait_until("document.querySelector('[data-field=max]').closest('.field').classList.contains('invalid')").await;
        let said = browser.message_at("max").await;
        assert_eq!(said, "max_limit must be at least min_limit (40), got 30");
        // It stays while the page goes on asking.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(browser.message_at("max").await, said);
        browser.screenshot("control-refused.png").await;
        assert_eq!(service.limiter.config(), before);
        only(browser, "422").await;

        browser.click("#discard").await;
        browser.type_into("target", "500ms").await;
        browser.click("#apply").await;
        browser.wait_until("document.querySelector('[data-field=target]').closest('.field').classList.contains('invalid')").await;
        assert!(browser.message_at("target").await.contains("less than interval"));
        only(browser, "422").await;
        browser.type_into("target", "6ms").await;
        browser.click("#apply").await;
        browser.wait_until("document.querySelector('#pending').hidden").await;
        assert_eq!(browser.message_at("target").await, "");
    })
    .await;
}

/// The browser itself complains of what is refused, and of nothing else.
async fn only(browser: &Browser, status: &str) {
    for complaint in browser.complaints().await {
        let message = complaint["message"].as_str().unwrap_or_default();
        assert!(message.contains(status), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_said_to_be_and_the_right_one_is_kept_for_the_session() {
    in_browser(writable(), async |browser| {
        let service = Service::new(3);
        open(browser, &service.name).await;
        browser.click("[data-field=paused]").await;
        browser.click("#apply").await;
        assert_eq!(text(browser, "#token-error").await, "a change needs the write token");
        enter_token(browser, "wrong-wrong-wrong-wrong").await;
        browser.click("#apply").await;
        browser.wait_until("document.querySelector('#token-error').textContent === 'that is not the write token'").await;
        assert!(!service.limiter.is_paused());
        only(browser, "401").await;
        enter_token(browser, TOKEN).await;
        browser.click("#apply").await;
        until("it arrives", || service.limiter.is_paused()).await;

        open(browser, &service.name).await;
        assert_eq!(browser.eval("document.querySelector('#token').value").await, TOKEN);
        assert_eq!(browser.eval("localStorage.length + document.cookie.length").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_token_set_offers_nothing() {
    in_browser(Control::new(), async |browser| {
        let service = Service::new(3);
        open(browser, &service.name).await;
        let enabled = "document.querySelectorAll('#form input:enabled, #form select:enabled, #form button:enabled').length";
        assert_eq!(browser.eval(enabled).await, 0);
        assert_eq!(browser.eval("document.querySelector('#read-only').hidden").await, false);
        assert_eq!(browser.eval("document.querySelector('#token-field').hidden").await, true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limiter_that_goes_leaves_the_page_with_the_others() {
    in_browser(Control::new(), async |browser| {
        let service = Service::new(3);
        let short_lived = limiter("short-lived <b>&amp;");
        open(browser, "short-lived <b>&amp;").await;
        assert_eq!(text(browser, "#name").await, "short-lived <b>&amp;");
        drop(short_lived);
        browser
            .wait_until(&format!("control.chosen === {}", json!(service.name)))
            .await;
        browser
            .wait_until("document.querySelector('#messages').textContent.includes('is gone')")
            .await;
        browser
            .wait_until("document.querySelector('#algorithm').textContent.startsWith('fathom')")
            .await;
        only(browser, "404").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_telephone_and_a_desk_in_light_and_dark() {
    in_browser(writable(), async |browser| {
        let service = Service::new(60);
        let _other = limiter("payments");
        for (width, height) in [(1280, 800), (390, 844)] {
            for scheme in ["light", "dark"] {
                browser.look_like(width, height, scheme).await;
                open(browser, &service.name).await;
                browser.wait_until("control.charts.shown.length > 12").await;
                browser
                    .screenshot(&format!("control-{width}-{scheme}.png"))
                    .await;
                let overflow = browser
                    .eval("document.documentElement.scrollWidth - innerWidth")
                    .await;
                assert!(
                    overflow.as_i64().unwrap() <= 0,
                    "{width}: {overflow} px too wide"
                );
            }
        }
    })
    .await;
}
