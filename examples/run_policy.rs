//! A policy of ncps in one line, step by step: `cargo run --release --example run_policy POLICY.safetensors [STEPS]`.
//!
//! examples/save_policy.py makes such a file. In a worm it runs through an experiment's `[controller.policy]`.

use std::path::Path;

use nematode::controller::policy::Policy;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("run_policy POLICY.safetensors [STEPS]")?;
    let steps: usize = arguments.get(1).map_or(Ok(5), |text| text.parse())?;

    let policy = Policy::read(Path::new(file))?.network;

    println!("{} inputs, {} states, {} outputs", policy.inputs(), policy.states(), policy.outputs());
    let (mut state, mut scratch) = (vec![0.0; policy.states()], vec![0.0; policy.scratch()]);
    let mut outputs = vec![0.0; policy.outputs()];
    for step in 0..steps {
        let inputs: Vec<f64> = (0..policy.inputs()).map(|input| (0.3 * (step + input) as f64).sin()).collect();
        policy.step(1.0, &inputs, &mut state, &mut scratch);
        policy.read(&state, &mut outputs);
        let shown: Vec<String> = outputs.iter().take(4).map(|output| format!("{output:+.6}")).collect();
        println!("step {step}: {}", shown.join(" "));
    }
    Ok(())
}
