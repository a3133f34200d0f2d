//! Times the steps of a network file: `cargo run --release --example step_time FILE [STEPS]`.

use std::path::PathBuf;
use std::time::Instant;

use nematode::network::{Network, Options};
use nematode::neuroml::model::Model;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("step_time FILE [STEPS]")?;
    let steps = arguments.get(1).map_or(Ok(2000), |text| text.parse())?;
    let model = Model::load(&PathBuf::from(file))?;
    let start = Instant::now();
    let mut network = Network::compile(&model, &Options::default())?;
    println!("compiled in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    for _ in 0..steps {
        network.step()?;
    }
    println!("{:.1} µs per step of {} ms", start.elapsed().as_secs_f64() * 1e6 / f64::from(steps), network.dt() * 1e3);
    Ok(())
}
