//! Programs that end with the test, however it ends.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A running program, and the lines that it prints.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts a program of which the standard output is read.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut child = command(program, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let lines = read(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Starts a program of which the standard error is read.
    pub(crate) fn start_logging(program: &Path, arguments: &[&str]) -> Self {
        let mut child = command(program, arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let lines = read(child.stderr.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Waits for a line in which `find` finds something.
    pub(crate) fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let mut seen = String::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(40)) {
                Ok(line) => match find(&line) {
                    Some(found) => return found,
                    None => seen += &format!("{line}\n"),
                },
                Err(RecvTimeoutError::Timeout) => panic!("the line does not come:\n{seen}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it has ended:\n{seen}"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Reads until the end, or the program would stop at a full pipe.
fn read(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody may be interested any more.
            let _ = sender.send(line);
        }
    });
    lines
}

/// Finds a program in the path. Without it, says so; on a Linux where `CI` is `true`, that is a failure.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(format!("{program}{}", env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file());
    if found.is_none() {
        let must = cfg!(target_os = "linux") && env::var("CI").as_deref() == Ok("true");
        assert!(!must, "{program} must be there where CI is true");
        eprintln!("skipped: there is no {program}");
    }
    found
}

/// Cargo builds examples in a folder beside that of the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests are built in target/<profile>/deps");
    let program = folder
        .join("examples")
        .join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "a plain `cargo test` builds the example, as does `cargo build --examples`"
    );
    program
}
