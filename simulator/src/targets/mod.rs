//! What an algorithm is asked for, row by row, and whether it does that.
//!
//! | module | what |
//! |---|---|
//! | `table` | the rows: a scenario, what is measured in it, and the bound |
//! | `measure` | what can be measured, and its words |
//! | `window` | which part of a run |
//! | `count`, `moment` | numbers of a part of a run, and times at which something is reached |
//! | `case` | the runs that one number needs |
//! | `measured` | the values of all seeds, and the verdict |
//!
//! Nothing is asked of chance alone: a row is met only if the worst seed meets it.

mod case;
mod count;
mod measure;
mod measured;
mod moment;
mod table;
mod window;

pub use measure::{Measure, Unit};
pub use measured::{Measured, Verdict, run, scenarios};
pub use table::{Bound, TABLE, Target};
pub use window::Window;
