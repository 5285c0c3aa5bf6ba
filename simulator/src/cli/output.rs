use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;

use tower_adaptive_sim::model::Invalid;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Options that are right by themselves do not go together.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A file cannot be written.
    #[error("{option}: cannot write {}: {source}", .path.display())]
    Write {
        /// The option that names it.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The page cannot be served.
    #[error("cannot serve on {address}: {source}{}", hint(source))]
    Serve {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

impl Error {
    /// Says what is wrong, unless it is only that nobody reads on, as with `| head`; and ends.
    pub(crate) fn exit(self) -> ! {
        match self {
            Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            error => eprintln!("error: {error}"),
        }
        // As with options that cannot be parsed.
        process::exit(2)
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; choose another port with --port, or any that is free with --port 0"
        }
        _ => "",
    }
}

/// Prints a text at once, so that an interruption loses nothing of it.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// A file that can be written, as was checked before the work; until then it stays as it is.
#[derive(Clone, Debug)]
pub(super) struct Target {
    option: &'static str,
    path: PathBuf,
}

impl Target {
    /// Checks that a file can be written.
    ///
    /// # Errors
    ///
    /// If it cannot; the error names the option.
    pub(super) fn new(option: &'static str, path: &Path) -> Result<Self, Error> {
        let target = Self {
            option,
            path: path.to_owned(),
        };
        let is_new = fs::symlink_metadata(path).is_err();
        let opened = OpenOptions::new().append(true).create(true).open(path);
        target.or_error(opened)?;
        if is_new {
            target.or_error(fs::remove_file(path))?;
        }
        Ok(target)
    }

    /// Creates a folder, if it is not there, and checks that this file in it can be written.
    ///
    /// # Errors
    ///
    /// If it cannot; the error names the option.
    pub(super) fn in_folder(
        option: &'static str,
        folder: &Path,
        name: &str,
    ) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|source| Error::Write {
            option,
            path: folder.to_owned(),
            source,
        })?;
        Self::new(option, &folder.join(name))
    }

    /// Returns its path.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// If that fails in spite of the check.
    pub(super) fn write(&self, text: &str) -> Result<(), Error> {
        let written = File::create(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
        self.or_error(written)
    }

    fn or_error<T>(&self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|source| Error::Write {
            option: self.option,
            path: self.path.clone(),
            source,
        })
    }
}
