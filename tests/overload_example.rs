//! The overload example as its user meets it: the built program, its output and its errors.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

#[test]
fn a_short_run_ends_with_table_charts_and_picture() {
    let output = overload(&[
        "--seconds",
        "6",
        "--algorithm",
        "none,fathom,vegas",
        "--load",
        "2",
    ]);

    let text = String::from_utf8(output.stdout).expect("the output is UTF-8");
    assert!(output.status.success(), "{text}");
    for part in [
        "no limit",
        "defaults, no window",
        "initial_limit 20",
        "goodput",
        "━ overload ━",
        "Fathom: ",
        "Vegas: ",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert!(
        !text.contains('\u{1b}'),
        "colors, though this is no terminal"
    );
    let path = text
        .trim_end()
        .rsplit(' ')
        .next()
        .expect("the last word is the path");
    let picture = fs::read_to_string(path).expect("the picture is where the output says");
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
}

#[test]
fn a_value_out_of_range_is_an_error_that_names_option_and_range() {
    for (arguments, range) in [
        (["--load", "9"], "from 1 to 5"),
        (["--load", "much"], "from 1 to 5"),
        (["--seconds", "nan"], "from 2 to 600"),
        (["--seconds", "5"], "from 14 to 600"),
        (
            ["--algorithm", "newton"],
            "none, static-high, static-low, fathom, aimd, vegas, gradient2",
        ),
    ] {
        let output = overload(&arguments);

        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(
            text.contains(arguments[0]) && text.contains(range),
            "{arguments:?}: {text}"
        );
    }
}

fn overload(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().expect(
        "the example runs: a plain `cargo test` builds it, as does `cargo build --examples`",
    )
}

/// Cargo builds examples in a folder beside that of the tests.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests are built in target/<profile>/deps");
    folder
        .join("examples")
        .join(format!("overload{}", env::consts::EXE_SUFFIX))
}
