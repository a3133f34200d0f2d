//! A trained LTC as a LEMS file gives, run by this program, the numbers that the policy gives.

use std::path::Path;
use std::process::Command;

use nematode::controller::explicit::Solver;
use nematode::controller::initial;
use nematode::controller::ltc::{Ltc, Mapping, Options};
use nematode::controller::policy::Policy;
use nematode::controller::recurrent::{Readout, Recurrent};
use nematode::controller::wiring::Rule;

fn policy(solver: Solver, substeps: usize) -> Policy {
    let rule = Rule::AutoNcp { units: 14, output_size: 3, sparsity_level: 0.4, seed: 7 };
    let senses: Vec<String> = (1..=4).map(|row| format!("curvature/{row:02}")).collect();
    let wiring = rule.wire(&senses).unwrap_or_else(|problems| panic!("{problems}"));
    let options = Options { solver, substeps, ..Options::default() };
    let [mask, sensory] = wiring.masks();
    let cell = Ltc::new(options, &mask, &sensory, senses.len(), wiring.units());
    let mut network = Recurrent::new(Box::new(cell), false, Readout::neurons(0, 3, Mapping::Affine));
    let mut weights = initial::weights(&network, Some(&wiring), 3);
    // The maps begin at 1 and 0, which would hide where they are forgotten.
    weights.iter_mut().for_each(|weight| *weight = 0.9 * *weight + 0.05);
    network.take(weights);
    Policy { senses: Some(senses), time_unit: 0.05, ..Policy::new(network) }
}

fn nematode(arguments: &[&str], folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_nematode")).args(arguments).current_dir(folder).output().expect("the program")
}

/// The last row of what the exported policy writes, with `level` at every sense: V of each neuron.
fn exported(policy: &Policy, method: &str, level: f64) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    policy.write(&folder.path().join("p.safetensors")).expect("written");
    let made = nematode(&["export", "p.safetensors", "--neuroml", "LEMS_p.xml"], folder.path());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(folder.path().join("LEMS_p.xml")).expect("the file");
    let text = text.replace("level=\"0\"", &format!("level=\"{level}\""));
    std::fs::write(folder.path().join("LEMS_p.xml"), text).expect("written");
    let run = nematode(&["lems", "LEMS_p.xml", "--method", method], folder.path());
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let columns = std::fs::read_to_string(folder.path().join("policy.dat")).expect("columns");
    let row: Vec<f64> =
        columns.lines().last().expect("rows").split_whitespace().map(|text| text.parse().expect("a number")).collect();
    assert!((row[0] - 10.0 * policy.time_unit).abs() < 1e-9, "the last row is at {} s", row[0]);
    // The first three neurons have their output beside them.
    let is_output = |column: &usize| (1..=6).contains(column) && column.is_multiple_of(2);
    let outputs = policy.network.outputs();
    let mut own: Vec<f64> = (1..row.len()).filter(|column| !is_output(column)).map(|column| row[column]).collect();
    own.extend((1..=outputs).map(|output| row[2 * output]));
    own
}

/// The same from the policy: its state after ten steps of 1, then its outputs.
fn own(policy: &Policy, level: f64) -> Vec<f64> {
    let network = &policy.network;
    let (mut state, mut scratch) = (vec![0.0; network.states()], vec![0.0; network.scratch()]);
    let mut outputs = vec![0.0; network.outputs()];
    for _ in 0..10 {
        network.step(1.0, &vec![level; network.inputs()], &mut state, &mut scratch);
    }
    network.read(&state, &mut outputs);
    [state, outputs].concat()
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn explicit_solvers_give_the_same_numbers_in_lems() {
    for (solver, method) in [(Solver::Rk4, "rk4"), (Solver::Euler, "euler")] {
        let policy = policy(solver, 6);
        let error = worst(&exported(&policy, method, 0.4), &own(&policy, 0.4));
        // Sixty steps of the same few operations in another order, on numbers of order 1.
        assert!(error < 1e-12, "{method}: {error:e}");
    }
}

#[test]
fn the_fused_solver_comes_to_the_same_as_its_substeps_shrink() {
    let exact = exported(&policy(Solver::Rk4, 60), "rk4", 0.4);
    let [coarse, fine] = [60, 600].map(|substeps| worst(&own(&policy(Solver::Fused, substeps), 0.4), &exact));
    // First order: a tenth of the substep, a tenth of the error.
    assert!(coarse < 1e-2 && fine < 0.12 * coarse, "{coarse:e} {fine:e}");
}

#[test]
fn what_lems_has_no_cell_for_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let cell = nematode::controller::gru::Gru::new(2, 3);
    let gru = Policy::new(Recurrent::new(Box::new(cell), false, Readout::projected(0, 3, 1)));
    gru.write(&folder.path().join("p.safetensors")).expect("written");
    let refused = nematode(&["export", "p.safetensors", "--neuroml", "LEMS_p.xml"], folder.path());
    let told = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(refused.status.code() == Some(2) && told.contains("p.safetensors: a policy of the cell gru"), "{told}");
    assert!(!folder.path().join("LEMS_p.xml").exists());
}
