//! The neuronal circuit policies of 2018 to 2020: the tap-withdrawal circuit of the worm as a controller.
//!
//!   vᵢ ← [ Cᵢ/h vᵢ + Gᵢ Eᵢ + Σ w s(vⱼ) e + Σ ŵ vⱼ ] / [ Cᵢ/h + Gᵢ + Σ w s(vⱼ) + Σ ŵ ],    s(v) = 1/(1 + e^(−σ (v + 40)))
//!
//! v potential \[mV\], C capacitance, G leak, E rest \[mV\], e reversal (0 mV excites, −90 mV inhibits), ŵ gap junctions, all
//! neurons from the same old state; ten substeps h = 0.01 in a step, before each of which the inputs set their neurons:
//! a value x ≥ 0 sets one neuron of a pair to −70 + 50 x/max mV and the other to −70 mV, a value below 0 the other way round.
//! An output is (v + 60)/40, cut to 0 … 1. Numbers are of single precision, as in the program of the publication.
//!
//! The `.bnn` text has one entry a line: `size N`; `cm`, `gleak`, `vleak` NEURON VALUE; `ex`, `inh` FROM TO WEIGHT \[SIGMA\];
//! `gj` FROM TO WEIGHT, which goes one way, so a gap junction stands twice. What is not given is C 0.05, G 1, E −70, σ 0.1; a
//! neuron begins at −70 mV.
//!
//! Source: Hasani, Lechner, Amini, Rus & Grosu 2020, ICML, PMLR 119:4082, arXiv:1809.04423; what a file does not give and the
//! order of operations: found by playing trajectories of the program mlech26l/neuronal_circuit_policies.

use std::path::Path;

use super::{Controller, check_state};
use crate::error::{Place, Problem, Problems, read_text};

/// Half of all that an input can do to a synapse \[mV\].
const MIDPOINT: f32 = -40.0;
/// Where a neuron begins, and what a silent input sets.
const SILENT: f32 = -70.0;
/// What an input of full strength adds.
const RANGE: f32 = 50.0;
/// Potential of an output at 0, and its range to 1.
const OUTPUT_ZERO: f32 = -60.0;
const OUTPUT_RANGE: f32 = 40.0;
/// Length of a substep, and how many there are in a step.
const SUBSTEP: f32 = 0.01;
const SUBSTEPS: usize = 10;

/// How two neurons are joined.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Junction {
    /// Weight, steepness and reversal.
    Chemical(f32, f32, f32),
    /// Weight.
    Gap(f32),
}

#[derive(Debug, Clone, PartialEq)]
struct Neuron {
    capacitance: f32,
    leak: f32,
    rest: f32,
    /// Who speaks to it, and how.
    from: Vec<(usize, Junction)>,
}

/// A circuit and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit {
    neurons: Vec<Neuron>,
    potential: Vec<f32>,
    old: Vec<f32>,
}

/// A value that sets two neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// The neuron that values from 0 set.
    pub positive: usize,
    /// The neuron that values below 0 set.
    pub negative: usize,
    /// The values of full strength: the least, below 0, and the greatest, above 0.
    pub range: [f32; 2],
}

impl Circuit {
    /// Reads a `.bnn` file.
    ///
    /// # Errors
    /// Every line that cannot be understood, with its place.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_text(path, &read_text(path)?)
    }

    /// Reads the text of such a file; `path` is only what problems call it.
    ///
    /// # Errors
    /// As [`Circuit::read`].
    pub fn from_text(path: &Path, text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut neurons: Vec<Neuron> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            if let Err(problem) = read_line(&words, &mut neurons) {
                problems.push(problem.at(Place::new(path, index as u32 + 1, 1)));
            }
        }
        if neurons.is_empty() && problems.is_empty() {
            problems.push(Problem::new("no neurons").at(Place::new(path, 1, 1)).help("begin with `size 11`"));
        }
        let potential = vec![SILENT; neurons.len()];
        problems.or_ok(Self { neurons, old: potential.clone(), potential })
    }

    /// Potentials of the neurons \[mV\].
    pub fn potential(&self) -> &[f32] {
        &self.potential
    }

    /// One step with `values` at `inputs`.
    pub fn step(&mut self, inputs: &[Input], values: &[f32]) {
        for _ in 0..SUBSTEPS {
            for (input, value) in inputs.iter().zip(values) {
                let [least, greatest] = input.range;
                let (loud, quiet, strength) = if *value >= 0.0 {
                    (input.positive, input.negative, value / greatest)
                } else {
                    (input.negative, input.positive, value / least)
                };
                self.potential[loud] = SILENT + RANGE * strength;
                self.potential[quiet] = SILENT;
            }
            std::mem::swap(&mut self.old, &mut self.potential);
            for ((neuron, new), old) in self.neurons.iter().zip(&mut self.potential).zip(&self.old) {
                let inertia = neuron.capacitance / SUBSTEP;
                let mut above = old * inertia + neuron.leak * neuron.rest;
                let mut below = inertia + neuron.leak;
                for (source, junction) in &neuron.from {
                    let source = self.old[*source];
                    let (conductance, reversal) = match junction {
                        Junction::Chemical(weight, sigma, reversal) => {
                            (weight / (1.0 + libm::expf(-sigma * (source - MIDPOINT))), *reversal)
                        }
                        Junction::Gap(weight) => (*weight, source),
                    };
                    above += conductance * reversal;
                    below += conductance;
                }
                *new = above / below;
            }
        }
    }

    /// The output of a neuron, 0 … 1.
    pub fn output(&self, neuron: usize) -> f32 {
        ((self.potential[neuron] - OUTPUT_ZERO) / OUTPUT_RANGE).clamp(0.0, 1.0)
    }
}

/// Takes up one line.
fn read_line(words: &[&str], neurons: &mut Vec<Neuron>) -> Result<(), Problem> {
    let wrong = |what: String| {
        Problem::new(what).help("an entry is `size N`, `cm|gleak|vleak NEURON VALUE`, `ex|inh FROM TO WEIGHT [SIGMA]` or `gj FROM TO WEIGHT`")
    };
    let number = |at: usize| -> Result<f32, Problem> {
        let word = words.get(at).ok_or_else(|| wrong(format!("`{}` wants more numbers", words[0])))?;
        word.parse()
            .ok()
            .filter(|value: &f32| value.is_finite())
            .ok_or_else(|| wrong(format!("\"{word}\" is no number")))
    };
    let count = neurons.len();
    let neuron = |at: usize| -> Result<usize, Problem> {
        let index = number(at)?;
        if index >= 0.0 && index.fract() == 0.0 && (index as usize) < count {
            return Ok(index as usize);
        }
        let problem = Problem::new(format!("no neuron {index}: there are {count}, from 0"));
        Err(problem.help("give `size` first, and neurons below it"))
    };
    match words[0] {
        "size" => {
            let size = number(1)?;
            if !(1.0..=1e6).contains(&size) || size.fract() != 0.0 {
                return Err(wrong(format!("{size} neurons")));
            }
            *neurons = vec![Neuron { capacitance: 0.05, leak: 1.0, rest: SILENT, from: Vec::new() }; size as usize];
        }
        "cm" => neurons[neuron(1)?].capacitance = number(2)?,
        "gleak" => neurons[neuron(1)?].leak = number(2)?,
        "vleak" => neurons[neuron(1)?].rest = number(2)?,
        kind @ ("ex" | "inh") => {
            let sigma = if words.len() > 4 { number(4)? } else { 0.1 };
            let reversal = if kind == "ex" { 0.0 } else { -90.0 };
            let (from, to) = (neuron(1)?, neuron(2)?);
            neurons[to].from.push((from, Junction::Chemical(number(3)?, sigma, reversal)));
        }
        "gj" => {
            let (from, to) = (neuron(1)?, neuron(2)?);
            neurons[to].from.push((from, Junction::Gap(number(3)?)));
        }
        other => return Err(wrong(format!("unknown entry `{other}`"))),
    }
    Ok(())
}

/// A circuit whose inputs are senses and whose outputs drive muscles, each by name.
#[derive(Debug, Clone)]
pub struct CircuitController {
    circuit: Circuit,
    inputs: Vec<Input>,
    senses: Vec<String>,
    outputs: Vec<usize>,
    drives: Vec<String>,
    /// Time of one step of the circuit \[s\], and what of it has passed.
    step: f64,
    passed: f64,
    values: Vec<f32>,
}

impl CircuitController {
    /// A controller; each sense is an input, each drive the neuron that drives it. The circuit takes a step every `step` \[s\].
    ///
    /// # Errors
    /// Every neuron that is not there, and a step that is not above 0.
    pub fn new(
        circuit: Circuit,
        senses: Vec<(String, Input)>,
        drives: Vec<(String, usize)>,
        step: f64,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let count = circuit.neurons.len();
        let of_inputs = senses.iter().flat_map(|(name, input)| [(name, input.positive), (name, input.negative)]);
        for (name, neuron) in of_inputs.chain(drives.iter().map(|(name, neuron)| (name, *neuron))) {
            if neuron >= count {
                let problem = Problem::new(format!("\"{name}\" is joined to neuron {neuron} of {count}"));
                problems.push(problem.help("neurons count from 0"));
            }
        }
        for (name, input) in &senses {
            let [least, greatest] = input.range;
            if !(least < 0.0 && greatest > 0.0) {
                let problem = Problem::new(format!("the range of \"{name}\" is {least} to {greatest}"));
                problems.push(problem.help("give a value below 0 and one above"));
            }
        }
        if !(step.is_finite() && step > 0.0) {
            problems.push(Problem::new(format!("the circuit's step is {step} s")).help("give a time above 0 s"));
        }
        let (senses, inputs): (Vec<String>, Vec<Input>) = senses.into_iter().unzip();
        let (drives, outputs) = drives.into_iter().unzip();
        let values = vec![0.0; inputs.len()];
        problems.or_ok(Self { circuit, inputs, senses, outputs, drives, step, passed: 0.0, values })
    }
}

impl Controller for CircuitController {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, _time: f64, dt: f64, senses: &[f64], drives: &mut [f64]) {
        self.passed += dt;
        // Half a billionth of a step is the rounding of the sum.
        while self.passed > self.step * (1.0 - 1e-9) {
            self.passed -= self.step;
            for (value, sense) in self.values.iter_mut().zip(senses) {
                *value = *sense as f32;
            }
            self.circuit.step(&self.inputs, &self.values);
        }
        for (drive, neuron) in drives.iter_mut().zip(&self.outputs) {
            *drive = f64::from(self.circuit.output(*neuron));
        }
    }

    fn papers(&self) -> &'static [&'static str] {
        &[
            "Hasani et al. 2020, A natural lottery ticket winner: reinforcement learning with ordinary neural circuits, ICML 2020, PMLR 119:4082, arXiv:1809.04423",
        ]
    }

    fn state(&self) -> Vec<f64> {
        let potential = self.circuit.potential.iter().map(|v| f64::from(*v));
        potential.chain([self.passed]).collect()
    }

    fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        check_state(state, self.circuit.neurons.len() + 1)?;
        for (potential, value) in self.circuit.potential.iter_mut().zip(state) {
            *potential = *value as f32;
        }
        self.passed = state[state.len() - 1];
        Ok(())
    }
}
