use super::api::text;
use super::message::{Exchange, News, Set};
use super::run::Run;
use super::session::Swap;
use crate::model::{Event, Invalid};

/// Turns knobs, and returns the news of it.
///
/// # Errors
///
/// If it cannot be done; then nothing has changed.
pub(super) fn set(run: &mut Run, set: Set) -> Result<String, Invalid> {
    check_runs(run)?;
    let mut event = Event::new(run.next_change());
    event.set = set.change;
    event.over = set.over;
    event.burst = set.burst;
    event.pause = set.pause;
    event.at_limit = set.at_limit;
    event.at_plant_limit = set.at_plant_limit;
    let mut session = run.session().clone();
    let (index, merged) = session.add_event(event);
    session.check().map_err(|error| at_the_knob(error, index))?;
    let event = session.run.events[index].clone();
    if run.try_change(session).is_some() {
        unreachable!("the past is as it was");
    }
    Ok(text(&News::Event {
        index,
        merged,
        event: &event,
    }))
}

/// Changes an algorithm, and returns the news of it.
///
/// # Errors
///
/// If it cannot be done; then nothing has changed.
pub(super) fn swap(run: &mut Run, exchange: Exchange) -> Result<String, Invalid> {
    check_runs(run)?;
    let swap = Swap {
        at: run.next_change(),
        lane: exchange.lane,
        side: exchange.side,
        algorithm: exchange.algorithm,
    };
    let mut session = run.session().clone();
    session.check_swap(&swap).map_err(|mut error| {
        if let Some(rest) = error.field.strip_prefix("algorithm.") {
            let side = text(&swap.side);
            error.field = format!("lanes[{}].{}.{rest}", swap.lane, side.trim_matches('"'));
        }
        error
    })?;
    let index = session.swaps.partition_point(|one| one.at <= swap.at);
    session.swaps.insert(index, swap.clone());
    session.check()?;
    if run.try_change(session).is_some() {
        unreachable!("the past is as it was");
    }
    Ok(text(&News::Swapped { swap: &swap }))
}

fn check_runs(run: &Run) -> Result<(), Invalid> {
    if run.has_ended() {
        return Err(Invalid::new("", "the run has ended"));
    }
    Ok(())
}

/// Whoever turned a knob knows nothing of the event that it is.
fn at_the_knob(mut error: Invalid, index: usize) -> Invalid {
    let event = format!("run.events[{index}].");
    if let Some(path) = error.field.strip_prefix(&event) {
        error.field = path.to_owned();
    }
    error
}
