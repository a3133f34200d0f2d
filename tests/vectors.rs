//! Cells and wirings compute what ncps computes: outputs, states, gradients and the synapses of every seed.
//!
//! The reference vectors are large and stay outside: the folder that `NEMATODE_VECTORS` names, or `vectors/`
//! in a folder `shared` beside the repository. Small vectors of our own stay in `tests/vectors/`.

use std::path::{Path, PathBuf};

use nematode::controller::Controller;
use nematode::controller::circuit::{Circuit, Input};
use nematode::controller::policy::Policy;
use nematode::controller::recurrent::{Batch, Gradient, Played};
use nematode::controller::wiring::Rule;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

/// Both sides sum the same few hundred terms in f64, in another order: 1e-12 relative is the rounding that
/// this leaves over a hundred steps; 1e-10 is what the vectors promise.
const OUTPUT: f64 = 1e-10;

/// A gradient is a sum over all steps whose terms cancel: a hundred times the error of an output.
const GRADIENT: f64 = 1e-8;

/// Below it a gradient is compared by its absolute error: 1e-8 of it is 1e-12, the rounding of the terms that cancel in it.
const SMALL_GRADIENT: f64 = 1e-4;

struct Vector<'a>(SafeTensors<'a>);

impl Vector<'_> {
    fn shape(&self, name: &str) -> Vec<usize> {
        self.0.tensor(name).unwrap_or_else(|_| panic!("no {name}")).shape().to_vec()
    }

    fn values(&self, name: &str) -> Option<Vec<f64>> {
        let tensor = self.0.tensor(name).ok()?;
        Some(tensor.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    /// The state of every sample: h, and c behind it where there is a memory.
    fn states(&self, kind: &str, [h, c]: [&str; 2]) -> Option<Vec<f64>> {
        let own = self.values(&format!("{kind}{h}"))?;
        let Some(memory) = self.values(&format!("{kind}{c}")) else { return Some(own) };
        let units = *self.shape(&format!("{kind}{h}")).last().expect("units");
        Some(own.chunks(units).zip(memory.chunks(units)).flat_map(|(h, c)| [h, c].concat()).collect())
    }
}

/// The worst of |a − b| / max(|b|, floor).
fn worst(what: &str, found: &[f64], expected: &[f64], floor: f64) -> f64 {
    assert_eq!(found.len(), expected.len(), "{what}");
    let error = |(a, b): (&f64, &f64)| {
        assert!(a.is_finite(), "{what} is {a}");
        (a - b).abs() / b.abs().max(floor)
    };
    found.iter().zip(expected).map(error).fold(0.0, f64::max)
}

/// Relative error of outputs and states, and of gradients.
struct Errors {
    outputs: f64,
    gradients: f64,
}

fn errors_of(path: &Path) -> Errors {
    let bytes = std::fs::read(path).expect("the vector");
    let vector = Vector(SafeTensors::deserialize(&bytes).expect("safetensors"));
    let network = Policy::from_bytes(path, &bytes).unwrap_or_else(|problems| panic!("{problems}")).network;
    let input = vector.values("in.input").expect("input");
    let [samples, steps, inputs] = vector.shape("in.input")[..] else { panic!("an input of another shape") };
    assert_eq!(inputs, network.inputs());
    let (elapsed, start) = (vector.values("in.timespans"), vector.states("in.", ["h0", "c0"]));
    let batch = Batch { samples, steps, inputs: &input, elapsed: elapsed.as_deref(), start: start.as_deref() };
    let played = network.play(&batch, true);
    let units = *vector.shape("out.states").last().expect("units");
    let h: Vec<f64> = played.states.chunks(network.states()).flat_map(|state| &state[..units]).copied().collect();
    let end: Vec<f64> = last(&played, steps, network.states());
    let mut outputs: f64 = 0.0;
    // States and outputs are of order 1, so near 0 it is the absolute error.
    let expected = vector.values("out.output").expect("output");
    outputs = outputs.max(worst("output", &played.outputs, &expected, 1.0));
    outputs = outputs.max(worst("states", &h, &vector.values("out.states").expect("states"), 1.0));
    if let Some(expected) = vector.states("out.", ["hT", "cT"]) {
        outputs = outputs.max(worst("last states", &end, &expected, 1.0));
    }
    let Some(target) = vector.values("loss.target") else { return Errors { outputs, gradients: 0.0 } };

    // L = mean((y − target)²) + 0.1 Σ probe · (h, c) / samples.
    let share = 2.0 / target.len() as f64;
    let d_outputs: Vec<f64> = played.outputs.iter().zip(&target).map(|(y, target)| share * (y - target)).collect();
    let probe = vector.states("loss.", ["h_probe", "c_probe"]).expect("the probe");
    let d_end: Vec<f64> = probe.iter().map(|probe| 0.1 * probe / samples as f64).collect();
    let gradient = network.back(&batch, &played, &d_outputs, Some(&d_end));
    Errors { outputs, gradients: gradient_error(&vector, &network.tensors(), &gradient) }
}

fn gradient_error(vector: &Vector, tensors: &[nematode::controller::cell::Tensor], gradient: &Gradient) -> f64 {
    let mut error: f64 = 0.0;
    let mut seen = 0;
    let mut weights = gradient.weights.as_slice();
    for tensor in tensors {
        let (own, rest) = weights.split_at(tensor.weights());
        weights = rest;
        let name = format!("grad.{}", tensor.name);
        let expected = vector.values(&name).unwrap_or_else(|| panic!("no {name}"));
        error = error.max(worst(&name, &tensor.dense(own), &expected, SMALL_GRADIENT));
        seen += 1;
    }
    let states = vector.states("grad.in.", ["h0", "c0"]);
    for (name, found, expected) in [
        ("input", &gradient.inputs, vector.values("grad.in.input")),
        ("timespans", &gradient.elapsed, vector.values("grad.in.timespans")),
        ("h0", &gradient.start, states),
    ] {
        if let Some(expected) = expected {
            error = error.max(worst(name, found, &expected, SMALL_GRADIENT));
            seen += 1;
        }
    }
    // What the vector has a gradient of and the cell does not would not be seen otherwise.
    let listed = vector.0.names().iter().filter(|name| name.starts_with("grad.") && !name.ends_with(".c0")).count();
    assert_eq!(seen, listed, "gradients that the cell does not give");
    error
}

fn last(played: &Played, steps: usize, states: usize) -> Vec<f64> {
    played.states.chunks(steps * states).flat_map(|sample| &sample[(steps - 1) * states..]).copied().collect()
}

fn folder() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    let folder = std::env::var_os("NEMATODE_VECTORS").map_or(default, PathBuf::from);
    if folder.join("ncp").is_dir() {
        return Some(folder);
    }
    println!("vectors: skipped, there is no folder {}; set NEMATODE_VECTORS", folder.join("ncp").display());
    None
}

fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn ltc_matches_the_small_vector_of_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ltc_small.safetensors");
    let error = errors_of(&path).outputs;
    assert!(error < OUTPUT, "worst relative error {error:e}");
}

#[test]
fn gru_and_lstm_match_torch_and_so_do_their_gradients() {
    // Made by tests/vectors/make_torch.py.
    for name in ["gru_torch", "lstm_torch"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{name}.safetensors"));
        let errors = errors_of(&path);
        println!("{name}: {:e} of outputs and states, {:e} of gradients", errors.outputs, errors.gradients);
        assert!(errors.outputs < OUTPUT && errors.gradients < GRADIENT, "{name}");
    }
}

#[test]
fn cells_match_the_reference_to_1e_10_and_their_gradients_to_1e_8() {
    let Some(folder) = folder() else { return };
    let manifest = json(&folder.join("ncp/manifest.json"));
    let cases = manifest["cases"].as_array().expect("cases");
    assert!(!cases.is_empty(), "the manifest lists no case");
    let (mut outputs, mut gradients): (f64, f64) = (0.0, 0.0);
    let mut failed = Vec::new();
    for case in cases {
        let errors = errors_of(&folder.join("ncp").join(case["file"].as_str().expect("a file")));
        if errors.outputs > OUTPUT || errors.gradients > GRADIENT {
            failed.push(format!("{}: outputs {:e}, gradients {:e}", case["name"], errors.outputs, errors.gradients));
        }
        (outputs, gradients) = (outputs.max(errors.outputs), gradients.max(errors.gradients));
    }
    println!(
        "vectors: {} cases, worst relative error {outputs:e} of outputs and states, {gradients:e} of gradients",
        cases.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// In mV: a rounding of 70 mV in single precision is 8e-6, and stiff neurons, whose capacitance is a tenth of a substep's leak,
/// hand on a few dozen of them from one to the next.
const CIRCUIT: f32 = 5e-4;

#[test]
fn tap_withdrawal_circuits_go_the_way_of_their_program() {
    let Some(folder) = folder().map(|folder| folder.join("tap_withdrawal")).filter(|folder| folder.is_dir()) else {
        return;
    };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "no trajectories in {}", folder.display());
    let (mut worst, mut steps): (f32, usize) = (0.0, 0);
    for file in &files {
        let trajectory = json(file);
        let bnn = folder.join(trajectory["bnn"].as_str().expect("a file"));
        let mut circuit = Circuit::read(&bnn).unwrap_or_else(|problems| panic!("{problems}"));
        let number = |value: &serde_json::Value| value.as_f64().expect("a number") as f32;
        let neuron = |value: &serde_json::Value| value.as_u64().expect("a neuron") as usize;
        let input = |input: &serde_json::Value| Input {
            positive: neuron(&input["pos"]),
            negative: neuron(&input["neg"]),
            range: [number(&input["min"]), number(&input["max"])],
        };
        let list = |value: &serde_json::Value| value.as_array().expect("a list").clone();
        let inputs: Vec<Input> = list(&trajectory["bi_inputs"]).iter().map(input).collect();
        for step in list(&trajectory["steps"]) {
            let values: Vec<f32> = list(&step["in"]).iter().map(number).collect();
            circuit.step(&inputs, &values);
            for (found, expected) in circuit.potential().iter().zip(&list(&step["v"])) {
                worst = worst.max((found - number(expected)).abs());
            }
            for (output, expected) in list(&trajectory["outputs"]).iter().zip(&list(&step["out"])) {
                let found = circuit.output(neuron(&output["neuron"]));
                assert!((found - number(expected)).abs() < CIRCUIT / 40.0, "{}", file.display());
            }
            steps += 1;
        }
    }
    println!("vectors: {} circuits, {steps} steps, worst error {worst:e} mV", files.len());
    assert!(worst < CIRCUIT, "{worst} mV");
}

#[test]
fn a_wrong_line_of_a_circuit_is_told_with_its_place() {
    let text = "size 2\ncm 2 0.1\nex 0 1 many\nwhat 1\ngj 0\n";
    let told = Circuit::from_text(Path::new("tw.bnn"), text).expect_err("four problems").to_string();
    for part in [
        "tw.bnn:2:1: no neuron 2",
        "tw.bnn:3:1: \"many\" is no number",
        "tw.bnn:4:1: unknown entry",
        "tw.bnn:5:1: `gj` wants",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_seed_makes_the_wiring_that_it_makes_in_ncps() {
    let Some(folder) = folder() else { return };
    let all = json(&folder.join("ncp/wirings.json"));
    let wirings = all["wirings"].as_array().expect("wirings");
    for expected in wirings {
        let mut rule = expected["args"].clone();
        rule["type"] = expected["type"].clone();
        let rule: Rule = serde_json::from_value(rule).unwrap_or_else(|error| panic!("{expected}: {error}"));
        let senses = vec![String::new(); expected["input_dim"].as_u64().expect("senses") as usize];
        let wiring = rule.wire(&senses).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(wiring.units() as u64, expected["units"].as_u64().expect("units"));
        assert_eq!(wiring.outputs as u64, expected["output_dim"].as_u64().expect("outputs"));
        for (dense, key) in [(&wiring.synapses, "adjacency"), (&wiring.sensory, "sensory_adjacency")] {
            let Some(triples) = expected[key].as_array() else { continue };
            let mut listed = vec![0; dense.len()];
            for triple in triples {
                let [source, target, polarity] = [0, 1, 2].map(|part| triple[part].as_i64().expect("a number"));
                listed[source as usize * wiring.units() + target as usize] = polarity as i8;
            }
            assert_eq!(*dense, listed, "{} {}", expected["type"], expected["args"]);
        }
        if let Some(hash) = expected["sha256_int8_rowmajor"].as_str() {
            let bytes: Vec<u8> =
                wiring.synapses.iter().chain(&wiring.sensory).map(|polarity| *polarity as u8).collect();
            let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, hash, "{} {}", expected["type"], expected["args"]);
        }
    }
    println!("vectors: {} wirings are the same, synapse for synapse", wirings.len());
}

fn small() -> (PathBuf, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ltc_small.safetensors");
    let bytes = std::fs::read(&path).expect("the vector");
    (path, bytes)
}

#[test]
fn a_controller_resumes_with_the_same_bits() {
    let (path, bytes) = small();
    let policy = Policy::from_bytes(&path, &bytes).expect("a policy");
    let mut straight = policy.controller(Vec::new(), Vec::new()).expect("the file names senses and drives");
    let mut resumed = straight.clone();
    assert_eq!(straight.senses(), ["curvature/01", "curvature/02", "MDL05/strain"]);
    assert_eq!(straight.drives(), ["MDL05", "MVL05"]);
    let mut drives = [[0.0; 2]; 2];
    for step in 0..20 {
        let senses = [0.3 * f64::from(step % 3), -0.5, 0.1];
        straight.step(f64::from(step) * 0.01, 0.01, &senses, &mut drives[0]);
        let state = resumed.state();
        resumed.restore(&state).expect("its own state");
        resumed.step(f64::from(step) * 0.01, 0.01, &senses, &mut drives[1]);
        assert_eq!(drives[0].map(f64::to_bits), drives[1].map(f64::to_bits));
        assert!(drives[0].iter().all(|drive| (0.0..=1.0).contains(drive)));
    }
    assert!(resumed.restore(&[0.0]).is_err() && resumed.restore(&[f64::NAN; 5]).is_err());
}

#[test]
fn bad_weights_are_told_with_their_mend() {
    let (path, bytes) = small();
    let told = |bytes: &[u8]| Policy::from_bytes(&path, bytes).expect_err("bad weights").to_string();
    assert!(told(b"not tensors").contains("not a safetensors file"));

    // Names of equal length keep every offset of the file.
    let replace = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).expect("the name");
        let mut bytes = bytes.clone();
        bytes[at..at + from.len()].copy_from_slice(to);
        bytes
    };
    let text = told(&replace(b"rnn_cell.vleak", b"rnn_cell.vleax"));
    assert!(text.contains("no tensor `param.rnn_cell.vleak`\n  help: nearest: `param.rnn_cell."), "{text}");
    let text = told(&replace(b"rnn_cell.gleak", b"rnn_cell.bleak"));
    assert!(text.contains("not the weights of an LTC"), "{text}");

    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let data = file.tensor("param.rnn_cell.mu").expect("mu").data();
    let at = data.as_ptr() as usize - bytes.as_ptr() as usize;
    let mut broken = bytes.clone();
    broken[at + 8..at + 16].copy_from_slice(&f64::NAN.to_le_bytes());
    let text = told(&broken);
    assert!(text.contains("number 1 of `param.rnn_cell.mu` is NaN"), "{text}");
}
