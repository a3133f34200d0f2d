//! Any text is a model or a list of problems; a small model compiles or says why not, and takes three steps.
//!
//!     cargo +nightly fuzz run xml_to_model -- -dict=fuzz/lems.dict
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use nematode::network::{Network, Options};
use nematode::neuroml::model::Model;

fuzz_target!(|text: &str| {
    let Ok(model) = Model::from_text(Path::new("fuzz.xml"), text) else { return };
    if model.populations().iter().map(|population| population.size).sum::<usize>() > 1000 {
        return;
    }
    let Ok(mut network) = Network::compile(&model, &Options::default()) else { return };
    for _ in 0..3 {
        if network.step().is_err() {
            return;
        }
    }
});
