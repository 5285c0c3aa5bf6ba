//! The dashboard and the rules of `dashboards/`, checked against a real Prometheus (Debian's package)
//! that scrapes the built example `prometheus` under load.
//!
//! What needs Prometheus is skipped where it is not installed, but not on a Linux where `CI` is `true`.

mod child;
mod dashboard;
mod live;
mod load;
mod names;
mod server;

use std::path::PathBuf;
use std::process::Command;

use child::find;

#[test]
fn rules_are_valid() {
    promtool(&["check", "rules", "rules.yml"]);
}

#[test]
fn rules_pass_their_unit_tests() {
    promtool(&["test", "rules", "rules_test.yml"]);
}

#[test]
fn the_configuration_for_the_example_is_valid() {
    promtool(&["check", "config", "prometheus.yml"]);
}

fn promtool(arguments: &[&str]) {
    let Some(promtool) = find("promtool") else {
        return;
    };
    let output = Command::new(promtool)
        .args(arguments)
        .current_dir(dashboards())
        .output()
        .expect("promtool starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn dashboards() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}
