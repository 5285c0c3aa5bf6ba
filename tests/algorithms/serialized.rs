use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json, to_value};
use tower_adaptive::{AimdBuilder, Gradient2Builder, Priority, Queue, Shares, VegasBuilder};

use super::*;

#[track_caller]
fn round_trips<B>(builder: B)
where
    B: Serialize + DeserializeOwned + PartialEq + fmt::Debug + Default,
{
    let value = to_value(&builder).unwrap();
    assert_eq!(from_value::<B>(value).unwrap(), builder);
    assert_eq!(from_value::<B>(json!({})).unwrap(), B::default());
    let misspelt = from_value::<B>(json!({ "maxlimit": 1 })).unwrap_err();
    assert!(misspelt.to_string().contains("unknown field `maxlimit`"));
}

#[test]
fn builders_round_trip_default_what_is_absent_and_refuse_what_is_unknown() {
    round_trips(AimdBuilder::default().timeout(MS));
    round_trips(Gradient2Builder::default().rtt_tolerance(3.0));
    round_trips(VegasBuilder::default().seed(5));
    round_trips(WindowedBuilder::default().aggregate(Aggregate::Percentile(0.9)));
    round_trips(WindowedBuilder::default().aggregate(Aggregate::LogMean));
    round_trips(Queue::bounded(5).max_wait(MS));
    round_trips(Shares::new().guarantee("live", 0.9));
}

#[test]
fn options_are_read_as_people_write_them() {
    let value: Value = json!({ "min_window": "250ms", "aggregate": { "percentile": 0.9 } });
    let expected = WindowedBuilder::default()
        .min_window(MS * 250)
        .aggregate(Aggregate::Percentile(0.9));
    assert_eq!(from_value::<WindowedBuilder>(value).unwrap(), expected);

    let value = json!({ "aggregate": "log_mean" });
    let expected = WindowedBuilder::default().aggregate(Aggregate::LogMean);
    assert_eq!(from_value::<WindowedBuilder>(value).unwrap(), expected);

    let value = json!({ "timeout": "1s 500ms", "min_limit": 1 });
    let expected = AimdBuilder::default().timeout(MS * 1500).min_limit(1);
    assert_eq!(from_value::<AimdBuilder>(value).unwrap(), expected);

    let value = json!({ "capacity": 100, "max_wait": "50ms" });
    let expected = Queue::bounded(100).max_wait(MS * 50);
    assert_eq!(from_value::<Queue>(value).unwrap(), expected);

    let value = json!({ "guarantees": [{ "key": "live", "fraction": 0.9 }] });
    let expected = Shares::new().guarantee("live", 0.9);
    assert_eq!(from_value::<Shares>(value).unwrap(), expected);

    assert_eq!(
        from_value::<Priority>(json!("critical")).unwrap(),
        Priority::Critical
    );
}
