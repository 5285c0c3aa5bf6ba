//! What is done.

use crate::harness::in_browser;
use crate::seen;

#[tokio::test(flavor = "multi_thread")]
async fn a_knob_turned_while_it_runs_is_an_event_and_changes_what_is_seen() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.type_into("rate", "9000").await;
        browser.wait_until("simulator.session.run.events.some((event) => event.set?.rate === 9000)").await;
        browser.wait_until("simulator.shown.value('offered', null, simulator.shown.length - 1) > 5000").await;
        browser.type_into("alpha", "4").await;
        browser.wait_until("simulator.session.swaps.length === 1").await;
        browser.wait_until("location.hash.startsWith('#s=')").await;
        let slider = "document.querySelector('[data-field=servers]').closest('.field').querySelector('[type=range]')";
        browser.eval(&format!("(({slider}).value = 900, ({slider}).dispatchEvent(new Event('input')))")).await;
        browser.wait_until("simulator.session.run.events.some((event) => event.set?.servers > 100)").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_can_have_the_log_mean() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.eval("simulator.edit((session) => { session.lanes[0].client = { name: 'vegas', window: {} }; })").await;
        browser.wait_until("simulator.session.lanes[0].client.window && document.querySelector('.lane0 [data-field=aggregate]')").await;
        let offers = "[...document.querySelector('[data-field=aggregate]').list.options].map((one) => one.value)";
        let offers = browser.eval(offers).await;
        assert!(offers.as_array().unwrap().contains(&"log_mean".into()), "{offers}");
        browser.type_into("aggregate", "log mean").await;
        browser.wait_until("simulator.session.swaps.some((swap) => swap.algorithm.window.aggregate === 'log_mean')").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_brings_its_own_traffic_and_its_reason() {
    in_browser(async |browser| {
        browser.open("").await;
        let why = browser
            .eval("document.querySelector('#why').textContent")
            .await;
        let name = browser.eval("simulator.presets.at(-1).name").await;
        browser.choose("#preset", name.as_str().unwrap()).await;
        browser
            .wait_until("simulator.preset === simulator.presets.at(-1).name")
            .await;
        browser
            .wait_until(
                "document.querySelector('#why').textContent === simulator.presets.at(-1).why",
            )
            .await;
        assert_ne!(
            browser
                .eval("document.querySelector('#why').textContent")
                .await,
            why
        );
        browser
            .wait_until("location.hash === `#preset=${simulator.preset}`")
            .await;
        browser.client.back().await.unwrap();
        browser
            .wait_until("simulator.preset === simulator.presets[0].name")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_address_shows_the_same_again() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.type_into("latency", "30ms").await;
        browser
            .wait_until("simulator.session.run.events.length === 3")
            .await;
        browser.choose("#speed", "20").await;
        browser.wait_until("simulator.player.head > 6").await;
        browser.click("#play").await;
        browser.wait_until("!simulator.player.status.playing").await;
        browser.click("#share").await;
        browser.wait_until("location.hash.includes('t=')").await;
        let session = browser.eval("simulator.session").await;
        let head = browser.eval("simulator.player.head").await;
        let limits = seen(browser, "limit", 0).await;
        let latencies = seen(browser, "p99", 1).await;

        let url = browser.client.current_url().await.unwrap();
        browser.open(&format!("#{}", url.fragment().unwrap())).await;
        browser
            .wait_until(&format!("Math.abs(simulator.player.head - {head}) < 0.06"))
            .await;
        assert_eq!(browser.eval("simulator.session").await, session);
        assert_eq!(seen(browser, "limit", 0).await, limits);
        assert_eq!(seen(browser, "p99", 1).await, latencies);
        assert_eq!(
            browser.eval("document.querySelector('#speed').value").await,
            "20"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_explained_at_its_field() {
    in_browser(async |browser| {
        browser.open("").await;
        for (field, text, message) in [
            ("rate", "-5", "must be from 0 to 1000000, got -5"),
            ("rate", "much", "must be a number from 0 to 1000000, got \"much\""),
            ("rate", "0,5", "must be a number from 0 to 1000000, got \"0,5\""),
            ("rate", "0x10", "must be a number from 0 to 1000000, got \"0x10\""),
            ("servers", "1.5", "must be a whole number"),
            ("service_time", "20", "must be a duration with its unit"),
            ("length", "999days", "must be 1ms to 1day"),
            ("alpha", "0.2", "must be at least 1, got 0.2"),
            ("smoothing", "0", "must be above 0 and at most 1, got 0"),
        ] {
            browser.type_into(field, text).await;
            let found = browser.message_at(field).await;
            let same = found.replace("from ", "").contains(&message.replace("from ", ""));
            assert!(same, "{field} = {text}: {found}");
            let invalid = format!("document.querySelector('[data-field={field}]').getAttribute('aria-invalid')");
            assert_eq!(browser.eval(&invalid).await, "true");
        }
        // Only the server knows that two options do not fit together.
        browser.type_into("min_limit", "5000").await;
        let message = "document.querySelector('[data-field=max_limit]').closest('.field').textContent.includes('5000')";
        browser.wait_until(message).await;
        browser.unfold("[data-field=black_hole]").await;
        browser.click("[data-field=black_hole]").await;
        browser.wait_until("document.querySelector('[data-field=black_hole]').closest('.field').textContent.includes('needs a deadline')").await;
        assert_eq!(browser.eval("simulator.session.run.events.length").await, 2);

        browser.eval("simulator.edit((session) => { session.run.events = Array(10000).fill({ at: '1s' }); })").await;
        browser.wait_until("document.querySelector('#messages').textContent.includes('at most 1000 events, got 10000')").await;
        browser.wait_until("simulator.player.status.playing").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_added_with_the_pointer_and_with_the_keyboard() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#to-end").await;
        browser.wait_until("simulator.player.ended").await;
        browser.click("#timeline").await;
        browser
            .wait_until("!document.querySelector('#event-menu').hidden")
            .await;
        browser.click("#event-menu [role=menuitem]").await;
        browser
            .wait_until(
                "simulator.session.run.events.some((event) => event.note === 'capacity halves')",
            )
            .await;
        browser
            .wait_until(
                "document.querySelector('#timeline').textContent.includes('capacity halves')",
            )
            .await;
        browser
            .wait_until("!simulator.player.status.replaying && simulator.shown.end > 79")
            .await;
        let keys = [
            "\u{e011}", "\u{e014}", "\u{e014}", "\u{e014}", "\u{e007}", "\u{e015}", "\u{e015}",
            "\u{e007}",
        ];
        for key in keys {
            let focused = browser.client.active_element().await.unwrap();
            focused.send_keys(key).await.unwrap();
        }
        browser
            .wait_until(
                "simulator.session.run.events.some((event) => event.note === 'load doubles')",
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_stands_still_steps_goes_back_and_plays_again() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#play").await;
        browser.wait_until("document.querySelector('#state').textContent === 'paused'").await;
        let end = browser.eval("simulator.shown.length").await;
        browser.click("#step").await;
        browser.wait_until(&format!("simulator.shown.length === {end} + 1")).await;
        browser.click("#to-end").await;
        browser.wait_until("document.querySelector('#state').textContent === 'ended'").await;
        browser.eval("(document.querySelector('#scrub').value = 20, document.querySelector('#scrub').dispatchEvent(new Event('input')))").await;
        browser.wait_until("document.querySelector('#state').textContent === 'looking back'").await;
        browser.click("#play").await;
        browser.wait_until("simulator.player.head > 20.5 && simulator.player.head < 60").await;
        browser.click("#reset").await;
        browser.wait_until("simulator.player.head < 10 && simulator.player.status.playing").await;
        browser.choose("#lanes .lane0 .algorithm:nth-of-type(2) select", "aimd").await;
        browser.wait_until("[...document.querySelectorAll('[data-chart=limit] button')].some((one) => one.textContent === 'plant limit')").await;
        browser.wait_until("simulator.shown.value('plant_limit', 0, simulator.shown.length - 1) > 0").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knob_turned_while_the_past_is_replayed_means_the_moment_that_is_shown() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.choose("#speed", "20").await;
        browser.wait_until("simulator.player.head > 30").await;
        let edits = "(() => { const { head } = simulator.player; \
             simulator.edit((session) => { session.seed = 5; }); \
             simulator.set({ latency: '33ms' }); return head; })()";
        let head = browser.eval(edits).await.as_f64().unwrap();
        let event = "simulator.session.run.events.find((event) => event.set?.latency === '33ms')";
        browser
            .wait_until(&format!("simulator.session.seed === 5 && {event}"))
            .await;
        let at = browser.eval(&format!("{event}.at")).await;
        let at = at.as_str().unwrap();
        let seconds: f64 = at.split('s').next().unwrap().parse().unwrap();
        assert!((seconds - head).abs() < 1.5, "at {head}: {at}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_text_does_not_outlive_its_run() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.type_into("rate", "1,500").await;
        browser.wait_until("simulator.params.rate === 1500").await;
        browser.type_into("rate", "-5").await;
        browser.wait_until("document.querySelector('[data-field=rate][aria-invalid]')").await;
        let name = browser.eval("simulator.presets.at(-1).name").await;
        browser.choose("#preset", name.as_str().unwrap()).await;
        browser.wait_until("!document.querySelector('[data-field=rate][aria-invalid]')").await;
        browser.wait_until("Number(document.querySelector('[data-field=rate]').value) === simulator.params.rate").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_brings_its_view() {
    in_browser(async |browser| {
        browser.open("").await;
        browser
            .eval(
                "location.hash += '&speed=7&window=30&linear=1&zoom=5.0+9.0&apply=start&paused=1'",
            )
            .await;
        browser
            .wait_until("!document.querySelector('#unzoom').hidden")
            .await;
        browser
            .wait_until("document.querySelector('#speed').value === '5'")
            .await;
        browser
            .wait_until("document.querySelector('#window').value === '30'")
            .await;
        browser
            .wait_until(
                "document.querySelector('[data-log]').getAttribute('aria-pressed') === 'false'",
            )
            .await;
        browser
            .wait_until("document.querySelector('[name=scope][value=start]').checked")
            .await;
        browser
            .wait_until("!simulator.player.status.playing && simulator.player.head === 0")
            .await;
        browser.choose("#speed", "20").await;
        browser
            .wait_until("location.hash.includes('speed=20') && location.hash.includes('paused=1')")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_leaves_what_was_there() {
    in_browser(async |browser| {
        browser.open("").await;
        let name = browser.eval("simulator.presets.at(-1).name").await;
        browser.choose("#preset", name.as_str().unwrap()).await;
        browser.wait_until("location.hash === `#preset=${simulator.presets.at(-1).name}`").await;
        for refused in [
            r#"{"lanes":[]}"#,
            r#"{"lanes":[{}],"run":{"start":{"rate":-5}}}"#,
            r#"{"lanes":[{"client":{"name":"nobody"}}]}"#,
            r#"{"lanes":[{}],"swaps":"x"}"#,
        ] {
            browser.eval("document.querySelector('#messages').replaceChildren()").await;
            browser.eval(&format!("location.hash = '#s=j' + btoa('{refused}')")).await;
            browser.wait_until("document.querySelector('#messages').textContent.includes('What was here before')").await;
            browser.wait_until("location.hash === `#preset=${simulator.presets.at(-1).name}`").await;
            assert_eq!(browser.eval("simulator.preset").await, name);
        }
        browser.type_into("rate", "123").await;
        browser.wait_until("simulator.params.rate === 123").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_takes_the_deadline_that_it_needed_with_it() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#to-end").await;
        browser.wait_until("simulator.player.ended").await;
        assert_eq!(browser.eval("simulator.params.deadline").await, "none");
        browser.click("#timeline").await;
        let offer = "[...document.querySelectorAll('#event-menu button')].find((one) => one.textContent.startsWith('Black hole'))";
        browser.eval(&format!("{offer}.click()")).await;
        browser.wait_until("simulator.session.run.events.some((one) => one.set?.deadline === '1s')").await;
        browser.wait_until("simulator.session.run.events.some((one) => one.set?.black_hole === false && one.set.deadline === 'none')").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_fixed_limit_does_not_stretch_the_chart() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#to-end").await;
        browser
            .wait_until("simulator.player.ended && simulator.shown.oracle.length > 0")
            .await;
        let picture = "document.querySelector('[data-chart=limit] canvas').toDataURL()";
        browser.eval("simulator.emit('toggle', 'oracle')").await;
        browser
            .wait_until("simulator.view.hidden.has('oracle')")
            .await;
        browser
            .eval("new Promise((done) => setTimeout(done, 500))")
            .await;
        let without = browser.eval(picture).await;
        browser
            .eval("simulator.shown.oracle = [{ from: 0, to: null, limit: 1e6 }]")
            .await;
        browser.eval("simulator.emit('toggle', 'oracle')").await;
        browser
            .eval("new Promise((done) => setTimeout(done, 500))")
            .await;
        assert_eq!(
            browser.eval(picture).await,
            without,
            "it lies above the chart"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_broken_is_said_to_be_and_the_page_runs() {
    in_browser(async |browser| {
        let refused = r#"{"lanes":[{"client":{"name":"vegas","alpha":-1}}]}"#;
        let refused = browser.eval(&format!("btoa('{refused}')")).await;
        for (fragment, message) in [
            ("#s=dAAAA".to_owned(), "could not be read"),
            ("#preset=nobody".to_owned(), "there is no preset"),
            (
                format!("#s=j{}", refused.as_str().unwrap()),
                "must be at least 1.0",
            ),
        ] {
            browser.open(&fragment).await;
            browser
                .wait_until(&format!(
                    "document.querySelector('#messages').textContent.includes('{message}')"
                ))
                .await;
            browser
                .wait_until("simulator.preset === simulator.presets[0].name")
                .await;
        }
    })
    .await;
}
