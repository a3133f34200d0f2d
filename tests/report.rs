//! A page is whole, holds what the recording has, and an unfit recording is told with all that it lacks.

use std::path::{Path, PathBuf};

use hdf5::H5File;
use nematode::error::Error;
use nematode::names::muscle_names;
use nematode::recording::{Frame, Layout, Membrane, Population, Provenance, Recording};
use nematode::report;

const FRAMES: usize = 200;
const INTERVAL: f64 = 0.02;
const LENGTH: f64 = 1e-3;

/// A made-up worm of 49 points that glides head first along x while a wave of 0.5 Hz runs down its curvature.
fn glide(path: &Path, neurons: &[String], title: &str) {
    let muscles = muscle_names();
    let membrane = Membrane { neurons, muscles: &[], interval: INTERVAL, numbers: false };
    let layout = Layout {
        muscle_names: &muscles,
        midline_points: 49,
        membrane: (!neurons.is_empty()).then_some(membrane),
        ..Layout::default()
    };
    let provenance = Provenance {
        experiment_toml: format!("title = {title:?}\n[body]\nmedium = \"../media/agar.toml\"\n"),
        papers: vec!["White et al. 1986, doi:10.1098/rstb.1986.0056".into()],
        ..Provenance::default()
    };
    let mut recording = Recording::create(path, &layout, &provenance).expect("created");
    for frame in 0..FRAMES {
        let time = frame as f64 * INTERVAL;
        let along = |point: usize| point as f64 / 48.0;
        let turn = |point: usize| std::f64::consts::TAU * (0.5 * time - along(point) / 0.65);
        let x = 2e-4 * time;
        let midline: Vec<[f32; 3]> = (0..49).map(|point| [(x - LENGTH * along(point)) as f32, 0.0, 0.0]).collect();
        let curvature: Vec<f32> = (0..49).map(|point| (7e3 * turn(point).sin()) as f32).collect();
        let potentials = vec![-0.04; neurons.len()];
        if !neurons.is_empty() {
            recording.membrane(time, &potentials, &[]).expect("a row");
            recording.spikes(Population::Neurons, &[(time, 0)]).expect("a spike");
        }
        recording
            .frame(&Frame {
                step: frame as i64,
                time,
                position: &[],
                velocity: &[],
                density: &[],
                pressure: &[],
                midline: &midline,
                curvature: &curvature,
                activation: &vec![0.5; muscles.len()],
                center_of_mass: [x - 0.5 * LENGTH, 0.0, 0.0],
                senses: &[],
                extras: &[],
            })
            .expect("a frame");
    }
    recording.finish().expect("finished");
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// What a page holds, as its programs read it.
fn data(page: &Path) -> serde_json::Value {
    let page = std::fs::read_to_string(page).expect("a page");
    let (_, rest) = page.split_once("id=\"data\">").expect("data");
    serde_json::from_str(rest.split_once("</script>").expect("an end").0).expect("JSON")
}

fn said(files: &[PathBuf], out: &Path) -> String {
    match report::write(files, out, false) {
        Err(Error::Input(problems)) => problems.to_string(),
        other => panic!("{other:?} should be wrong input"),
    }
}

#[test]
fn a_page_has_the_gait_the_neurons_and_the_papers_of_its_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, page) = (folder.path().join("run.h5"), folder.path().join("run.html"));
    glide(&file, &names(&["AVBL", "DB1"]), "</script> & <b>");
    let size = report::write(std::slice::from_ref(&file), &page, false).expect("a page");
    assert_eq!(size, std::fs::metadata(&page).expect("there").len());
    let data = data(&page);
    let run = &data["runs"][0];
    assert_eq!(run["origin"]["title"], "</script> & <b>");
    assert_eq!(run["origin"]["papers"][0], "White et al. 1986, doi:10.1098/rstb.1986.0056");
    assert_eq!(run["cells"]["names"], serde_json::json!(["AVBL", "DB1"]));
    assert_eq!(run["cells"]["unit"], "mV");
    assert_eq!(run["cells"]["spikes"]["all"], FRAMES);
    assert_eq!(run["motion"]["curvature"]["shape"], serde_json::json!([FRAMES, 49]));
    assert_eq!(run["muscles"]["activation"]["shape"], serde_json::json!([FRAMES, 95]));
    let gait = &run["motion"]["gait"];
    // What was made up, to the precision of f32 over one cycle and of the gait's own tests.
    assert!((gait["forward_speed"].as_f64().expect("a speed") / 2e-4 - 1.0).abs() < 1e-3, "{gait}");
    assert!((gait["frequency"].as_f64().expect("a wave") / 0.5 - 1.0).abs() < 1e-2, "{gait}");
    assert_eq!(gait["wave"], "head to tail");
    assert!(data["measured"].as_array().expect("rows").len() >= 8);
}

#[test]
fn a_run_without_neurons_has_a_page_and_several_share_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [folder.path().join("a.h5"), folder.path().join("b.h5")];
    glide(&files[0], &[], "one");
    glide(&files[1], &names(&["AVBL"]), "two");
    let page = folder.path().join("both.html");
    report::write(&files, &page, false).expect("a page");
    let data = data(&page);
    assert_eq!(data["runs"].as_array().expect("runs").len(), 2);
    assert!(data["runs"][0]["cells"].is_null() && data["runs"][1]["cells"].is_object());
    assert_eq!(data["runs"][0]["surface"]["assumed"], true);
}

#[test]
fn a_foreign_file_says_what_is_missing_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let page = at("page.html");
    std::fs::write(at("text.h5"), "no HDF5").expect("written");
    let foreign = H5File::create(at("foreign.h5")).expect("a file");
    foreign.new_dataset::<f64>().shape([3]).create("x").expect("a dataset").write_raw(&[0.0_f64; 3]).expect("written");
    foreign.close().expect("closed");
    let other = H5File::create(at("other.h5")).expect("a file");
    let group = other.create_group("h5md").expect("a group");
    group.new_dataset::<f64>().shape([3]).create("x").expect("a dataset").write_raw(&[0.0_f64; 3]).expect("written");
    other.close().expect("closed");
    let told = said(&[at("text.h5"), at("foreign.h5"), at("other.h5"), at("none.h5")], &page);
    for wanted in [
        "text.h5: not an HDF5 file",
        "foreign.h5: an HDF5 file, but not a recording: it has neither /h5md nor /parameters",
        "other.h5: there is no observables/midline/value",
        "other.h5: there is no observables/curvature/value",
        "other.h5: there is no observables/center_of_mass/value",
        "none.h5: cannot read",
        "help: ",
    ] {
        assert!(told.contains(wanted), "{wanted:?} is not in\n{told}");
    }
    assert!(!page.exists());
}

#[test]
fn a_recording_that_was_cut_off_is_refused_and_one_that_is_spoiled_never_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, spoiled, page) =
        (folder.path().join("whole.h5"), folder.path().join("spoiled.h5"), folder.path().join("page.html"));
    glide(&whole, &names(&["AVBL"]), "whole");
    let bytes = std::fs::read(&whole).expect("bytes");
    for part in 1..40 {
        let cut = bytes.len() * part / 40;
        std::fs::write(&spoiled, &bytes[..cut]).expect("written");
        let told = said(std::slice::from_ref(&spoiled), &page);
        assert!(told.contains("spoiled.h5: "), "{told}");
        let mut turned = bytes.clone();
        turned[cut..(cut + 64).min(bytes.len())].fill(0xa5);
        std::fs::write(&spoiled, &turned).expect("written");
        // It may be in a part that a page does not use.
        let _ = report::write(std::slice::from_ref(&spoiled), &page, false);
    }
}

#[test]
fn a_page_never_takes_the_place_of_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.h5");
    glide(&file, &[], "precious");
    let before = std::fs::read(&file).expect("bytes");
    let told = said(std::slice::from_ref(&file), &file);
    assert!(told.contains("the page would take the place of a recording\n  help: name another file"), "{told}");
    assert_eq!(before, std::fs::read(&file).expect("bytes"));
}

#[test]
fn more_recordings_than_a_page_holds_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.h5");
    glide(&file, &[], "again");
    let told = said(&[(); 7].map(|()| file.clone()), &folder.path().join("page.html"));
    assert!(told.contains("7 recordings do not fit on one page\n  help: name at most 6"), "{told}");
}
