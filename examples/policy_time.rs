//! CPU time of a policy's step and of its training, one JSON list a line: `cargo run --release --example policy_time`.
//!
//! The nets are NCP(12, 6, 1) on 32 inputs, Lechner et al. 2020, doi:10.1038/s42256-020-00237-3, and AutoNCP(28, 4) on 20;
//! step: one inside a sequence; sequence, gradient, and train, which is the gradient with a step of Adam: 32 samples
//! of 32 steps. The median of nine rounds, \[µs\].

use nematode::controller::initial;
use nematode::controller::ltc::{Ltc, Mapping, Options};
use nematode::controller::recurrent::{Batch, Readout, Recurrent};
use nematode::controller::wiring::Rule;
use nematode::training::adam::Adam;

/// Time that this thread has run on a processor \[µs\]; where the system does not tell, time that has passed.
fn cpu_time(started: std::time::Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next().and_then(|first| first.parse::<f64>().ok()));
    nanoseconds.map_or_else(|| started.elapsed().as_secs_f64() * 1e6, |nanoseconds| nanoseconds / 1e3)
}

fn time(net: &str, what: &str, calls: usize, mut work: impl FnMut()) {
    let started = std::time::Instant::now();
    let mut rounds: Vec<f64> = (0..9)
        .map(|_| {
            let before = cpu_time(started);
            (0..calls).for_each(|_| work());
            (cpu_time(started) - before) / calls as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("[\"{net}\", \"{what}\", {:.3}]", rounds[rounds.len() / 2]);
}

fn network(rule: &Rule, inputs: usize) -> Result<Recurrent, Box<dyn std::error::Error>> {
    let wiring = rule.wire(&vec![String::new(); inputs])?;
    let [mask, sensory] = wiring.masks();
    let cell = Ltc::new(Options::default(), &mask, &sensory, inputs, wiring.units());
    let mut network = Recurrent::new(Box::new(cell), false, Readout::neurons(0, wiring.outputs, Mapping::Affine));
    let weights = initial::weights(&network, Some(&wiring), 1);
    network.take(weights);
    Ok(network)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ncp = Rule::Ncp {
        inter_neurons: 12,
        command_neurons: 6,
        motor_neurons: 1,
        sensory_fanout: 6,
        inter_fanout: 4,
        recurrent_command_synapses: 6,
        motor_fanin: 6,
        seed: 22_222,
    };
    let auto = Rule::AutoNcp { units: 28, output_size: 4, sparsity_level: 0.5, seed: 22_222 };
    for (name, rule, inputs) in [("ncp19", ncp, 32), ("auto28_4", auto, 20)] {
        let network = network(&rule, inputs)?;
        let (samples, steps) = (32, 32);
        let seen: Vec<f64> = (0..samples * steps * inputs).map(|index| (0.7 * index as f64).sin()).collect();
        let (mut state, mut scratch) = (vec![0.0; network.states()], vec![0.0; network.scratch()]);
        let mut step = 0;
        time(name, "step", 20_000, || {
            step = (step + 1) % (samples * steps);
            network.step(1.0, &seen[step * inputs..][..inputs], &mut state, &mut scratch);
        });
        let batch = Batch { samples, steps, inputs: &seen, elapsed: None, start: None };
        time(name, "sequence", 20, || drop(network.play(&batch, false)));
        time(name, "gradient", 10, || {
            let played = network.play(&batch, true);
            network.back(&batch, &played, &played.outputs, None);
        });
        let mut weights = network.weights().to_vec();
        let mut adam = Adam::new(weights.len(), 0.001, 1.0);
        let mut learns = network.clone();
        time(name, "train", 10, || {
            let played = learns.play(&batch, true);
            let gradient = learns.back(&batch, &played, &played.outputs, None);
            adam.step(&mut weights, &gradient.weights);
            learns.constrain(&mut weights);
            learns.take(weights.clone());
        });
    }
    Ok(())
}
