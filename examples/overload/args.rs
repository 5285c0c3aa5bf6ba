//! The command line.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::row::Row;
use crate::traffic::CLIENT_TIMEOUT;

/// An overload, and what seven ways of limiting concurrency make of it.
///
/// An axum server on a loopback port needs one of 16 connections to a database for each request.
/// HTTP clients send half of what the database can do, then three times as much, then half again,
/// and give up after 500 ms. Every row gets the same arrivals and the same query times.
#[derive(Debug, Parser)]
#[command(name = "overload")]
pub struct Args {
    /// The rows to run, in this order: repeat it or separate with commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::ALL, hide_default_value = true)]
    pub algorithm: Vec<Row>,

    /// How long it all takes: at least 2 s a row, at most 600 s
    #[arg(long, default_value_t = 98.0, value_parser = seconds)]
    seconds: f64,

    /// What clients ask for in the overload, as a multiple of capacity: 1 to 5
    #[arg(long, default_value_t = 3.0, value_parser = load)]
    pub load: f64,

    /// Draws other arrivals and query times
    #[arg(long, default_value_t = 16)]
    pub seed: u64,
}

impl Args {
    /// Parses the command line, or says what is wrong with it and exits.
    pub fn read() -> Self {
        let args = Self::parse();
        let rows = args.algorithm.len();
        let shortest = SECONDS_PER_ROW * rows as f64;
        if args.seconds < shortest {
            let message = format!(
                "invalid value '{}' for '--seconds <SECONDS>': for {rows} rows it must be from \
                 {shortest} to {LONGEST}, {SECONDS_PER_ROW} for each row",
                args.seconds
            );
            Self::command()
                .error(ErrorKind::ValueValidation, message)
                .exit();
        }
        args
    }

    /// How long arrivals keep coming in one row: its share of the time, less the last answers.
    pub fn row_length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds / self.algorithm.len() as f64)
            - CLIENT_TIMEOUT
            - SET_UP
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number_in(text, SECONDS_PER_ROW, LONGEST)
}

fn load(text: &str) -> Result<f64, String> {
    number_in(text, 1.0, 5.0)
}

fn number_in(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("it must be a number from {least} to {most}")),
    }
}

const SECONDS_PER_ROW: f64 = 2.0;
const LONGEST: f64 = 600.0;

/// Starting and stopping a server takes less than this.
const SET_UP: Duration = Duration::from_millis(100);
