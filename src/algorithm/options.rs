//! Checks that the builders share.

use super::Bounds;
use crate::InvalidOption;

/// Checks the three options that every algorithm has.
pub(super) fn check_limits(
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
) -> Result<Bounds, InvalidOption> {
    let bounds = Bounds::new(min_limit, max_limit)?;
    if bounds.clamp(initial_limit) != initial_limit {
        return Err(InvalidOption::new(
            "initial_limit",
            format!("in {min_limit}..={max_limit} (min_limit..=max_limit)"),
            initial_limit,
        ));
    }
    Ok(bounds)
}
