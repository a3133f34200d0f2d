//! One circuit, one set of numbers: crawling on agar, swimming in water, and all gaits between
//! (`models/experiments/gait_adaptation.toml`).

use std::path::Path;
use std::process::Command;

use nematode::experiment::Experiment;
use nematode::gait::{Gait, Wave};
use nematode::run::Run;
use nematode::settings::Settings;

const EXPERIMENT: &str = "models/experiments/gait_adaptation.toml";

/// The gait with these changes; the first 40 % are left out.
fn gait(changes: &[&str]) -> Gait {
    let mut settings = Settings::open(Path::new(EXPERIMENT)).expect("the experiment");
    for change in changes {
        settings.set(change).expect("a value of the experiment");
    }
    let experiment = Experiment::read(settings).expect("an experiment");
    let settled = 0.4 * experiment.duration;
    let poses = Run::prepare(experiment, Vec::new(), &|_| ()).expect("complete").poses().expect("it runs to its end");
    Gait::of(&poses, settled).expect("long enough")
}

/// The gait in a Newtonian fluid, drag ratio 1.6.
fn in_fluid(viscosity: &str, step: &str, duration: &str) -> Gait {
    gait(&[
        "body.medium=../media/newtonian.toml",
        &format!("body.viscosity={viscosity}"),
        &format!("step={step}"),
        &format!("network.dt={step}"),
        &format!("duration={duration}"),
    ])
}

/// Worms: from 1.7 Hz and 1.5 L in water to 0.3 Hz and 0.65 L at 28 Pa s (Fang-Yen et al. 2010,
/// doi:10.1073/pnas.1003016107; Berri et al. 2009, doi:10.2976/1.3082260).
#[test]
fn the_thicker_the_fluid_the_slower_and_shorter_the_wave() {
    let mut before = [f64::INFINITY; 2];
    for (viscosity, step, duration) in [
        ("1 mPa*s", "2 ms", "10 s"),
        ("10 mPa*s", "2 ms", "10 s"),
        ("0.1 Pa*s", "4 ms", "12 s"),
        ("1 Pa*s", "5 ms", "20 s"),
        ("10 Pa*s", "5 ms", "40 s"),
        ("28 Pa*s", "5 ms", "60 s"),
    ] {
        let gait = in_fluid(viscosity, step, duration);
        let now = [gait.frequency.expect("a frequency"), gait.wavelength.expect("a wave")];
        assert_eq!(gait.wave, Wave::HeadToTail, "at {viscosity}");
        assert!(gait.forward_speed > 0.0, "at {viscosity}");
        assert!(now[0] < before[0] && now[1] < before[1], "{now:?} [Hz, L] at {viscosity}, {before:?} before");
        before = now;
    }
}

#[test]
fn the_worm_that_crawls_as_worms_do_swims_as_worms_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_nematode"))
        .args(["validate", "worm", EXPERIMENT, "--json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("it runs");
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = |row: &str| table.as_array().expect("rows").iter().find(|found| found["row"] == row).expect("the row");
    for row in ["K1", "K2", "K3", "K6", "K7", "K8", "N2", "N3_B"] {
        assert_eq!(found(row)["verdict"], "pass", "{}", found(row));
    }
    // On agar it bends half as much again as a worm, and slips more: docs/body.md.
    for row in ["K4", "K5"] {
        assert_eq!(found(row)["verdict"], "fail", "{}", found(row));
    }
}

/// What is asked in water is asked in the water that the experiment names, and not on its agar.
#[test]
fn rows_of_worms_in_water_are_asked_in_water() {
    let asked = |changes: &[&str]| {
        let sets = changes.iter().flat_map(|change| ["--set", change]);
        Command::new(env!("CARGO_BIN_EXE_nematode"))
            .args(["validate", "worm", EXPERIMENT, "--json", "--set", "rows=[\"K6\"]", "--set", "duration=6 s"])
            .args(sets)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("it runs")
    };
    let frequency = |changes: &[&str]| {
        let table: serde_json::Value = serde_json::from_slice(&asked(changes).stdout).expect("JSON");
        table.as_array().expect("rows").iter().find(|row| row["row"] == "K6").expect("K6")["value"].as_f64()
    };
    let (water, as_it_is) = (frequency(&[]).expect("a wave"), frequency(&["in_water=[]"]).expect("a wave"));
    assert!(water > 2.0 * as_it_is, "{water} Hz in water, {as_it_is} Hz on agar");
    for (wrong, told) in [("body.mediun", "has no \"=\""), ("body.medium=../media/watr.toml", "watr.toml")] {
        let output = asked(&[&format!("in_water=[\"{wrong}\"]")]);
        let text = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("gait_adaptation.toml:") && text.contains(told), "{text}");
    }
}
