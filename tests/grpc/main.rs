//! Limits in front of a real tonic server and around a real tonic channel, over TCP.
#![cfg(feature = "grpc")]

mod client;
mod echo;
#[allow(warnings)]
#[rustfmt::skip]
mod pb;
mod rules;
mod server;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
