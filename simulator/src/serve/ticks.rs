use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// What a lane was like at the end of a tick.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Requests that arrived, per second.
    pub(super) offered: f64,
    /// What the plant can do, per second.
    pub(super) capacity: f64,
    /// The values of [`COLUMNS`]; `None` is undefined.
    pub(super) values: [Option<f64>; COLUMNS.len()],
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
        let time = |i: usize| Some((self.first + i + 1) as f64 / 10.0);
        map.serialize_entry("t", &Column(time, self.rows.len()))?;
        map.serialize_entry("offered", &of_first(|row| row.offered))?;
        map.serialize_entry("capacity", &of_first(|row| row.capacity))?;
        let lanes: Vec<_> = (0..lanes).map(|lane| LaneOf(self, lane)).collect();
        map.serialize_entry("lanes", &lanes)?;
        map.end()
    }
}

struct LaneOf<'a>(&'a Ticks, usize);

impl Serialize for LaneOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ticks, lane) = self;
        let mut map = serializer.serialize_map(Some(COLUMNS.len()))?;
        for (c, name) in COLUMNS.iter().enumerate() {
            let value = |i: usize| ticks.rows[i][*lane].values[c];
            map.serialize_entry(name, &Column(value, ticks.rows.len()))?;
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

/// Rounds to thousandths: less cannot be seen.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
