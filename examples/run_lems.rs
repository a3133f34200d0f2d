//! Runs a LEMS file: `cargo run --release --example run_lems FILE OUT_DIR [LENGTH_S [STEP_S [euler]]]`.

use std::path::PathBuf;
use std::time::Instant;

use nematode::lems::{self, Changes};
use nematode::network::Method;
use nematode::neuroml::model::Model;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, folder, rest @ ..] = arguments.as_slice() else {
        eprintln!("run_lems FILE OUT_DIR [LENGTH_S [STEP_S [euler]]]");
        std::process::exit(2);
    };
    let number = |index: usize| rest.get(index).and_then(|text: &String| text.parse::<f64>().ok());
    let method = if rest.get(2).is_some_and(|text| text == "euler") { Method::Euler } else { Method::Exponential };
    let start = Instant::now();
    if let Ok(model) = Model::load(&PathBuf::from(file)) {
        println!("{}\nloaded in {:.3} s", model.summary(), start.elapsed().as_secs_f64());
    }
    let changes = Changes { length: number(0), step: number(1), method, ..Changes::default() };
    let start = Instant::now();
    match lems::run(&PathBuf::from(file), &PathBuf::from(folder), changes) {
        Ok(steps) => println!("{steps} steps, {:.3} s with loading and writing", start.elapsed().as_secs_f64()),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(i32::from(error.exit_code()));
        }
    }
}
