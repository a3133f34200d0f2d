//! Training learns, and the same training twice gives the same bits.

use std::ops::ControlFlow;
use std::path::Path;

use nematode::controller::policy::Policy;
use nematode::experiment::Experiment;
use nematode::parallel::with_threads;
use nematode::run::Run;
use nematode::settings::Settings;
use nematode::training::Training;
use nematode::training::plan::Plan;

fn plan(folder: &Path, cell: &str, more: &str, epochs: usize) -> String {
    let file = folder.join("policy.safetensors");
    format!(
        "title = \"a test\"\nreproduces = \"nothing\"\n[policy]\nfile = {file:?}\ncell = \"{cell}\"\n{more}\n\
         [task]\nname = \"sinusoid\"\nsamples = 40\nsequence = 48\n\
         [learning]\nrate = 0.01\nbatch = 12\nepochs = {epochs}\nseed = 3\nclip = 1.0\nnoise = 0.01\n"
    )
}

const WIRING: &str = "[policy.wiring]\ntype = \"AutoNCP\"\nunits = 16\noutput_size = 1\n";

fn training(text: &str) -> Training {
    let plan = Plan::read(Settings::from_text("plan.toml", text)).unwrap_or_else(|problems| panic!("{problems}"));
    Training::prepare(plan).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_cell_learns_a_wave_of_twice_the_frequency() {
    let folder = tempfile::tempdir().expect("a folder");
    for (cell, more) in [
        ("ltc", WIRING),
        ("wired_cfc", WIRING),
        ("cfc", "units = 8\nbackbone_units = 16"),
        ("ctrnn", "units = 12"),
        ("gru", "units = 12"),
        ("lstm", "units = 12"),
    ] {
        let mut training = training(&plan(folder.path(), cell, more, 60));
        training.run(&mut |_| false).expect("a training");
        let [first, last] = [training.curve().first(), training.curve().last()].map(|epoch| epoch.expect("epochs"));
        // A sine has a mean square of 0.5: whoever has learned nothing is at that.
        assert!(first.validation > 0.2 && last.validation < 0.1, "{cell}: {first}; {last}");
        let policy = Policy::read(&folder.path().join("policy.safetensors")).expect("the policy");
        assert_eq!((policy.network.inputs(), policy.network.outputs()), (2, 1));
    }
}

#[test]
fn a_training_that_was_stopped_goes_on_with_the_same_bits_on_any_number_of_threads() {
    let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder"));
    let [straight, stopped] = [0, 1].map(|which: usize| plan(folders[which].path(), "ltc", WIRING, 12));
    with_threads(1, || training(&straight).run(&mut |_| false)).expect("a training");
    let mut epochs = 0;
    with_threads(2, || {
        training(&stopped).run(&mut |_| {
            epochs += 1;
            epochs == 5
        })
    })
    .expect("a training");
    let mut rest = training(&stopped);
    assert!(rest.go_on().expect("a state") && rest.curve().len() == 5);
    with_threads(2, || rest.run(&mut |_| false)).expect("a training");
    let bytes =
        folders.each_ref().map(|folder| std::fs::read(folder.path().join("policy.safetensors")).expect("a policy"));
    assert!(bytes[0] == bytes[1]);

    // Another plan does not go on from there; more epochs are the same plan.
    assert!(training(&stopped.replace("rate = 0.01", "rate = 0.02")).go_on().is_err());
    assert!(training(&stopped.replace("epochs = 12", "epochs = 13")).go_on().is_ok());
}

#[test]
fn a_policy_that_learns_in_the_worm_has_the_same_bits_on_any_number_of_threads() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let text = std::fs::read_to_string(models.join("learn_forward.toml")).expect("the plan");
    for method in ["evolution_strategy", "random_search"] {
        let bytes = [1, 2].map(|threads| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("policy.safetensors");
            let mut settings = Settings::from_text(models.join("plan.toml"), text.clone());
            let changes = ["reward.duration=0.5 s", "reward.population=4", "learning.epochs=2"].map(str::to_string);
            let more = [format!("policy.file={}", file.display()), format!("reward.method={method}")];
            for change in changes.iter().chain(&more) {
                settings.set(change).unwrap_or_else(|problem| panic!("{problem}"));
            }
            let plan = Plan::read(settings).unwrap_or_else(|problems| panic!("{problems}"));
            let mut training = Training::prepare(plan).unwrap_or_else(|problems| panic!("{problems}"));
            with_threads(threads, || training.run(&mut |_| false)).expect("a training");
            assert!(training.curve().iter().all(|epoch| epoch.validation < 5.0), "a worm diverged");
            std::fs::read(file).expect("a policy")
        });
        assert!(bytes[0] == bytes[1], "{method}");
    }
}

#[test]
fn what_a_recording_did_is_imitated_and_forecast_at_irregular_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let mut experiment =
        Experiment::load(&models.join("rod_wave.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    experiment.set_duration("8 s").expect("a duration");
    experiment.recording.file = folder.path().join("wave.h5");
    let run = Run::prepare(experiment, Vec::new(), &|_| {}).expect("a run");
    run.run(&mut |_| ControlFlow::Continue(())).expect("a recording");

    let policy = folder.path().join("policy.safetensors");
    for (drives, imitation) in [
        ("\"MDL1*\"", "target = \"muscle_activation\"\nlead = \"100 ms\""),
        ("\"curvature/1*\"", "target = \"senses\"\nlead = \"200 ms\"\nkeep = 0.6"),
    ] {
        let text = format!(
            "title = \"a test\"\nreproduces = \"nothing\"\n[policy]\nfile = {policy:?}\ncell = \"gru\"\nunits = 12\n\
             senses = [\"curvature/*\"]\ndrives = [{drives}]\ntime_unit = \"20 ms\"\n\
             [imitation]\nrecording = \"wave.h5\"\nsequence = 25\nfrom = \"1 s\"\n{imitation}\n\
             [learning]\nrate = 0.02\nbatch = 4\nepochs = 40\nseed = 1\nclip = 1.0\n"
        );
        let plan = Plan::read(Settings::from_text(folder.path().join("plan.toml"), text));
        let mut training = Training::prepare(plan.unwrap_or_else(|problems| panic!("{problems}"))).expect("examples");
        training.run(&mut |_| false).expect("a training");
        let [first, last] = [training.curve().first(), training.curve().last()].map(|epoch| epoch.expect("epochs"));
        assert!(last.validation < 0.2 * first.validation, "{drives}: {first}; {last}");
        assert_eq!(Policy::read(&policy).expect("the policy").drives.map(|drives| drives.len()), Some(10));
    }
}

#[test]
fn everything_that_is_wrong_in_a_plan_is_told_at_once() {
    let text = "title = \"a\"\nreproduces = \"b\"\n[policy]\nfile = \"p.safetensors\"\ncell = \"gru\"\n\
                senses = [\"curvature/1\", \"strain/*\"]\ndrives = [\"MDL25\", \"M*\"]\n\
                [imitation]\nrecording = \"none.h5\"\ntarget = \"muscles\"\nsequence = 0\n\
                [learning]\nrate = -1.0\nbatch = 0\nepochs = 1\nseed = 1\n";
    let told = Plan::read(Settings::from_text("plan.toml", text)).err().expect("problems").to_string();
    for part in [
        "plan.toml:13:8: `rate` is -1",
        "plan.toml:14:9: `batch` is 0",
        "plan.toml:10:10: unknown `target` \"muscles\"",
        "plan.toml:6:11: unknown sense \"curvature/1\"",
        "plan.toml:6:26: nothing is called \"strain/*\"",
        "plan.toml:7:11: no muscle of the name \"MDL25\"",
        "how many neurons has this gru?",
    ] {
        assert!(told.contains(part), "no {part} in\n{told}");
    }
}

#[test]
fn a_policy_has_the_synapses_of_the_worm() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments/learn_connectome.toml");
    let plan = Plan::read(Settings::open(&plan).expect("the plan")).unwrap_or_else(|problems| panic!("{problems}"));
    let wiring = plan.wiring.expect("a wiring");
    let names = wiring.names.clone().expect("names");
    let polarity = |source: &str, target: &str| {
        let find = |name: &str| names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
        wiring.synapses[find(source) * wiring.units() + find(target)]
    };
    assert_eq!((wiring.units(), wiring.outputs), (302 + 95, 95));
    assert!(plan.keep_polarity);
    // Acetylcholine excites, GABA inhibits, and muscles say nothing.
    assert_eq!([polarity("DB2", "MDL10"), polarity("DD2", "MDL10"), polarity("MDL10", "DB2")], [1, -1, 0]);
    assert!(wiring.synapses.chunks(wiring.units()).take(95).flatten().all(|polarity| *polarity == 0));
    assert_eq!(plan.policy.neurons.expect("names").len(), 397);
}

#[test]
fn a_search_by_cma_es_that_was_stopped_goes_on_with_the_same_bits_on_any_number_of_threads() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let text = std::fs::read_to_string(models.join("learn_forward.toml")).expect("the plan");
    let prepare = |folder: &Path| {
        // The policy of the plan is too large: a few neurons, for a few muscles, in its place.
        let start = text.find("[policy.wiring]").expect("a wiring");
        let end = text.find("[reward]").expect("a reward");
        let text = format!("{}{}", &text[..start], &text[end..]);
        let mut settings = Settings::from_text(models.join("plan.toml"), text);
        let file = folder.join("policy.safetensors");
        for change in [
            &format!("policy.file={}", file.display()),
            "policy.cell=ctrnn",
            "policy.units=4",
            "policy.drives=[\"MD*1\", \"MV*1\"]",
            "reward.method=cma_es",
            "reward.duration=0.25 s",
            "reward.population=6",
            "learning.epochs=4",
        ] {
            settings.set(change).unwrap_or_else(|problem| panic!("{problem}"));
        }
        let plan = Plan::read(settings).unwrap_or_else(|problems| panic!("{problems}"));
        Training::prepare(plan).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder"));
    let [straight, stopped] = folders.each_ref().map(|folder| folder.path());
    let mut whole = prepare(straight);
    with_threads(1, || whole.run(&mut |_| false)).expect("a training");
    assert!(whole.curve().windows(2).all(|pair| pair[1].validation <= pair[0].validation), "{:?}", whole.curve());

    let mut generations = 0;
    with_threads(2, || {
        prepare(stopped).run(&mut |_| {
            generations += 1;
            generations == 2
        })
    })
    .expect("a training");
    let mut rest = prepare(stopped);
    assert!(rest.go_on().expect("a journal"));
    with_threads(2, || rest.run(&mut |_| false)).expect("a training");
    assert_eq!(whole.curve(), rest.curve());
    for file in ["policy.safetensors", "policy.training.csv"] {
        let bytes = [straight, stopped].map(|folder| std::fs::read(folder.join(file)).expect(file));
        // The journal says which folder it is of, in the hash of its first line.
        let end = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').filter(|_| file.ends_with("csv"));
        let rest = bytes.each_ref().map(|bytes| &bytes[end(bytes).unwrap_or(0)..]);
        assert!(rest[0] == rest[1], "{file}");
    }

    let mut large = Settings::from_text(models.join("plan.toml"), text.clone());
    large.set("reward.method=cma_es").expect("a change");
    let told = Training::prepare(Plan::read(large).unwrap_or_else(|problems| panic!("{problems}")));
    assert!(told.err().expect("too large").to_string().contains("plan.toml:1:1: CMA-ES of"));
}

/// A folder of traces that turn: each value is a wave of its own speed.
fn traces(folder: &Path, count: usize, rows: usize) {
    use npyz::WriterBuilder;
    for trace in 0..count {
        let file = std::fs::File::create(folder.join(format!("trace_{trace:04}.npy"))).expect("a file");
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&[rows as u64, 2]).writer(file).begin_nd().expect("a head");
        for row in 0..rows {
            let phase = 0.2 * (row + 7 * trace) as f64;
            writer.extend([phase.sin(), phase.cos()]).expect("a row");
        }
        writer.finish().expect("a whole file");
    }
}

fn traces_plan(folder: &Path, more: &str) -> String {
    let file = folder.join("policy.safetensors");
    format!(
        "title = \"a test\"\nreproduces = \"nothing\"\n[policy]\nfile = {file:?}\ncell = \"gru\"\nunits = 12\n\
         [traces]\nfolder = {folder:?}\nsequence = 16\napart = 10\nheld_back = 1\ntest = 2\nlearned = 2\n{more}\
         [learning]\nrate = 0.01\ndecay = 0.98\nbatch = 8\nepochs = 40\nseed = 3\n\
         [[published]]\nwhat = \"a guess\"\nvalue = \"0.5\"\nsource = \"nobody\"\n"
    )
}

#[test]
fn what_comes_next_in_traces_is_learned_and_told_of_those_that_nobody_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    traces(folder.path(), 5, 100);
    let mut training = training(&traces_plan(folder.path(), ""));
    training.run(&mut |_| false).expect("it learns");
    let curve = training.curve();
    assert!(curve[39].validation < 0.02 * curve[0].validation, "{:?} {:?}", curve[0], curve[39]);
    let told = training.summary();
    // Windows of 16 steps and the one after, from 0, 10, … to 80: nine a trace.
    assert!(told.contains("18 sequences learned from and 9 held back"), "{told}");
    let (_, test) = told.split_once("test   mean square error ").expect("a test");
    let test: f64 = test.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number");
    assert!(test < 0.02 && told.contains("published: a guess: 0.5 (nobody)"), "{told}");
}

#[test]
fn a_folder_of_traces_that_will_not_do_is_told_with_all_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |folder: &Path| {
        Plan::read(Settings::from_text("plan.toml", traces_plan(folder, ""))).err().expect("problems").to_string()
    };
    let few = told(folder.path());
    assert!(few.contains("plan.toml:8:") && few.contains("0 .npy files, where 5 are asked for"), "{few}");
    traces(folder.path(), 5, 100);
    traces(folder.path(), 2, 10);
    std::fs::write(folder.path().join("trace_0003.npy"), "no table").expect("a file");
    let wrong = told(folder.path());
    for part in [
        "trace_0000.npy: 10 steps, shorter than a sequence",
        "trace_0001.npy: 10 steps",
        "trace_0003.npy: not a .npy file",
    ] {
        assert!(wrong.contains(part), "no {part:?} in\n{wrong}");
    }
    assert!(told(&folder.path().join("nowhere")).contains("cannot read the folder"));
}
