//! What a sense or neuron did to a muscle is what is missing without it, and what a small change of it would do.

use std::ops::ControlFlow;
use std::path::Path;

use nematode::contributions::contributions;
use nematode::controller::ltc::{Ltc, Mapping, Options};
use nematode::controller::policy::Policy;
use nematode::controller::recurrent::{Readout, Recurrent};
use nematode::experiment::Experiment;
use nematode::recording::Recorded;
use nematode::run::Run;
use nematode::settings::Settings;

/// Two neurons, each of which feels one sense and drives one muscle; the first hears the second too.
fn policy() -> Policy {
    let options = Options { implicit: false, ..Options::default() };
    let cell = Ltc::new(options, &[0.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 1.0], 2, 2);
    let mut network = Recurrent::new(Box::new(cell), false, Readout::neurons(0, 2, Mapping::Affine));
    let mut weights = Vec::new();
    for tensor in network.tensors() {
        let value = match tensor.name.trim_start_matches("rnn_cell.") {
            "gleak" | "cm" | "w" | "sensory_w" | "input_w" | "output_w" | "erev" | "sensory_erev" => 1.0,
            "sigma" | "sensory_sigma" => 4.0,
            "mu" | "sensory_mu" => 0.1,
            _ => 0.0,
        };
        weights.extend(vec![value; tensor.weights()]);
    }
    network.take(weights);
    let names = |names: [&str; 2]| Some(names.map(str::to_string).to_vec());
    Policy {
        senses: names(["curvature/06", "curvature/18"]),
        drives: names(["MDL06", "MDL18"]),
        neurons: names(["front", "rear"]),
        time_unit: 0.1,
        interval: Some(0.04),
        ..Policy::new(network)
    }
}

#[test]
fn a_muscle_is_moved_by_what_its_neuron_feels_and_hears_and_by_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let experiment = Experiment::load(&models.join("adult_wave.toml"));
    let mut experiment = experiment.unwrap_or_else(|problems| panic!("{problems}"));
    experiment.set_duration("4 s").expect("a duration");
    let recording = folder.path().join("wave.h5");
    experiment.recording.file.clone_from(&recording);
    let run = Run::prepare(experiment, Vec::new(), &|_| {}).expect("a run");
    run.run(&mut |_| ControlFlow::Continue(())).expect("a recording");

    let policy = policy();
    let found = contributions(&policy, &recording).unwrap_or_else(|problem| panic!("{problem}"));
    // It decides at every second frame of 20 ms.
    assert_eq!((found.times.len(), found.states.len()), (101, 202));
    assert_eq!(found.synapses, ["rear > front"]);
    for by in [0, 1] {
        let [front, rear] = [0, 1].map(|muscle| &found.of_senses[by][2 * muscle..][..2]);
        // Muscle by sense: the front one is moved by both, the rear one by its own alone.
        assert!(front[0] > 1e-3 && front[1] > 1e-3 && rear[1] > 1e-3 && rear[0] == 0.0, "{:?}", found.of_senses[by]);
        let [front, rear] = [0, 1].map(|muscle| &found.of_neurons[by][2 * muscle..][..2]);
        assert!(front[1] > 0.0 && rear[0] == 0.0, "{:?}", found.of_neurons[by]);
    }
    // Without the neuron itself its muscle has no output: what is missing is all of it.
    let all = found.states.chunks(2).map(|v| v[0] * v[0]).sum::<f64>() / 101.0;
    assert!((found.of_neurons[1][0] - all.sqrt()).abs() < 1e-12);
    // w σ(γ (v − μ)) (e − v′) of the last step, by hand.
    let (front, rear) = (found.states[200], found.states[201]);
    let current = (1.0 - front) / (1.0 + (-4.0 * (rear - 0.1)).exp());
    assert!((found.currents[100] - current).abs() < 1e-12);

    let file = folder.path().join("found.h5");
    found.write(&file, &|name| name.starts_with("rear")).expect("a file");
    let mut read = Recorded::open(&file).expect("a file");
    assert_eq!(read.texts("names/synapses").expect("names"), ["rear > front"]);
    assert_eq!(read.texts("names/muscles").expect("names"), ["MDL06", "MDL18"]);

    let other = Policy { senses: Some(vec!["input/1".into(), "input/2".into()]), ..policy };
    let told = contributions(&other, &recording).expect_err("no such sense").to_string();
    assert!(told.contains("nothing is recorded of \"input/1\"\n  help: "), "{told}");
}

/// The worm of adult_wave.toml with a policy for a controller, and what of it is recorded.
fn experiment(folder: &Path, wanted: &str) -> Result<Experiment, String> {
    let file = folder.join("policy.safetensors");
    std::fs::write(&file, policy().to_bytes()).expect("a policy");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let path = models.join("adult_wave.toml");
    let text = std::fs::read_to_string(&path).expect("an experiment");
    let (before, rest) = text.split_once("[controller.traveling_wave]").expect("a wave");
    let (_, after) = rest.split_once("[recording]").expect("a recording");
    let mut settings =
        Settings::from_text(path, format!("{before}[controller.policy]\nfile = {file:?}\n[recording]{after}"));
    for change in [
        format!("recording.policy={wanted}"),
        format!("recording.file={:?}", folder.join("worm.h5")),
        "duration=1 s".to_string(),
    ] {
        settings.set(&change).expect("a change");
    }
    Experiment::read(settings).map_err(|problems| problems.to_string())
}

#[test]
fn neurons_and_synapses_of_a_policy_are_recorded_by_name_and_shown_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(folder.path(), r#"["rear > front", "*r"]"#);
    assert!(experiment.is_err_and(|told| told.contains("no neuron or synapse \"*r\"")));

    let experiment = self::experiment(folder.path(), r#"["rear > front", "front", "r*"]"#);
    let run = Run::prepare(experiment.expect("an experiment"), Vec::new(), &|_| {}).expect("a run");
    run.run(&mut |_| ControlFlow::Continue(())).expect("a recording");
    let recording = folder.path().join("worm.h5");
    let mut recorded = Recorded::open(&recording).expect("a recording");
    assert_eq!(recorded.texts("parameters/names/policy").expect("names"), ["rear > front", "front", "rear"]);
    let traces = recorded.values("observables/policy").expect("traces");
    assert_eq!(traces.shape, [51, 3]);
    for frame in 1..51 {
        let [current, front, rear] = traces.frame(frame)[..] else { panic!("three traces") };
        // w σ(γ (v − μ)) (e − v′), to single precision.
        let by_hand = (1.0 - front) / (1.0 + (-4.0 * (rear - 0.1)).exp());
        assert!((current - by_hand).abs() < 1e-6, "{current} {by_hand}");
    }
    assert_ne!(traces.frame(25)[1], traces.frame(50)[1]);

    let page = folder.path().join("page.html");
    nematode::report::write(std::slice::from_ref(&recording), &page, true).unwrap_or_else(|error| panic!("{error}"));
    let page = std::fs::read_to_string(&page).expect("a page");
    let (_, data) = page.split_once("id=\"data\">").expect("data");
    let data: serde_json::Value = serde_json::from_str(data.split_once("</script>").expect("an end").0).expect("JSON");
    let influence = &data["runs"][0]["influence"];
    assert_eq!(influence["neurons"], serde_json::json!(["front", "rear"]));
    assert_eq!(influence["of_senses"]["ablation"]["shape"], serde_json::json!([2, 2]));

    // A policy that has changed since would tell of another worm.
    std::fs::write(folder.path().join("policy.safetensors"), "other").expect("a file");
    let told = nematode::report::write(&[recording], &folder.path().join("other.html"), true);
    let told = told.expect_err("another policy").to_string();
    assert!(told.contains("not the policy that") && !folder.path().join("other.html").exists(), "{told}");
}

#[test]
fn what_a_wave_has_no_inside_for_is_told() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments");
    let mut settings = Settings::open(&models.join("adult_wave.toml")).expect("an experiment");
    settings.set(r#"recording.policy=["DB1"]"#).expect("a change");
    let told = Experiment::read(settings).err().expect("a problem").to_string();
    assert!(told.contains("no policy whose inside could be recorded\n  help: "), "{told}");
}
