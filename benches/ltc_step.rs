//! What one control step of a liquid time-constant cell costs.
//!
//! The net is the one of Lechner et al. 2020, doi:10.1038/s42256-020-00237-3: 12 inter, 6 command and 1 motor
//! neuron on 32 senses, 192 sensory synapses and 58 others, 6 substeps.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use nematode::controller::ltc::{Ltc, Parameters, Synapse};

const SENSES: usize = 32;
const UNITS: usize = 19;

/// Synapses spread evenly; which neurons they join does not change what they cost.
fn synapses(count: usize, sources: usize) -> Vec<Synapse> {
    (0..count)
        .map(|index| Synapse {
            source: index % sources,
            target: (index * 7) % UNITS,
            weight: 0.5,
            reversal: if index % 3 == 0 { -1.0 } else { 1.0 },
            steepness: 5.0,
            midpoint: 0.5,
        })
        .collect()
}

fn ltc_step(criterion: &mut Criterion) {
    let parameters = Parameters {
        capacitance: vec![0.5; UNITS],
        leak: vec![0.3; UNITS],
        rest: vec![0.1; UNITS],
        synapses: synapses(58, UNITS),
        sensory: synapses(192, SENSES),
        input_map: vec![(1.0, 0.0); SENSES],
        output_map: vec![(1.0, 0.0); 1],
        memory: None,
        substeps: 6,
        epsilon: 1e-8,
    };
    let mut cell = Ltc::new(parameters).expect("a cell");
    let senses: Vec<f64> = (0..SENSES).map(|index| 0.1 * index as f64 - 1.0).collect();
    criterion.bench_function("ltc_step_ncp19_250_synapses", |bencher| {
        bencher.iter(|| cell.step(black_box(1.0), black_box(&senses)));
    });
}

criterion_group!(benches, ltc_step);
criterion_main!(benches);
