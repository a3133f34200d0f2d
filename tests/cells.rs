//! What holds of every recurrent cell, with or without a reference from elsewhere.

use std::path::Path;

use nematode::controller::activation::Activation;
use nematode::controller::cell::Cell;
use nematode::controller::cfc::{Backbone, Cfc, Mode};
use nematode::controller::ctrnn::CtRnn;
use nematode::controller::explicit::Solver;
use nematode::controller::gru::Gru;
use nematode::controller::lstm::Lstm;
use nematode::controller::ltc::{Ltc, Mapping, Options};
use nematode::controller::policy::Policy;
use nematode::controller::recurrent::{Batch, Gradient, Readout, Recurrent};

const INPUTS: usize = 3;
const UNITS: usize = 5;
const STEPS: usize = 7;
/// One block of eight samples and one that is left over.
const SAMPLES: usize = 9;

/// Numbers that look like chance, in −1 … 1, the same in every run.
fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|index| (1e4 * libm::sin(seed + 1.7 * index as f64)).fract()).collect()
}

fn ltc(options: Options) -> Box<dyn Cell> {
    let some = |count: usize| (0..count).map(|place| f64::from(u8::from(place % 3 != 1))).collect::<Vec<f64>>();
    Box::new(Ltc::new(options, &some(UNITS * UNITS), &some(INPUTS * UNITS), INPUTS, UNITS))
}

/// Every cell in every form, with weights.
fn cells() -> Vec<(String, Recurrent)> {
    let mut all: Vec<(String, Recurrent)> = Vec::new();
    let mut add = |name: String, cell: Box<dyn Cell>, mixed: bool, readout: Readout| {
        all.push((name, Recurrent::new(cell, mixed, readout)));
    };
    let read = |mapping| Readout::neurons(0, 2, mapping);
    for solver in [Solver::Fused, Solver::Euler, Solver::Rk4] {
        for (implicit, map) in [(true, Mapping::Affine), (false, Mapping::Linear), (true, Mapping::None)] {
            let options = Options { implicit, solver, input_map: map, substeps: 4, epsilon: 1e-8 };
            add(format!("LTC {solver:?} {map:?}"), ltc(options), false, read(map));
            add(format!("LTC {solver:?} {map:?} with memory"), ltc(options), true, read(map));
        }
    }
    for mode in [Mode::Default, Mode::NoGate, Mode::Pure] {
        for activation in Activation::ALL {
            let backbone = Backbone { activation, units: 6, layers: vec![0, 2] };
            let cell = Box::new(Cfc::new(INPUTS, UNITS, mode, &backbone));
            add(format!("CfC {mode:?} {activation:?}"), cell, false, Readout::projected(0, UNITS, 3));
        }
        let mask = |units: usize, inputs: usize| -> Vec<f64> {
            let width = inputs + units;
            (0..units * width).map(|place| f64::from(u8::from(place % width >= inputs || place % 3 != 0))).collect()
        };
        let layers = vec![(3, mask(3, INPUTS)), (2, mask(2, 3))];
        add(
            format!("wired CfC {mode:?}"),
            Box::new(Cfc::wired(INPUTS, layers, mode)),
            true,
            Readout::neurons(3, 2, Mapping::None),
        );
    }
    for solver in [Solver::Euler, Solver::Rk4] {
        let cell = Box::new(CtRnn::new(INPUTS, UNITS, solver, 3));
        add(format!("CT-RNN {solver:?}"), cell, false, Readout::projected(0, UNITS, 2));
    }
    add("GRU".into(), Box::new(Gru::new(INPUTS, UNITS)), false, Readout::projected(0, UNITS, 2));
    add("LSTM".into(), Box::new(Lstm::new(INPUTS, UNITS)), false, Readout::projected(0, UNITS, 2));
    for (_, network) in &mut all {
        // Between 0.2 and 1: every weight is allowed, and matters.
        let weights = numbers(network.weights().len(), 0.3).iter().map(|x| 0.6 + 0.4 * x).collect();
        network.take(weights);
    }
    all
}

struct Example {
    inputs: Vec<f64>,
    elapsed: Vec<f64>,
    start: Vec<f64>,
    probe: Vec<f64>,
    end: Vec<f64>,
}

impl Example {
    fn of(network: &Recurrent) -> Self {
        Self {
            inputs: numbers(SAMPLES * STEPS * INPUTS, 1.0),
            elapsed: numbers(SAMPLES * STEPS, 2.0).iter().map(|x| 0.6 + 0.5 * x).collect(),
            start: numbers(SAMPLES * network.states(), 3.0),
            probe: numbers(SAMPLES * STEPS * network.outputs(), 4.0),
            end: numbers(SAMPLES * network.states(), 5.0),
        }
    }

    fn batch(&self) -> Batch<'_> {
        let (elapsed, start) = (Some(self.elapsed.as_slice()), Some(self.start.as_slice()));
        Batch { samples: SAMPLES, steps: STEPS, inputs: &self.inputs, elapsed, start }
    }

    /// Σ probe · y + Σ end · h at the last step.
    fn loss(&self, network: &Recurrent) -> f64 {
        let played = network.play(&self.batch(), false);
        let states = network.states();
        let last = played.states.chunks(STEPS * states).flat_map(|sample| &sample[(STEPS - 1) * states..]);
        let dot = |a: &mut dyn Iterator<Item = (&f64, &f64)>| a.map(|(a, b)| a * b).sum::<f64>();
        dot(&mut self.probe.iter().zip(&played.outputs)) + dot(&mut self.end.iter().zip(last))
    }

    fn gradient(&self, network: &Recurrent) -> Gradient {
        let played = network.play(&self.batch(), true);
        network.back(&self.batch(), &played, &self.probe, Some(&self.end))
    }
}

#[test]
fn the_gradient_of_every_cell_is_that_of_finite_differences() {
    for (name, network) in cells() {
        let example = Example::of(&network);
        let gradient = example.gradient(&network);
        let check = |what: &str, exact: &[f64], change: &dyn Fn(usize, f64) -> f64| {
            let size = exact.iter().fold(1e-3, |size: f64, g| size.max(g.abs()));
            for (index, exact) in exact.iter().enumerate() {
                let h = 1e-5;
                let slope = (change(index, h) - change(index, -h)) / (2.0 * h);
                // h² of the third derivative, and the rounding of a loss of order 10 over h: 1e-9 and some 1e-10.
                assert!((slope - exact).abs() < 3e-7 * size, "{name}: {what} {index}: {exact}, by differences {slope}");
            }
        };
        check("weight", &gradient.weights, &|index, h| {
            let mut other = network.clone();
            let mut weights = network.weights().to_vec();
            weights[index] += h;
            other.take(weights);
            example.loss(&other)
        });
        let moved = |values: &[f64], index: usize, h: f64| {
            let mut values = values.to_vec();
            values[index] += h;
            values
        };
        check("input", &gradient.inputs, &|index, h| {
            Example { inputs: moved(&example.inputs, index, h), ..Example::of(&network) }.loss(&network)
        });
        check("elapsed", &gradient.elapsed, &|index, h| {
            Example { elapsed: moved(&example.elapsed, index, h), ..Example::of(&network) }.loss(&network)
        });
        check("start", &gradient.start, &|index, h| {
            Example { start: moved(&example.start, index, h), ..Example::of(&network) }.loss(&network)
        });
    }
}

#[test]
fn a_sample_has_the_same_bits_alone_and_in_a_batch() {
    for (name, network) in cells() {
        let example = Example::of(&network);
        let together = network.play(&example.batch(), false);
        let (mut state, mut scratch) = (Vec::new(), vec![0.0; network.scratch()]);
        let mut outputs = vec![0.0; network.outputs()];
        for sample in 0..SAMPLES {
            state.clear();
            state.extend(&example.start[sample * network.states()..(sample + 1) * network.states()]);
            for step in 0..STEPS {
                let place = sample * STEPS + step;
                let inputs = &example.inputs[place * INPUTS..(place + 1) * INPUTS];
                network.step(example.elapsed[place], inputs, &mut state, &mut scratch);
                network.read(&state, &mut outputs);
                let expected = &together.outputs[place * outputs.len()..(place + 1) * outputs.len()];
                assert!(outputs.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
            }
        }
    }
}

#[test]
fn a_policy_that_is_written_is_read_back_as_it_was() {
    for (name, network) in cells() {
        let policy = Policy { senses: Some(vec!["curvature/01".into(); INPUTS]), ..Policy::new(network) };
        let bytes = policy.to_bytes();
        let read =
            Policy::from_bytes(Path::new("policy"), &bytes).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!(read.network.weights(), policy.network.weights(), "{name}");
        assert_eq!(read.network.tensors(), policy.network.tensors(), "{name}");
        assert_eq!(read.network.settings(), policy.network.settings(), "{name}");
        assert_eq!(read.to_bytes(), bytes, "{name}");
        let example = Example::of(&policy.network);
        assert_eq!(example.loss(&read.network), example.loss(&policy.network), "{name}");
    }
}

#[test]
fn an_explicit_solver_in_small_steps_gives_what_the_fused_one_gives() {
    let loss = |solver: Solver, substeps: usize| {
        let options = Options { solver, substeps, ..Options::default() };
        let mut network = Recurrent::new(ltc(options), false, Readout::neurons(0, 2, Mapping::Affine));
        let weights = numbers(network.weights().len(), 0.3).iter().map(|x| 0.6 + 0.4 * x).collect();
        network.take(weights);
        Example::of(&network).loss(&network)
    };
    let exact = loss(Solver::Rk4, 200);
    // First order: a tenth of the step, a tenth of the error.
    for solver in [Solver::Fused, Solver::Euler] {
        let [coarse, fine] = [400, 4000].map(|substeps| (loss(solver, substeps) - exact).abs());
        assert!(fine < 0.11 * coarse && coarse < 0.02 * exact.abs(), "{solver:?}: {coarse} {fine} of {exact}");
    }
    // Fourth order: a third of the step, an eightieth of the error.
    let [coarse, fine] = [10, 30].map(|substeps| (loss(Solver::Rk4, substeps) - exact).abs());
    assert!(fine < coarse / 50.0, "{coarse} {fine}");
}
