//! Makes the files of scenarios, and those of `assets/`, part of the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=assets");
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
    fs::write(out.join("assets.rs"), assets(&root.join("assets"))?)?;
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

fn assets(folder: &Path) -> Result<String, Box<dyn error::Error>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut code =
        String::from("/// Paths and contents of all files.\nconst FILES: &[(&str, &[u8])] = &[\n");
    for path in files {
        let parts: Vec<_> = path
            .strip_prefix(folder)?
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        writeln!(
            code,
            "    ({:?}, include_bytes!({path:?})),",
            parts.join("/")
        )?;
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

/// Constants, and the folders of scenarios that they have.
const SCENARIOS: [(&str, &str); 3] = [
    ("SUITE", "scenarios"),
    ("TARGETS", "targets"),
    ("HELD_OUT", "held-out"),
];
