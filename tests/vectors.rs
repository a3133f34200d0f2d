//! The liquid time-constant cell computes what ncps computes.
//!
//! The reference vectors are large and stay outside: the folder that `NEMATODE_VECTORS` names, or `vectors/`
//! in a folder `shared` beside the repository. One small vector of our own stays in `tests/vectors/`.

use std::path::{Path, PathBuf};

use nematode::controller::Controller;
use nematode::controller::policy::Policy;
use safetensors::SafeTensors;

/// Both sides sum the same few hundred terms in f64, in another order: 1e-12 relative is the rounding that
/// this leaves over a hundred steps; 1e-10 is what the vectors promise.
const RELATIVE: f64 = 1e-10;

fn tensor(file: &SafeTensors, name: &str) -> Option<(Vec<usize>, Vec<f64>)> {
    let tensor = file.tensor(name).ok()?;
    let values = tensor.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    Some((tensor.shape().to_vec(), values))
}

/// The worst of |a − b| / max(|b|, 1): states and outputs are of order 1, so near 0 it is the absolute error.
fn worst(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error = |(a, b): (&f64, &f64)| {
        assert!(a.is_finite(), "the cell gave {a}");
        (a - b).abs() / b.abs().max(1.0)
    };
    found.iter().zip(expected).map(error).fold(0.0, f64::max)
}

/// Runs one file sample by sample and gives its worst relative error.
fn worst_error_of(path: &Path) -> f64 {
    let bytes = std::fs::read(path).expect("the vector");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let policy = Policy::from_bytes(path, &bytes).unwrap_or_else(|problems| panic!("{problems}"));
    let (shape, input) = tensor(&file, "in.input").expect("input");
    let (_, output) = tensor(&file, "out.output").expect("output");
    let (state_shape, states) = tensor(&file, "out.states").expect("states");
    let [batch, steps, senses] = shape[..] else { panic!("input of shape {shape:?}") };
    let (units, outputs) = (state_shape[2], output.len() / (batch * steps));
    let spans = tensor(&file, "in.timespans").map_or(vec![1.0; batch * steps], |(_, spans)| spans);
    let start = |name: &str| tensor(&file, name).map_or(vec![0.0; batch * units], |(_, values)| values);
    let (h0, c0) = (start("in.h0"), start("in.c0"));
    let c_end = tensor(&file, "out.cT");

    let mut error: f64 = 0.0;
    for sample in 0..batch {
        let mut cell = policy.cell.clone();
        let of_sample = sample * units..(sample + 1) * units;
        let mut state = h0[of_sample.clone()].to_vec();
        if cell.state().len() > units {
            state.extend(&c0[of_sample.clone()]);
        }
        cell.restore(&state).expect("a state");
        let mut found = vec![0.0; cell.outputs()];
        for step in 0..steps {
            let at = sample * steps + step;
            cell.step(spans[at], &input[at * senses..(at + 1) * senses]);
            cell.read(&mut found);
            error = error.max(worst(&cell.state()[..units], &states[at * units..(at + 1) * units]));
            error = error.max(worst(&found[..outputs], &output[at * outputs..(at + 1) * outputs]));
        }
        if let Some((_, memory)) = &c_end {
            error = error.max(worst(&cell.state()[units..], &memory[of_sample]));
        }
    }
    error
}

#[test]
fn ltc_matches_the_small_vector_of_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ltc_small.safetensors");
    let error = worst_error_of(&path);
    assert!(error < RELATIVE, "worst relative error {error:e}");
}

#[test]
fn ltc_matches_the_reference_to_1e_10() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    let folder = std::env::var_os("NEMATODE_VECTORS").map_or(default, PathBuf::from).join("ncp");
    if !folder.is_dir() {
        println!("vectors: skipped, there is no folder {}; set NEMATODE_VECTORS", folder.display());
        return;
    }
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("the manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let cases: Vec<&serde_json::Value> =
        manifest["cases"].as_array().expect("cases").iter().filter(|case| case["kind"] == "LTC").collect();
    assert!(!cases.is_empty(), "the manifest lists no LTC");
    let mut worst: f64 = 0.0;
    for case in &cases {
        let error = worst_error_of(&folder.join(case["file"].as_str().expect("a file")));
        assert!(error < RELATIVE, "{}: relative error {error:e}", case["name"]);
        worst = worst.max(error);
    }
    println!("vectors: {} cases, worst relative error {worst:e}", cases.len());
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
