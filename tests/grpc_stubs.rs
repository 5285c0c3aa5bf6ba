//! The committed stubs of `tests/grpc` are those of its proto file. A crate of its own: it compiles
//! when the stubs do not.

use std::path::Path;
use std::{env, fs};

/// `UPDATE_STUBS=1 cargo test --test grpc_stubs` writes them anew.
#[test]
fn the_committed_stubs_are_those_of_the_proto_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpc");
    let committed = folder.join("pb.rs");
    let descriptors = protox::compile(["echo.proto"], [&folder]).unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .generate_default_stubs(true)
        .out_dir(out)
        .compile_fds(descriptors)
        .unwrap();
    let generated = out.join("echo.v1.rs");

    if env::var_os("UPDATE_STUBS").is_some() {
        fs::copy(&generated, &committed).unwrap();
    }

    assert!(
        fs::read_to_string(generated).unwrap() == fs::read_to_string(committed).unwrap(),
        "tests/grpc/pb.rs is not what echo.proto gives: see UPDATE_STUBS in tests/grpc_stubs.rs"
    );
}
