//! The page in a real browser. Any error in the console fails the test.
//!
//! Screenshots are written to the target folder: `cargo test --test browser -- --nocapture` says where.

mod charts;
mod controls;
// Shared with the tests of live control.
#[path = "../../../control/tests/browser/driver.rs"]
mod driver;
mod harness;

/// Returns the beginning of a column.
pub(crate) async fn seen(browser: &harness::Browser, column: &str, lane: usize) -> Vec<f64> {
    let expression = format!(
        "Array.from(simulator.shown.lanes[{lane}].{column}.data.slice(0, 50), (one) => Number.isNaN(one) ? -1 : one)"
    );
    let value = browser.eval(&expression).await;
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_f64().unwrap())
        .collect()
}
