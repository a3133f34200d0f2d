//! Wrong files earn a problem with file, line and column, and never a panic.

use std::path::{Path, PathBuf};

use nematode::lems::{self, Changes};
use nematode::neuroml::model::Model;

const HEAD: &str = "<Lems><Include file='Cells.xml'/><Include file='Networks.xml'/><Include file='Simulation.xml'/>\n";
const CELL: &str =
    "<iafCell id='c' leakReversal='-53mV' thresh='-55mV' reset='-70mV' C='0.2nF' leakConductance='10nS'/>\n";

/// What loading a text says; empty if nothing is wrong.
fn said(body: &str) -> String {
    let text = format!("{HEAD}{body}</Lems>");
    Model::from_text(Path::new("m.xml"), &text).err().map(|problems| problems.to_string()).unwrap_or_default()
}

fn assert_said(body: &str, wanted: &[&str]) {
    let said = said(body);
    for wanted in wanted {
        assert!(said.contains(wanted), "{body}\n  should say {wanted:?}, says {said:?}");
    }
}

#[test]
fn a_good_file_says_nothing() {
    assert_eq!(said(&format!("{CELL}<network id='n'><population id='p' component='c' size='2'/></network>")), "");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    assert_said("<Include file='gone.nml'/>", &["m.xml:2:16: included file \"gone.nml\" not found"]);
    let problems = Model::load(Path::new("no/such/file.xml")).expect_err("missing");
    assert!(problems.to_string().contains("no/such/file.xml"), "{problems}");
    let problems = Model::from_text(Path::new("m.xml"), "<!DOCTYPE a><Lems/>").expect_err("DTD");
    assert!(problems.to_string().starts_with("m.xml:1:1: a document type declaration (DTD)"), "{problems}");
    let deep = format!("<Lems>{}{}</Lems>", "<a>".repeat(50_000), "</a>".repeat(50_000));
    assert!(Model::from_text(Path::new("m.xml"), &deep).is_err());
    assert!(Model::from_text(Path::new("m.xml"), "<html/>").expect_err("root").to_string().contains("<html>"));
}

#[test]
fn names_that_mean_nothing_come_with_the_nearest_that_does() {
    assert_said("<iafCel id='c'/>", &["m.xml:2:1: unknown component type \"iafCel\"", "did you mean \"iafCell\"?"]);
    assert_said(
        &format!("{CELL}<network id='n'><population id='p' component='d' size='1'/></network>"),
        &["m.xml:3:47: no component \"d\""],
    );
    assert_said(&CELL.replace("thresh", "tresh"), &["`tresh`", "did you mean `thresh`?", "needs `thresh`"]);
    assert_said("<ComponentType name='A' extends='baseCel'/>", &["m.xml:2:34: ", "did you mean \"baseCell\"?"]);
}

#[test]
fn wrong_quantities_say_what_was_expected() {
    assert_said(
        &CELL.replace("10nS", "10mV"),
        &["m.xml:2:", "`leakConductance`: expected a conductance (S), found \"10mV\""],
    );
    assert_said(&CELL.replace("0.2nF", "0.2nFarad"), &["unknown unit \"nFarad\""]);
    assert_said(&CELL.replace("-53mV", "much"), &["expected a number with a unit"]);
}

#[test]
fn networks_are_checked_cell_by_cell() {
    let network = |inside: &str| {
        format!(
            "{CELL}<gapJunction id='g' conductance='1nS'/><silentSynapse id='q'/>\n<network id='n'>\
             <population id='p' component='c' size='2'/>{inside}</network>"
        )
    };
    let projection = |connection: &str| {
        network(&format!(
            "<electricalProjection id='e' presynapticPopulation='p' postsynapticPopulation='p'>{connection}\
             </electricalProjection>"
        ))
    };
    let connection = |pre: &str, post: &str, synapse: &str| {
        projection(&format!("<electricalConnection id='0' preCell='{pre}' postCell='{post}' synapse='{synapse}'/>"))
    };
    assert_eq!(said(&connection("0", "../p[1]", "g")), "");
    assert_said(&connection("0", "../p/9/c", "g"), &["m.xml:4:", "no cell 9 in population \"p\", which has 2"]);
    assert_said(&connection("0", "nonsense[", "g"), &["names no cell"]);
    assert_said(&connection("0", "1", "h"), &["no component \"h\""]);
    assert_said(&connection("0", "1", "c"), &["\"c\" is a iafCell, not a basePointCurrent"]);
    assert_said(&network("<population id='p' component='c' size='1'/>"), &["a second population with the id \"p\""]);
    assert_said(
        &network("<inputList id='l' population='pp' component='g'/>"),
        &["no population \"pp\"", "nearest: \"p\""],
    );
    assert_said(&network("<populaton id='r'/>"), &["<populaton> is not a member of a network"]);
    assert_said(&format!("{CELL}{CELL}"), &["a second component with the id \"c\"", "the first is at m.xml:2:1"]);
}

#[test]
fn a_simulation_of_no_length_or_no_network_is_refused() {
    assert_said("<Simulation id='s' length='1ms' step='0ms' target='n'/>", &["`step` must be above zero"]);
    assert_said(
        "<Simulation id='s' length='1mV' step='1ms' target='n'/>",
        &["expected a time (s)", "no network \"n\""],
    );
}

#[test]
fn a_cell_of_many_segments_is_not_lumped_in_silence() {
    assert_said(
        "<cell id='k'><morphology id='m'><segment id='0'><distal x='0' y='0' z='0' diameter='1'/></segment>\
         <segment id='1'><distal x='0' y='0' z='0' diameter='1'/></segment></morphology></cell>",
        &["more than one segment is not understood yet"],
    );
}

#[test]
fn every_bad_file_of_the_conformance_set_earns_a_problem() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance/bad");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no {}", folder.display());
        return;
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("LEMS_")));
    files.sort();
    assert!(files.len() >= 18, "{files:?}");
    let out = tempfile::tempdir().expect("a folder");
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let result = lems::run(&file, out.path(), Changes::default());
        if name == "LEMS_00_good.xml" {
            assert!(result.is_ok(), "{name}: {}", result.expect_err("checked"));
            std::fs::remove_file(out.path().join("out.dat")).expect("was written");
            continue;
        }
        let error = result.expect_err(&name);
        assert_eq!(error.exit_code(), 2, "{name}: {error}");
        let nematode::error::Error::Input(problems) = error else { panic!("{name}: not a problem of input") };
        let first = problems.iter().next().expect("one problem");
        assert!(first.place.is_some(), "{name}: {first}");
        assert!(!out.path().join("out.dat").exists(), "{name}: an output file was left behind");
    }
}
