use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Map, Value, json};
use tower_adaptive::{Bounds, Limiter, LimiterConfig, Mode, Rejections, Report, Snapshot};

use crate::json;

/// Answers with a limiter: its state and its configuration. The tag is that of the configuration.
pub(crate) fn limiter(name: &str, limiter: &Limiter) -> Response {
    let config = limiter.config();
    let tag = tag(&config);
    let mut response = json::json(&json!({
        "name": name,
        "snapshot": snapshot(&limiter.snapshot()),
        "config": config,
    }));
    let tag = HeaderValue::from_str(&tag).expect("a quoted number");
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// Returns what a limiter is like now.
pub(crate) fn snapshot(snapshot: &Snapshot) -> Value {
    let shares = snapshot.shares.iter().map(|share| {
        json!({ "key": share.key, "fraction": share.fraction, "in_flight": share.in_flight })
    });
    json!({
        "limit": snapshot.limit,
        "in_flight": snapshot.in_flight,
        "waiting": snapshot.waiting,
        "bounds": bounds(snapshot.bounds),
        "queue": snapshot.queue,
        "mode": match snapshot.mode {
            Mode::Observe => "observe",
            _ => "enforce",
        },
        "paused": snapshot.paused,
        "closed": snapshot.closed,
        "frozen": snapshot.frozen,
        "success": snapshot.success,
        "overload": snapshot.overload,
        "canceled": snapshot.canceled,
        "ignored": snapshot.ignored,
        "samples_dropped": snapshot.samples_dropped,
        "finished": snapshot.finished(),
        "rejected": snapshot.rejected,
        "rejected_by": by_reason(&snapshot.rejected_by),
        "spared": snapshot.spared,
        "spared_by": by_reason(&snapshot.spared_by),
        "abandoned": snapshot.abandoned,
        "shares": shares.collect::<Value>(),
        "last_rtt_seconds": seconds(snapshot.last_rtt),
        "smoothed_rtt_seconds": seconds(snapshot.smoothed_rtt),
        "report": report(&snapshot.report),
    })
}

fn report(report: &Report) -> Value {
    let verdict = report.verdict.map(|verdict| {
        json!({
            "finding": verdict.finding.as_str(),
            "at_seconds": verdict.at.as_secs_f64(),
            "limits": [verdict.limits.0, verdict.limits.1],
            "rtts_seconds": [verdict.rtts.0.as_secs_f64(), verdict.rtts.1.as_secs_f64()],
            "elasticity": verdict.elasticity(),
        })
    });
    json!({
        "algorithm": report.algorithm,
        "baseline_seconds": seconds(report.baseline),
        "queue": report.queue,
        "phase": report.phase,
        "bounds": report.bounds.map(bounds),
        "verdict": verdict,
    })
}

pub(crate) fn bounds(bounds: Bounds) -> Value {
    json!({ "min": bounds.min(), "max": bounds.max() })
}

fn by_reason(rejections: &Rejections) -> Map<String, Value> {
    let of = |(reason, count): (tower_adaptive::Reason, u64)| {
        (reason.as_str().to_owned(), Value::from(count))
    };
    rejections.iter().map(of).collect()
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.map(|duration| duration.as_secs_f64())
}

/// Returns a tag that another configuration does not have, but by the rarest chance.
pub(crate) fn tag(config: &LimiterConfig) -> String {
    // By way of a value, whose keys are in order.
    let config = serde_json::to_value(config).expect("plain data can be written");
    format!("\"{:016x}\"", fnv(json::text(&config).as_bytes()))
}

/// The FNV-1a hash.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
