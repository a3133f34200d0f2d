//! What a step of a cell costs, and a step of its training.
//!
//! The nets are that of Lechner et al. 2020, doi:10.1038/s42256-020-00237-3 (12 inter, 6 command and 1 motor neuron on 32
//! inputs, 192 sensory synapses and 58 others), and AutoNCP(28, 4) on 20 inputs (140 and 84); 6 substeps.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use nematode::controller::ltc::{Ltc, Mapping, Options};
use nematode::controller::recurrent::{Batch, Readout, Recurrent};

/// Synapses spread evenly; which neurons they join does not change what they cost.
fn mask(synapses: usize, sources: usize, targets: usize) -> Vec<f64> {
    let places = sources * targets;
    (0..places).map(|place| ((place + 1) * synapses / places - place * synapses / places) as f64).collect()
}

fn cell(inputs: usize, units: usize, outputs: usize, sensory: usize, synapses: usize) -> Recurrent {
    let options = Options::default();
    let (own, sensory) = (mask(synapses, units, units), mask(sensory, inputs, units));
    let cell = Ltc::new(options, &own, &sensory, inputs, units);
    let mut network = Recurrent::new(Box::new(cell), false, Readout::neurons(0, outputs, Mapping::Affine));
    // Any numbers of the size that training begins with.
    let weights = (0..network.weights().len()).map(|index| 0.3 + 0.5 * (index as f64).sin()).collect();
    network.take(weights);
    network
}

fn ltc(criterion: &mut Criterion) {
    for (name, network) in [("ncp19", cell(32, 19, 1, 192, 58)), ("auto28_4", cell(20, 28, 4, 140, 84))] {
        let (samples, steps, inputs) = (32, 32, network.inputs());
        let seen: Vec<f64> = (0..samples * steps * inputs).map(|index| (0.7 * index as f64).sin()).collect();
        let (mut state, mut scratch) = (vec![0.0; network.states()], vec![0.0; network.scratch()]);
        criterion.bench_function(&format!("ltc_step_{name}"), |bencher| {
            let mut step = 0;
            bencher.iter(|| {
                step = (step + 1) % (samples * steps);
                network.step(black_box(1.0), &seen[step * inputs..][..inputs], &mut state, &mut scratch);
            });
        });
        let batch = Batch { samples, steps, inputs: &seen, elapsed: None, start: None };
        criterion.bench_function(&format!("ltc_sequence_32_batch_32_{name}"), |bencher| {
            bencher.iter(|| network.play(black_box(&batch), false));
        });
        criterion.bench_function(&format!("ltc_gradient_sequence_32_batch_32_{name}"), |bencher| {
            bencher.iter(|| {
                let played = network.play(black_box(&batch), true);
                network.back(&batch, &played, &played.outputs, None)
            });
        });
    }
}

criterion_group!(benches, ltc);
criterion_main!(benches);
