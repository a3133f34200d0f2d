//! Any text is an expression, with a dimension or without, or a fault inside of the text.
//!
//!     cargo +nightly fuzz run expression -- -dict=fuzz/lems.dict
#![no_main]

use libfuzzer_sys::fuzz_target;
use nematode::neuroml::expression::Expression;

fuzz_target!(|text: &str| match Expression::parse(text) {
    Ok(expression) => drop(expression.dimension(&|_| Ok(None))),
    Err(fault) => assert!(fault.offset <= text.len()),
});
