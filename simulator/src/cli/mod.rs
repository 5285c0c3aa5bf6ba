//! What the commands do.
//!
//! | module | what |
//! |---|---|
//! | [`suite`] | all that is chosen, over many seeds |
//! | [`targets`] | what is asked of an algorithm, row by row |
//! | [`plot`] | one run, drawn |
//! | [`serve`] | the web page |
//! | [`list`] | what there is to choose |
//! | `choice` | scenarios and algorithms by name |
//! | `report` | what came of a suite: scores and verdict |
//! | `failures` | what was asserted and is not so, in words |
//! | `grid`, `tables` | tables for the terminal and for Markdown |
//! | `rows` | the table of targets |
//! | `results`, `json` | the files of a suite |
//! | `series`, `chart` | what is drawn of a run, and how |
//! | `frame`, `notes`, `scale`, `style`, `svg`, `words` | the parts of that picture |
//! | `in_order`, `progress` | working in parallel, and showing how far it is |
//! | `output` | files that are checked before the work, and an error for each |

mod chart;
mod choice;
mod failures;
mod frame;
mod grid;
mod in_order;
mod json;
pub(crate) mod list;
mod notes;
mod output;
pub(crate) mod plot;
mod progress;
mod report;
mod results;
mod rows;
mod scale;
mod series;
pub(crate) mod serve;
mod style;
pub(crate) mod suite;
mod svg;
mod tables;
pub(crate) mod targets;
mod words;
