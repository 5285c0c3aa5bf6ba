use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::said::{Said, Told, rounded};

/// What a lane was like at the end of a tick.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Requests that arrived, per second.
    pub(super) offered: f64,
    /// What the plant can do, per second.
    pub(super) capacity: f64,
    /// The values of [`COLUMNS`]; `None` is undefined.
    pub(super) values: [Option<f64>; COLUMNS.len()],
    /// What its algorithm says of itself, if there is news; boxed, since there rarely is.
    pub(super) said: Option<Box<Said>>,
}

/// What is told of each lane.
pub(super) const COLUMNS: [&str; 15] = [
    "limit",
    "in_flight",
    "plant_limit",
    "plant_in_flight",
    "p50",
    "p95",
    "p99",
    "goodput",
    "sent",
    "rejected",
    "refused",
    "timed_out",
    "wasted",
    "queue",
    "waiting",
];

/// Some ticks in a row, of all lanes; written as columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticks {
    /// The index of the first.
    pub(super) first: usize,
    /// Of each tick, a row for each lane.
    pub(super) rows: Vec<Vec<Row>>,
}

impl Ticks {
    pub(super) fn starting_at(first: usize) -> Self {
        Self {
            first,
            rows: Vec::new(),
        }
    }

    /// Returns when a row's tick ended, in seconds.
    fn time(&self, row: usize) -> f64 {
        (self.first + row + 1) as f64 / 10.0
    }

    /// Returns what a lane's algorithm said, and in which rows.
    fn said(&self, lane: usize) -> impl Iterator<Item = (usize, &Said)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(move |(i, row)| Some((i, row[lane].said.as_deref()?)))
    }
}

impl Serialize for Ticks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lanes = self.rows.first().map_or(0, Vec::len);
        let of_first = |read: fn(&Row) -> f64| {
            Column(
                move |i: usize| self.rows[i].first().map(read),
                self.rows.len(),
            )
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("is", "ticks")?;
        map.serialize_entry("first", &self.first)?;
        let time = |i: usize| Some(self.time(i));
        map.serialize_entry("t", &Column(time, self.rows.len()))?;
        map.serialize_entry("offered", &of_first(|row| row.offered))?;
        map.serialize_entry("capacity", &of_first(|row| row.capacity))?;
        let lanes: Vec<_> = (0..lanes).map(|lane| LaneOf(self, lane)).collect();
        map.serialize_entry("lanes", &lanes)?;
        map.end()
    }
}

struct LaneOf<'a>(&'a Ticks, usize);

/// What an algorithm does from the end of a tick on.
#[derive(Serialize)]
struct Phase {
    from: f64,
    phase: Option<&'static str>,
}

impl Serialize for LaneOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ticks, lane) = self;
        let mut map = serializer.serialize_map(None)?;
        for (c, name) in COLUMNS.iter().enumerate() {
            let value = |i: usize| ticks.rows[i][*lane].values[c];
            map.serialize_entry(name, &Column(value, ticks.rows.len()))?;
        }
        // Most messages have no news, and are no longer for it.
        let phases: Vec<_> = ticks
            .said(*lane)
            .map(|(i, said)| Phase {
                from: ticks.time(i),
                phase: said.phase,
            })
            .collect();
        if !phases.is_empty() {
            map.serialize_entry("phases", &phases)?;
        }
        let verdicts = ticks.said(*lane).filter_map(|(_, said)| said.verdict);
        let verdicts: Vec<_> = verdicts.map(Told::from).collect();
        if !verdicts.is_empty() {
            map.serialize_entry("verdicts", &verdicts)?;
        }
        map.end()
    }
}

/// So many values, each in few digits.
struct Column<F>(F, usize);

impl<F: Fn(usize) -> Option<f64>> Serialize for Column<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.1))?;
        for i in 0..self.1 {
            match (self.0)(i).map(rounded) {
                Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                    seq.serialize_element(&(value as i64))?;
                }
                value => seq.serialize_element(&value)?,
            }
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tower_adaptive::{Finding, Verdict};

    use super::*;

    fn row(said: Option<Said>) -> Vec<Row> {
        vec![Row {
            offered: 0.0,
            capacity: 0.0,
            values: [None; COLUMNS.len()],
            said: said.map(Box::new),
        }]
    }

    fn lane(rows: Vec<Vec<Row>>) -> Value {
        let ticks = Ticks { first: 120, rows };
        serde_json::to_value(&ticks).unwrap()["lanes"][0].take()
    }

    #[test]
    fn phases_and_verdicts_are_told_when_they_are_news() {
        let ms = Duration::from_millis;
        let rtts = (ms(36), ms(18));
        let verdict = Verdict::new(Finding::Queue, ms(12_274), (40.0, 20.0), rtts);
        let said = |phase, verdict| Some(Said { phase, verdict });
        let lane = lane(vec![
            row(said(Some("experiment"), None)),
            row(None),
            row(said(Some("steady"), Some(verdict))),
            row(said(None, None)),
        ]);
        let phases = json!([
            { "from": 12.1, "phase": "experiment" },
            { "from": 12.3, "phase": "steady" },
            { "from": 12.4, "phase": null },
        ]);
        assert_eq!(lane["phases"], phases);
        let verdict = json!({
            "at": 12.274, "finding": "queue", "limits": [40.0, 20.0],
            "rtts_ms": [36.0, 18.0], "elasticity": 1.0,
        });
        assert_eq!(lane["verdicts"], json!([verdict]));
    }

    #[test]
    fn a_message_without_news_has_only_its_columns() {
        let lane = lane(vec![row(None), row(None)]);
        assert_eq!(lane.as_object().unwrap().len(), COLUMNS.len());
    }
}
