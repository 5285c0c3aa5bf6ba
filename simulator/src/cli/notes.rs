use tower_adaptive_sim::model::{Change, Config, Event, Span};

/// A vertical mark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    /// When, in seconds.
    pub at: f64,
    /// How long it goes on, in seconds.
    pub over: f64,
    /// The number of its note.
    pub note: usize,
}

/// Returns a mark for each event, and the notes; events that are the same share one.
#[must_use]
pub(super) fn notes(run: &Config) -> (Vec<Mark>, Vec<String>) {
    let mut marks = Vec::new();
    let mut notes: Vec<(String, Vec<Span>)> = Vec::new();
    for event in &run.events {
        let words = words(event);
        let known = notes.iter().position(|(note, _)| *note == words);
        let note = known.unwrap_or_else(|| {
            notes.push((words, Vec::new()));
            notes.len() - 1
        });
        notes[note].1.push(event.at);
        marks.push(Mark {
            at: event.at.secs(),
            over: event.over.secs(),
            note: note + 1,
        });
    }
    let (unit, name) = unit(run.length.secs());
    let in_words = |(words, times): (String, Vec<Span>)| {
        let time = |at: &Span| format!("{}", (at.secs() / unit * 100.0).round() / 100.0);
        let first: Vec<String> = times.iter().take(MOST_TIMES).map(time).collect();
        let rest = if times.len() > MOST_TIMES {
            ", …"
        } else {
            ""
        };
        format!("{}{rest} {name}: {words}", first.join(", "))
    };
    (marks, notes.into_iter().map(in_words).collect())
}

/// Returns what a time is told in, if all is this long: how many seconds, and its name.
pub(super) fn unit(length_secs: f64) -> (f64, &'static str) {
    if length_secs > 300.0 {
        (60.0, "min")
    } else {
        (1.0, "s")
    }
}

/// What happens: the note, or else what the event says itself.
fn words(event: &Event) -> String {
    if !event.note.is_empty() {
        return event.note.clone();
    }
    let mut parts = Vec::new();
    if event.burst > 0 {
        parts.push(format!("{} requests at once", event.burst));
    }
    if event.pause > Span::ZERO {
        parts.push(format!("a pause of {}", event.pause));
    }
    parts.extend(options(&event.set));
    if event.over > Span::ZERO {
        parts.push(format!("over {}", event.over));
    }
    parts.join(", ")
}

/// The options that a change has, as in its file.
fn options(change: &Change) -> Vec<String> {
    let Ok(serde_json::Value::Object(options)) = serde_json::to_value(change) else {
        return Vec::new();
    };
    let option = |(name, value): (String, serde_json::Value)| {
        let value = match (value.as_str(), value.as_f64()) {
            (Some(text), _) => text.to_owned(),
            (_, Some(number)) => number.to_string(),
            _ => value.to_string(),
        };
        format!("{} {value}", name.replace('_', " "))
    };
    options.into_iter().map(option).collect()
}

const MOST_TIMES: usize = 10;
