//! What is seen.

use crate::harness::{PATIENCE, in_browser};
use crate::seen;

/// How many pixels the first lane has painted above the lines of the limit.
const STRIP: &str = "(() => { const canvas = document.querySelector('[data-chart=limit] canvas'); \
     const copy = Object.assign(document.createElement('canvas'), { width: canvas.width - 90, height: 14 }); \
     const ctx = copy.getContext('2d', { willReadFrequently: true }); ctx.drawImage(canvas, -60, 0); \
     const { data } = ctx.getImageData(0, 0, copy.width, copy.height); let count = 0; \
     for (let i = 0; i < data.length; i += 4) \
     if (data[i] === 0x0b && data[i + 1] === 0x67 && data[i + 2] === 0xb2) count += 1; return count; })()";

/// The texts of the verdicts that are listed.
const VERDICTS: &str =
    "[...document.querySelectorAll('#verdict-list li')].map((one) => one.textContent)";

/// What the canvases of all charts look like.
const PICTURES: &str = "[...document.querySelectorAll('.chart canvas')].map((one) => one.toDataURL().length + one.toDataURL().slice(-400))";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_console_complains_of_is_heard() {
    in_browser(async |browser| {
        browser.open("").await;
        for cause in [
            "console.error('said so')",
            "setTimeout(() => { throw new Error('thrown'); })",
            "document.head.append(Object.assign(document.createElement('script'), { src: 'http://127.0.0.1:9/' }))",
        ] {
            assert_eq!(browser.complaints().await, [] as [serde_json::Value; 0]);
            browser.eval(cause).await;
            let heard = async { while browser.complaints().await.is_empty() {} };
            tokio::time::timeout(PATIENCE, heard).await.expect(cause);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_move_and_limits_differ_between_algorithms() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.wait_until("simulator.player.head > 0.5").await;
        let before = browser.eval(PICTURES).await;
        browser.choose("#speed", "10").await;
        browser.wait_until("simulator.player.head > 6").await;
        let after = browser.eval(PICTURES).await;
        for (i, chart) in ["limit", "latency", "goodput", "turned away", "queue"]
            .iter()
            .enumerate()
        {
            assert_ne!(before[i], after[i], "{chart} moves");
        }
        let mut limits = Vec::new();
        for lane in 0..4 {
            limits.push(seen(browser, "limit", lane).await);
        }
        for lane in 1..4 {
            assert_ne!(limits[0], limits[lane]);
        }
        browser
            .wait_until("simulator.shown.oracle.length > 0")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_can_be_saved() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#to-end").await;
        browser.wait_until("simulator.player.ended").await;
        browser.click("#export-csv").await;
        browser.click("#export-png").await;
        let name = browser.eval("simulator.preset").await;
        let name = name.as_str().unwrap();
        let table = browser.saved(&format!("{name}.csv")).await;
        let table = String::from_utf8(table).unwrap();
        let rows: Vec<_> = table.lines().collect();
        let ticks = browser.eval("simulator.shown.length").await;
        assert_eq!(rows.len() as u64, ticks.as_u64().unwrap() + 1);
        assert!(rows[0].contains("goodput"), "{}", rows[0]);
        let fields = |row: &str| row.split(',').count();
        assert!(fields(rows[1]) > 40 && fields(rows[1]) == fields(rows[2]));
        assert!(
            rows[0].contains("phase") && rows[0].contains("verdict"),
            "{}",
            rows[0]
        );
        assert!(
            rows[rows.len() - 1].contains("tracking"),
            "the phase of most is told"
        );
        let picture = browser.saved(&format!("{name}.png")).await;
        assert!(picture.starts_with(b"\x89PNG"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_telephone_and_a_large_screen_in_light_and_dark() {
    in_browser(async |browser| {
        for (width, height) in [(1600, 1000), (360, 740)] {
            for scheme in ["light", "dark"] {
                browser.look_like(width, height, scheme).await;
                browser.open("").await;
                browser.choose("#speed", "20").await;
                browser.wait_until("simulator.player.head > 40").await;
                browser
                    .screenshot(&format!("page-{width}-{scheme}.png"))
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
        let paint = browser
            .eval("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            .await;
        eprintln!("first paint after {paint} ms");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cursor_and_one_zoom_are_for_all_charts() {
    in_browser(async |browser| {
        browser.open("").await;
        browser.click("#to-end").await;
        browser.wait_until("simulator.player.ended").await;
        browser.drag("[data-chart=latency] .u-over", 0.25, 0.5).await;
        browser.wait_until("simulator.view.zoom !== null").await;
        browser.wait_until("Math.abs(simulator.view.zoom[0] - 20) < 1 && Math.abs(simulator.view.zoom[1] - 40) < 1").await;
        // The pointer is where the drag has ended.
        browser.wait_until("simulator.cursor > 25").await;
        let cursors = "new Set([...document.querySelectorAll('.u-cursor-x')].map((one) => one.style.transform)).size";
        assert_eq!(browser.eval(cursors).await, 1, "all cursors are at one place");
        browser.click("#unzoom").await;
        browser.wait_until("simulator.view.zoom === null").await;
        browser.click("#legend .lane1").await;
        browser.wait_until("simulator.view.hidden.has('lane1')").await;
        browser.wait_until("!document.querySelector('[data-chart=limit] .readout .lane1')").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_and_verdicts_are_marks_that_say_what_they_mean() {
    in_browser(async |browser| {
        let session = r#"{"lanes":[{"client":{"name":"vegas"}}],"run":{"length":"80s"}}"#;
        let session = browser.eval(&format!("btoa('{session}')")).await;
        browser.open(&format!("#s=j{}", session.as_str().unwrap())).await;
        browser.click("#to-end").await;
        browser.wait_until("simulator.player.ended").await;
        let toggle = "[data-chart=limit] [data-key=experiments]";
        let is_shown = "document.querySelector('[data-chart=limit] [data-key=experiments]').checkVisibility()";
        assert_eq!(browser.eval(is_shown).await, false, "none of these experiments");
        assert_eq!(browser.eval("document.querySelector('#verdicts').hidden").await, true);
        assert_eq!(browser.eval(STRIP).await, 0);

        // As the server tells it.
        let news = "{ phases: [{ from: 0.1, phase: 'start-up' }, { from: 20, phase: 'experiment' }, { from: 40, phase: 'steady' }], \
             verdicts: [{ at: 39.96, finding: 'queue', limits: [40, 20], rtts_ms: [31, 18], elasticity: 0.784 }] }";
        browser.eval(&format!("simulator.shown.marks[0].append({news})")).await;
        browser.wait_until(&format!("{STRIP} > 500")).await;
        browser.wait_until(is_shown).await;
        let tip = "document.querySelector('[data-chart=limit] .tip:not([hidden])')?.textContent";
        browser.eval("document.querySelector('#verdicts').open = true").await;
        browser.wait_until(&format!("{VERDICTS}.length === 1")).await;
        browser.click("#verdict-list button").await;
        let said = "A: verdict: queue at 40.0 s; limit 40 → 20, RTT 31 ms → 18 ms, elasticity 0.8";
        browser.wait_until(&format!("{tip} === '{said}'")).await;
        browser.wait_until("Math.abs(simulator.cursor - 39.96) < 0.1").await;

        // The mark stands beside its time, at half of the width.
        browser.point_at("[data-chart=limit] .plot", 0.2, 7.0).await;
        browser.wait_until(&format!("{tip} === 'A: start-up 0.1 s to 20.0 s'")).await;
        let share = "(() => { const { left, width } = document.querySelector('[data-chart=limit] .plot').getBoundingClientRect(); \
             const over = document.querySelector('[data-chart=limit] .u-over').getBoundingClientRect(); \
             return (over.left + over.width * 39.96 / simulator.length + 6 - left) / width; })()";
        let share = browser.eval(share).await.as_f64().unwrap();
        browser.point_at("[data-chart=limit] .plot", share, 7.0).await;
        browser.wait_until(&format!("{tip} === '{said}'")).await;
        browser.point_at("[data-chart=limit] .plot", 0.5, 80.0).await;
        browser.wait_until(&format!("{tip} === undefined")).await;

        browser.click(toggle).await;
        browser.wait_until(&format!("{STRIP} === 0")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn experiments_of_fathom_are_marked_in_an_overload_and_again_in_its_replay() {
    in_browser(async |browser| {
        let run = r#"{"length":"1m","start":{"rate":6400}}"#;
        let session = format!(r#"{{"lanes":[{{"client":{{"name":"fathom"}}}}],"run":{run}}}"#);
        let session = browser.eval(&format!("btoa('{session}')")).await;
        let fragment = format!("#s=j{}", session.as_str().unwrap());
        let marks =
            "JSON.stringify([simulator.shown.marks[0].phases, simulator.shown.marks[0].verdicts])";
        let mut seen = Vec::new();
        for _ in 0..2 {
            browser.open(&fragment).await;
            browser.click("#to-end").await;
            browser.wait_until("simulator.player.ended").await;
            browser.wait_until(&format!("{STRIP} > 50")).await;
            browser
                .eval("document.querySelector('#verdicts').open = true")
                .await;
            browser.wait_until(&format!("{VERDICTS}.length > 0")).await;
            seen.push(browser.eval(marks).await);
        }
        assert_eq!(seen[0], seen[1], "a replay has the same marks");
    })
    .await;
}
