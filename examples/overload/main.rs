//! One service, one overload, seven answers to "how many requests at once?".
//!
//! ```text
//! cargo run --release --example overload
//! cargo run --release --example overload -- --help
//! ```
//!
//! A real axum server on a loopback port needs one of 16 connections to a [`dependency`] for each
//! request. Real HTTP/1.1 [`client`]s send the same [`traffic`] to every [`row`]: half of what the
//! dependency can do, then three times as much, then half again. What it [`measure`]s ends up in a
//! [`table`], a [`chart`] in the terminal and an [`svg`] file.

#![allow(unreachable_pub, reason = "an example has no public face")]

mod args;
mod chart;
mod client;
mod dependency;
mod measure;
mod panel;
mod row;
mod server;
mod svg;
mod table;
mod traffic;
mod watch;

use std::time::Duration;
use std::{env, fs, io};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;
use tokio::time::Instant;

use args::Args;
use measure::Record;
use row::Row;
use server::Server;
use traffic::Traffic;

fn main() -> io::Result<()> {
    let args = Args::read();
    let open_files = rlimit::increase_nofile_limit(OPEN_FILES)?;
    if open_files < OPEN_FILES {
        eprintln!(
            "warning: only {open_files} files may be open, and some rows may need {OPEN_FILES}"
        );
    }
    let traffic = Traffic::draw(args.row_length(), args.load, args.seed);
    print!("{}", table::introduction(&args.algorithm, &traffic));

    let progress = progress_bar(&args.algorithm, &traffic);
    let mut records = Vec::new();
    for (done, &row) in args.algorithm.iter().enumerate() {
        progress.set_message(row.name());
        records.push(run(row, &traffic, |at| {
            progress.set_position((traffic.length * done as u32 + at).as_millis() as u64);
        })?);
    }
    progress.finish_and_clear();

    print!("{}", chart::legend());
    for record in &records {
        print!("{}", chart::draw(record, &traffic));
    }
    print!("{}", table::figures(&records, &traffic));
    let path = env::current_exe()?.with_file_name("overload.svg");
    fs::write(&path, svg::draw(&records, &traffic))?;
    println!("The chart as a picture: {}", style(path.display()).bold());
    Ok(())
}

/// Starts a server for `row`, sends it the traffic, and watches.
///
/// Server, clients and dependency have one thread each, so that none of them waits for another.
fn run(row: Row, traffic: &Traffic, progress: impl Fn(Duration)) -> io::Result<Record> {
    let server = Server::start(row.limiter())?;
    let clients = Builder::new_current_thread().enable_all().build()?;
    let (answers, moments) = clients.block_on(async {
        let start = Instant::now();
        tokio::join!(
            client::send(traffic, server.address, start),
            watch::watch(&server, start, start + traffic.length, progress),
        )
    });
    server.stop();
    Ok(Record {
        row,
        answers,
        moments,
    })
}

fn progress_bar(rows: &[Row], traffic: &Traffic) -> ProgressBar {
    let total = traffic.length * rows.len() as u32;
    let bar = ProgressBar::new(total.as_millis() as u64);
    let look = ProgressStyle::with_template("{bar:40.cyan/dim} {percent:>3}%  {msg}  [{eta} left]");
    bar.with_style(look.expect("the template is valid"))
}

/// Without a limit, five times the capacity means 2,000 connections, with two ends each.
const OPEN_FILES: u64 = 5_000;
