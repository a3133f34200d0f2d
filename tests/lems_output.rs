//! What `nematode lems` writes: text that loses nothing, SONATA reports of the same numbers, and ensembles whose
//! replicas compute what they would compute alone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nematode::error::Error;
use nematode::lems::ensemble::Ensemble;
use nematode::lems::{self, Changes, Job, Results};
use nematode::network::{Network, Options};
use nematode::neuroml::model::Model;
use nematode::recording::Recorded;

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lems/LEMS_small.xml")
}

/// Rows of numbers.
fn table(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| line.split('\t').map(|word| word.parse().expect("a number")).collect()).collect()
}

fn run(file: &Path, results: Results<'_>, seed: Option<u64>, ensemble: Ensemble) -> Result<u64, Error> {
    let changes = Changes { seed, ..Changes::default() };
    Job { file, results, changes, ensemble, argv: vec!["nematode".to_string()] }.run(&mut |_, _| {})
}

fn replicas(count: usize) -> Ensemble {
    Ensemble { replicas: Some(count), parameters: None }
}

fn told(result: Result<u64, Error>) -> String {
    let error = result.expect_err("a problem");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn text_reads_back_as_the_very_numbers_of_the_network() {
    let out = tempfile::tempdir().expect("a folder");
    let steps = lems::run(&small(), out.path(), Changes::default()).expect("it runs");
    let rows = table(&out.path().join("v.dat"));
    assert_eq!((steps, rows.len()), (500, 501));
    let model = Model::load(&small()).expect("a model");
    let mut network = Network::compile(&model, &Options { dt: 1e-4, seed: 7, ..Options::default() }).expect("compiles");
    let probes = ["a[0]/v", "a[1]/v", "b[1]/v", "b[0]/v"].map(|path| network.probe(path).expect("a probe"));
    for row in &rows {
        assert_eq!(row[0].to_bits(), network.time().to_bits());
        for (value, probe) in row[1..].iter().zip(probes) {
            assert_eq!(value.to_bits(), network.read(probe).to_bits());
        }
        network.step().expect("a step");
    }
    // Derived values too, from their equations.
    assert!(table(&out.path().join("more/both.dat")).iter().any(|row| row[3] != 0.0));
}

#[test]
fn columns_in_memory_have_the_very_numbers_of_the_text() {
    let out = tempfile::tempdir().expect("a folder");
    lems::run(&small(), out.path(), Changes::default()).expect("it runs");
    let mut go_on = |_, _| ControlFlow::Continue(());
    let alone = Ensemble::default();
    let collected = lems::collect(&small(), Changes::default(), &alone, &mut go_on).expect("it runs");
    assert_eq!(collected.tables.len(), 2);
    for held in &collected.tables {
        let rows = table(&out.path().join(&held.file));
        assert_eq!(rows.len(), collected.time.len(), "{}", held.file);
        let columns: Vec<&[f64]> =
            std::iter::once(&collected.time[..]).chain(held.columns.iter().map(|column| &column.values[..])).collect();
        for (index, row) in rows.iter().enumerate() {
            let in_memory: Vec<u64> = columns.iter().map(|column| column[index].to_bits()).collect();
            assert_eq!(row.iter().map(|value| value.to_bits()).collect::<Vec<u64>>(), in_memory, "{}", held.file);
        }
    }
    let events = std::fs::read_to_string(out.path().join("out.spikes")).expect("events");
    assert_eq!(events.lines().count(), collected.trains[0].times.len());
    let potential = &collected.tables[0].columns[0];
    assert_eq!((potential.id.as_str(), potential.quantity.as_str(), potential.unit.as_str()), ("a0", "a[0]/v", "V"));
    let stop_early = &mut |done, _| if done == 9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let stopped = lems::collect(&small(), Changes::default(), &alone, stop_early).expect("it runs");
    assert_eq!(stopped.time, collected.time[..10]);
}

#[test]
fn reports_hold_the_numbers_of_the_text_as_f32() {
    let out = tempfile::tempdir().expect("a folder");
    lems::run(&small(), out.path(), Changes::default()).expect("it runs");
    let file = out.path().join("all.h5");
    run(&small(), Results::Hdf5(&file), None, Ensemble::default()).expect("it runs");
    let mut recorded = Recorded::open(&file).expect("a file");
    // Columns of a report are sorted by cell, cells in the order in which they first come.
    for (report, text, columns) in [
        ("potentials", "v.dat", vec![1, 2, 3, 4]),
        ("both_V", "more/both.dat", vec![1]),
        ("both_A", "more/both.dat", vec![2, 5, 3, 4]),
    ] {
        let values = recorded.report(report);
        let rows = table(&out.path().join(text));
        let wanted: Vec<f32> = rows.iter().flat_map(|row| columns.iter().map(|column| row[*column] as f32)).collect();
        let values = values.unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(values.shape, [501, columns.len()], "{report}");
        assert!(values.data == wanted, "{report} differs from {text}");
    }
}

#[test]
fn a_run_that_diverges_leaves_whole_rows_and_a_report_that_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("LEMS_grows.xml");
    let text = "<Lems><Target component='sim'/><Include file='Simulation.xml'/><Include file='NeuroMLCoreDimensions.xml'/>\
        <ComponentType name='grows'><Exposure name='x' dimension='none'/><Parameter name='rate' dimension='per_time'/>\
        <Dynamics><StateVariable name='x' dimension='none' exposure='x'/><TimeDerivative variable='x' value='rate*x*x*x'/>\
        <OnStart><StateAssignment variable='x' value='1'/></OnStart></Dynamics></ComponentType>\
        <grows id='g' rate='1 per_ms'/><Simulation id='sim' length='10 ms' step='0.01 ms' target='g'>\
        <OutputFile id='o' fileName='x.dat'><OutputColumn id='x' quantity='x'/></OutputFile></Simulation></Lems>";
    std::fs::write(&file, text).expect("a file");
    let error = lems::run(&file, folder.path(), Changes::default()).expect_err("x is infinite at 0.5 ms");
    assert_eq!(error.exit_code(), 3, "{error}");
    let rows = table(&folder.path().join("x.dat"));
    // x = 1/√(1 − 2t/ms) ends at 0.5 ms, after 50 steps; the steps of the method overrun it by a few.
    assert!((50..70).contains(&rows.len()), "{} rows", rows.len());
    assert!(rows.iter().all(|row| row.len() == 2 && row[1] >= 1.0));
    let h5 = folder.path().join("x.h5");
    let error = run(&file, Results::Hdf5(&h5), None, Ensemble::default()).expect_err("the same");
    assert_eq!(error.exit_code(), 3, "{error}");
    assert_eq!(Recorded::open(&h5).expect("opens").report("o").expect("a report").shape, [rows.len(), 1]);
}

#[test]
fn a_full_disk_is_told_with_the_path() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: no /dev/full");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink("/dev/full", folder.path().join("v.dat")).expect("a link");
    let error = lems::run(&small(), folder.path(), Changes::default()).expect_err("no space");
    assert_eq!(error.exit_code(), 4, "{error}");
    assert!(error.to_string().contains("v.dat"), "{error}");
}

#[test]
fn two_files_of_one_name_are_refused_and_none_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("LEMS_twice.xml");
    let text = std::fs::read_to_string(small()).expect("text").replace("more/both.dat", "v.dat");
    std::fs::write(&file, text).expect("a file");
    let error = told(lems::run(&file, folder.path(), Changes::default()));
    assert!(error.contains("two outputs write \"v.dat\""), "{error}");
    assert!(!folder.path().join("v.dat").exists());
}

#[test]
fn a_replica_computes_the_bits_of_a_run_alone_with_its_seed() {
    let (many, alone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    // More replicas than a block of columns has room for at two cells each.
    run(&small(), Results::Texts(many.path()), None, replicas(70)).expect("it runs");
    let mut seen = std::collections::BTreeSet::new();
    for replica in [0, 1, 31, 32, 69] {
        run(&small(), Results::Texts(alone.path()), Some(7 + replica), Ensemble::default()).expect("it runs");
        for (own, all) in [("v", "dat"), ("more/both", "dat"), ("out", "spikes")]
            .map(|(stem, end)| (format!("{stem}.{end}"), format!("{stem}_r{replica:02}.{end}")))
        {
            let read = |folder: &Path, name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
            let text = read(alone.path(), &own);
            assert!(text == read(many.path(), &all), "{all} differs from {own} with seed {}", 7 + replica);
            seen.insert(text);
        }
    }
    assert_eq!(seen.len(), 15, "replicas with different seeds are the same");
}

#[test]
fn replicas_of_a_table_compute_what_the_changed_file_computes() {
    let folder = tempfile::tempdir().expect("a folder");
    let parameters = folder.path().join("table.csv");
    // A synapse that a projection names, a cell, an input; the first row is the file as it is.
    let rows =
        "syn/tauDecay,iaf/C,pulse/amplitude,seed\n3 ms,0.2 nF,100 pA,7\n0.005,0.2 nF,80 pA,9\n3 ms,0.1 nF,1e-10,7\n";
    std::fs::write(&parameters, rows).expect("a file");
    let ensemble = Ensemble { replicas: None, parameters: Some(parameters) };
    run(&small(), Results::Texts(folder.path()), None, ensemble).expect("it runs");
    let text = std::fs::read_to_string(small()).expect("text");
    for (replica, seed, changed) in [
        (0, 7, text.clone()),
        (1, 9, text.replace("tauDecay=\"3 ms\"", "tauDecay=\"5 ms\"").replace("=\"100 pA\"/>", "=\"80 pA\"/>")),
        (2, 7, text.replace("C=\"0.2 nF\"", "C=\"0.1 nF\"")),
    ] {
        let alone = tempfile::tempdir().expect("a folder");
        let file = alone.path().join("LEMS_changed.xml");
        std::fs::write(&file, changed).expect("a file");
        run(&file, Results::Texts(alone.path()), Some(seed), Ensemble::default()).expect("it runs");
        for name in ["v.dat", "more/both.dat"] {
            let own = std::fs::read_to_string(alone.path().join(name)).expect("a file");
            let all = name.replace(".dat", &format!("_r{replica}.dat"));
            assert!(own == std::fs::read_to_string(folder.path().join(&all)).expect("a file"), "{all}");
        }
    }
}

#[test]
fn an_ensemble_in_one_file_has_reports_of_each_replica() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.h5");
    run(&small(), Results::Hdf5(&file), None, replicas(3)).expect("it runs");
    let mut recorded = Recorded::open(&file).expect("opens");
    let mut values = |name: &str| recorded.report(name).expect("a report").data;
    assert!(values("potentials_r0") != values("potentials_r1"));
    assert_eq!(values("both_r2_V").len(), 501);
}

#[test]
fn all_that_is_wrong_with_a_table_is_told_at_once_with_its_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("table.csv");
    let table = "syn/tauDecaj,nobody/C,iaf,iaf/C,seed\n1 ms,1,1,5 mV,7\n1 ms,1,1,0.1 nF,-1\n";
    std::fs::write(&path, table).expect("a file");
    let ensemble = Ensemble { replicas: None, parameters: Some(path.clone()) };
    let text = told(run(&small(), Results::Texts(folder.path()), None, ensemble));
    for wanted in [
        "table.csv:1:1: \"syn/tauDecaj\": a expOneSynapse has no parameter \"tauDecaj\"",
        "nearest: \"tauDecay\"",
        "no component \"nobody\"",
        "\"iaf\" names no parameter",
        "table.csv:2:1: `iaf/C`: expected a capacitance (F), found \"5 mV\"",
        "table.csv:3:1: `seed`: a seed must be a whole number from 0 on, found \"-1\"",
    ] {
        assert!(text.contains(wanted), "no {wanted:?}: {text}");
    }
    std::fs::write(&path, "iaf/C\n0.1 nF\n0.2 nF\n").expect("a file");
    let ensemble = Ensemble { replicas: Some(3), parameters: Some(path) };
    let text = told(run(&small(), Results::Texts(folder.path()), None, ensemble));
    assert!(text.contains("2 rows for 3 replicas"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "something was written");
}

#[test]
fn replicas_that_could_not_differ_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("LEMS_calm.xml");
    let text = std::fs::read_to_string(small()).expect("text");
    let calm = text.replace("* random(1)", "").replace(
        "<spikeGeneratorPoisson id=\"source\" averageRate=\"100 Hz\"/>",
        "<spikeGenerator id=\"source\" period=\"10 ms\"/>",
    );
    std::fs::write(&file, calm).expect("a file");
    let text = told(run(&file, Results::Texts(folder.path()), None, replicas(2)));
    assert!(text.contains("2 replicas would be the same"), "{text}");
    let text = told(run(&file, Results::Texts(folder.path()), None, replicas(0)));
    assert!(text.contains("at least one replica"), "{text}");
    run(&file, Results::Texts(folder.path()), None, replicas(1)).expect("one is no ensemble of the same");
    assert!(folder.path().join("v_r0.dat").exists());
}
