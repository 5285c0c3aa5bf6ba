//! What whoever comes to the router gets to hear.

mod asking;
mod changes;
mod pages;
mod reading;
mod refusals;
mod streams;
mod traces;
mod visitors;
