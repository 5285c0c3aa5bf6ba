//! Makes the files of scenarios, and those of the page, part of the program.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

fn main() -> Result<(), Box<dyn error::Error>> {
    for folder in ASSETS {
        println!("cargo::rerun-if-changed={folder}");
    }
    for (_, folder) in SCENARIOS {
        println!("cargo::rerun-if-changed={folder}");
    }
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut code = String::new();
    for (name, folder) in SCENARIOS {
        code.push_str(&scenarios(name, &root.join(folder))?);
    }
    fs::write(out.join("scenarios.rs"), code)?;
    fs::write(out.join("assets.rs"), assets(&root)?)?;
    Ok(())
}

fn scenarios(constant: &str, folder: &Path) -> Result<String, Box<dyn error::Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut code =
        format!("/// Names and texts of files.\nconst {constant}: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn assets(root: &Path) -> Result<String, Box<dyn error::Error>> {
    let mut files = BTreeMap::new();
    for folder in ASSETS {
        let folder = root.join(folder);
        let mut paths = Vec::new();
        collect(&folder, &mut paths)?;
        for path in paths {
            let parts: Vec<_> = path
                .strip_prefix(&folder)?
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect();
            let name = parts.join("/");
            if let Some(other) = files.insert(name, path.clone()) {
                return Err(format!("{path:?} and {other:?} have one name").into());
            }
        }
    }
    let mut code =
        String::from("/// Paths and contents of all files.\nconst FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The page's own files, and those that it shares with the page of live control.
const ASSETS: [&str; 2] = ["assets", "../control/assets/shared"];

/// Constants, and the folders of scenarios that they have.
const SCENARIOS: [(&str, &str); 3] = [
    ("SUITE", "scenarios"),
    ("TARGETS", "targets"),
    ("HELD_OUT", "held-out"),
];
