//! A simulated worm is put beside measured ones, row by row, and what fails stays in the table.

use std::process::{Command, Output};

fn nematode(arguments: &[&str]) -> Output {
    let command =
        Command::new(env!("CARGO_BIN_EXE_nematode")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    command.expect("it runs")
}

/// Rows by name, with their verdicts, of a table in JSON.
fn verdicts(output: &Output) -> Vec<(String, String)> {
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_string();
    table.as_array().expect("rows").iter().map(|row| (text(row, "row"), text(row, "verdict"))).collect()
}

const BBC: &str = "models/experiments/bbc.toml";

#[test]
fn the_circuit_of_boyle_berri_and_cohen_moves_as_worms_on_agar_do() {
    let output = nematode(&["validate", "worm", BBC, "--json"]);
    let verdicts = verdicts(&output);
    for row in ["K1", "K2", "K3", "K4", "K5", "N3_B"] {
        assert!(verdicts.contains(&(row.to_string(), "pass".to_string())), "{row}: {verdicts:?}");
    }
    assert!(verdicts.contains(&("K6".to_string(), "not asked".to_string())), "{verdicts:?}");
}

#[test]
fn ten_evolved_units_of_the_ventral_cord_pass_a_wave_from_head_to_tail() {
    let output = nematode(&["validate", "worm", "models/experiments/ventral_cord.toml", "--json"]);
    let verdicts = verdicts(&output);
    // K2 and K3 have the direction in their sign: the wave runs to the tail, and the worm head first.
    for row in ["K1", "K2", "K3", "K4", "N2"] {
        assert!(verdicts.contains(&(row.to_string(), "pass".to_string())), "{row}: {verdicts:?}");
    }
    // It bends half as much as a worm: docs/body.md.
    assert!(verdicts.contains(&("K5".to_string(), "fail".to_string())), "{verdicts:?}");
}

#[test]
fn the_connectome_crawls_both_ways_and_stops_without_what_worms_need() {
    let output = nematode(&["validate", "worm", "models/experiments/connectome_forward.toml", "--json"]);
    let verdicts = verdicts(&output);
    let rows = ["K1", "K2", "K3", "K4", "K5", "K12_speed", "K12_wave", "K14", "N2", "N3_B", "N3_D", "N3_AVB"];
    for row in rows {
        assert!(verdicts.contains(&(row.to_string(), "pass".to_string())), "{row}: {verdicts:?}");
    }
}

/// The rows of swimming worms are not reached: docs/locomotion.md.
#[test]
fn with_one_set_of_numbers_the_connectome_crawls_and_undulates_faster_in_water() {
    let swim = "models/experiments/connectome_swim.toml";
    let verdicts = verdicts(&nematode(&["validate", "worm", swim, "--json"]));
    let passed = verdicts.iter().filter(|(_, verdict)| verdict == "pass").count();
    let failed: Vec<&str> =
        verdicts.iter().filter(|(_, verdict)| verdict == "fail").map(|(row, _)| row.as_str()).collect();
    assert_eq!((passed, failed), (12, vec!["K6", "K7", "K8"]), "{verdicts:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let fluid = ["--set", "body.medium=../media/newtonian.toml", "--set", "step=2 ms", "--set"];
    let gait = |viscosity: &str| {
        let run = folder.path().join("run.h5");
        let run = run.to_str().expect("a path");
        let viscosity = format!("body.viscosity={viscosity}");
        let output = nematode(&[&["run", swim, "--out", run][..], &fluid, &[&viscosity]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let table: serde_json::Value =
            serde_json::from_slice(&nematode(&["gait", run, "--json", "--from", "8"]).stdout).expect("JSON");
        // The wavelength is below zero where the wave runs to the head.
        ["frequency", "wavelength"].map(|row| table[0][row].as_f64().expect("it undulates"))
    };
    let [water, thick, thickest] = ["1 mPa*s", "1 Pa*s", "28 Pa*s"].map(gait);
    assert!(water[0] > thick[0] && thick[0] > thickest[0] && water[0] > 0.8, "{water:?} {thick:?} {thickest:?}");
    assert!([water, thick, thickest].iter().all(|gait| gait[1] > 0.5), "{water:?} {thick:?} {thickest:?}");
}

#[test]
fn one_worm_crawls_backs_up_while_ava_is_stimulated_and_crawls_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run.h5");
    let run = run.to_str().expect("a path");
    let output = nematode(&["run", "models/experiments/connectome_reversal.toml", "--out", run]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let speed = |from: &str, to: &str| {
        let table = nematode(&["gait", run, "--json", "--from", from, "--to", to]);
        let table: serde_json::Value = serde_json::from_slice(&table.stdout).expect("JSON");
        table[0]["forward_speed"].as_f64().expect("a speed")
    };
    // Worms on agar: 0.1 to 0.3 mm/s forward, and as fast or faster backward.
    for (speed, ahead) in [(speed("2", "10"), 1.0), (speed("12", "20"), -1.0), (speed("22", "30"), 1.0)] {
        assert!((1e-4..4e-4).contains(&(ahead * speed)), "{speed}");
    }
    let whole = nematode(&["gait", run, "--json"]);
    let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).expect("JSON");
    assert_eq!(whole[0]["reversals"].as_f64(), Some(1.0), "{whole}");
}

#[test]
fn a_row_that_fails_is_in_the_table_and_in_the_exit_code() {
    let slow = ["validate", "worm", BBC, "--set", "rows=[\"K6\", \"K1\"]"];
    let output = nematode(&slow);
    let table = String::from_utf8_lossy(&output.stdout).to_string();
    assert_eq!(output.status.code(), Some(1), "{table}");
    let line = |row: &str| table.lines().find(|line| line.trim().starts_with(row)).unwrap_or_default().to_string();
    assert!(
        line("K6 ").contains("FAIL") && line("K1 ").contains("pass") && line("K3 ").contains("not asked"),
        "{table}"
    );
    let markdown = nematode(&[&slow[..], &["--markdown"]].concat());
    assert!(String::from_utf8_lossy(&markdown.stdout).contains("|---|---|"));
}

#[test]
fn a_row_that_nobody_measured_is_refused_with_its_place() {
    let output = nematode(&["validate", "worm", BBC, "--set", "rows=[\"K99\"]"]);
    let text = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("bbc.toml:") && text.contains("nothing measured is called \"K99\""), "{text}");
}
