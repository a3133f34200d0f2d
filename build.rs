//! What a binary says of itself: the target and the compiler that it was built with.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    let facts = [("NEMATODE_TARGET", std::env::var("TARGET").ok()), ("NEMATODE_RUSTC", version)];
    for (name, value) in facts {
        println!("cargo::rustc-env={name}={}", value.as_deref().map_or("unknown", str::trim));
    }
    println!("cargo::rerun-if-changed=build.rs");
}
