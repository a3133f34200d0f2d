//! What a person sees at the terminal: every wrong input earns a message of one screen with its place and mend, a
//! run that diverges says who and when, and what goes well says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nematode::recording::Recorded;

/// Lines of the smallest terminal that is in use.
const ONE_SCREEN: usize = 24;

const CRAWL: &str = "models/experiments/crawl.toml";
const TINY: &str = "models/experiments/tiny.toml";
const TINY_NETWORK: &str = "neuroml/tiny.net.nml";

/// A copy of the models in a folder of its own, to spoil.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().expect("a folder"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["models", "models/media", "models/experiments", "neuroml"] {
            std::fs::create_dir(lab.path(folder)).expect("a folder");
            for entry in std::fs::read_dir(root.join(folder)).expect("a folder of the repository") {
                let entry = entry.expect("an entry");
                if entry.path().is_file() {
                    let to = lab.path(folder).join(entry.file_name());
                    std::fs::copy(entry.path(), to).expect("a copy");
                }
            }
        }
        lab
    }

    /// A lab with an experiment on a network of three cells, small enough to be compiled in no time.
    fn with_tiny_network() -> Self {
        let lab = Self::new();
        lab.write(
            TINY_NETWORK,
            "<neuroml xmlns=\"http://www.neuroml.org/schema/neuroml2\" id=\"tiny\">
  <include href=\"cells.nml\"/>
  <network id=\"tiny\">
    <population id=\"AVBL\" component=\"neuron\" size=\"1\"/>
    <population id=\"DB1\" component=\"neuron\" size=\"1\"/>
    <population id=\"MDL09\" component=\"muscle\" size=\"1\"/>
    <electricalProjection id=\"gap\" presynapticPopulation=\"AVBL\" postsynapticPopulation=\"DB1\">
      <electricalConnection id=\"0\" preCell=\"0\" postCell=\"0\" synapse=\"gap_junction\"/>
    </electricalProjection>
  </network>
</neuroml>
",
        );
        lab.write(
            TINY,
            "title = \"Three cells\"
reproduces = \"nothing; it is for tests\"
duration = \"20 ms\"
step = \"5 ms\"

[body]
anatomy = \"../worm.toml\"
medium = \"../media/agar.toml\"

[network]
file = \"../../neuroml/tiny.net.nml\"
dt = \"0.05 ms\"
full_calcium = \"4e-7 mM\"

[[stimulus]]
neurons = [\"AVBL\"]
current = \"15 pA\"
from = \"0 ms\"
duration = \"5 s\"

[recording]
file = \"tiny.h5\"
interval = \"5 ms\"
",
        );
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("a folder");
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// Replaces what stands in a file; a test of a file that has changed under it must fail.
    fn spoil(&self, name: &str, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.path(name)).expect("a file of the lab");
        assert!(text.contains(from), "{name} has no {from:?} to spoil");
        self.write(name, &text.replacen(from, to, 1));
        self
    }

    fn nematode(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nematode"));
        Told::from(command.args(arguments).current_dir(self.0.path()).output().expect("the program runs"))
    }

    /// The program refuses with exit code 2, says `wanted` and a mend on one screen, and leaves no recording.
    fn refuses(&self, arguments: &[&str], wanted: &[&str]) {
        let before = self.files();
        let told = self.nematode(arguments);
        let said = format!("nematode {} says:\n{}", arguments.join(" "), told.err);
        assert_eq!(told.code, 2, "{said}");
        assert!(told.err.lines().count() <= ONE_SCREEN, "{said}");
        assert!(told.err.contains("help: "), "no mend: {said}");
        assert!(!told.err.contains("panicked"), "{said}");
        for wanted in wanted {
            assert!(told.err.contains(wanted), "no {wanted:?}: {said}");
        }
        assert_eq!(self.files(), before, "a file was left behind: {said}");
    }

    fn files(&self) -> Vec<PathBuf> {
        let (mut folders, mut files) = (vec![self.0.path().to_path_buf()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

struct Told {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }
}

#[test]
fn a_short_run_writes_its_file_and_a_table() {
    let lab = Lab::new();
    let told = lab.nematode(&["run", CRAWL, "--duration", "0.2 s", "--out", "short.h5"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for row in ["not reached", "liquid density error", "steps / s", "short.h5", "SHA-256"] {
        assert!(told.out.contains(row), "no {row:?} in\n{}", told.out);
    }
    assert_eq!(told.err, "", "no bar where nobody watches");
    let times = Recorded::open(&lab.path("short.h5")).and_then(|mut run| run.times()).expect("a recording");
    // 0, 20 … 200 ms.
    assert_eq!(times.len(), 11);
    assert!((times[10] - 0.2).abs() < 1e-12, "{times:?}");
}

#[test]
fn a_value_that_is_set_is_run_and_kept_in_the_recording() {
    let lab = Lab::new();
    const BBC: &str = "models/experiments/bbc.toml";
    let run = ["run", BBC, "--set", "duration=0.1 s", "--set", "body.mixture=0.25", "--out", "set.h5"];
    let told = lab.nematode(&run);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("gait") && !told.out.contains("liquid"), "{}", told.out);
    let mut recorded = Recorded::open(&lab.path("set.h5")).expect("a recording");
    let text = recorded.texts("/parameters/experiment_toml").expect("the experiment").remove(0);
    assert!(text.contains("duration = \"0.1 s\"") && text.contains("mixture = 0.25"), "{text}");
    lab.refuses(&["run", BBC, "--set", "body.mixture"], &["has no \"=\""]);
    lab.refuses(&["run", BBC, "--set", "body.mixtur=1"], &["unknown field `mixtur`", "did you mean `mixture`?"]);
    lab.refuses(&["run", BBC, "--set", "body.mixture=2"], &["bbc.toml:13:11: a mixture is between 0 and 1, found 2"]);
}

#[test]
fn a_network_of_three_cells_runs() {
    let lab = Lab::with_tiny_network();
    let told = lab.nematode(&["run", TINY]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("upward crossings"), "{}", told.out);
    assert!(lab.path("tiny.h5").exists());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let lab = Lab::new();
    lab.refuses(&["run", "models/experiments/gone.toml"], &["models/experiments/gone.toml: cannot read"]);
    lab.refuses(&["cite", "models/experiments/gone.toml"], &["models/experiments/gone.toml: cannot read"]);
    lab.refuses(&["check", "gone.nml"], &["gone.nml: cannot read"]);
    lab.spoil(CRAWL, "../worm.toml", "../worn.toml");
    lab.refuses(&["run", CRAWL], &["models/experiments/crawl.toml:9:11: ", "models/worn.toml: cannot read"]);
}

#[test]
fn a_key_that_means_nothing_is_shown_with_those_that_do() {
    let lab = Lab::new();
    lab.spoil(CRAWL, "step = ", "stepp = ");
    lab.refuses(&["run", CRAWL], &["models/experiments/crawl.toml:6:1: unknown field `stepp`", "did you mean `step`?"]);
}

#[test]
fn wrong_quantities_are_told_all_at_once_with_their_places() {
    let lab = Lab::new();
    lab.spoil(CRAWL, "step = \"5 ms\"", "step = \"-5 ms\"").spoil(CRAWL, "\"0.4 Hz\"", "\"0.4 mV\"");
    lab.spoil("models/worm.toml", "\"1164 um\"", "\"1164 parsec\"");
    lab.refuses(
        &["run", CRAWL],
        &[
            "models/experiments/crawl.toml:6:8: must be above zero, found \"-5 ms\"",
            "models/experiments/crawl.toml:14:13: expected a rate (1/s)",
            "found \"0.4 mV\"",
            "models/worm.toml:9:10: unknown unit \"parsec\"",
        ],
    );
}

#[test]
fn times_that_do_not_divide_are_refused() {
    let lab = Lab::with_tiny_network();
    lab.spoil(TINY, "dt = \"0.05 ms\"", "dt = \"0.03 ms\"").spoil(TINY, "interval = \"5 ms\"", "interval = \"7 ms\"");
    lab.refuses(
        &["run", TINY],
        &[
            "tiny.toml:12:6: `step` is not a whole number of \"0.03 ms\"",
            "tiny.toml:23:12: \"7 ms\" is not a whole number",
        ],
    );
    lab.refuses(&["run", CRAWL, "--duration", "12 ms"], &["--duration", "\"12 ms\"", "multiple of the step"]);
    lab.refuses(&["run", CRAWL, "--duration", "5 mV"], &["--duration", "expected a time (s)"]);
    lab.refuses(&["run", CRAWL, "--duration", "-1 s"], &["--duration", "\"-1 s\""]);
}

#[test]
fn a_negative_dt_of_the_network_is_refused() {
    let lab = Lab::with_tiny_network();
    lab.spoil(TINY, "dt = \"0.05 ms\"", "dt = \"-0.05 ms\"");
    lab.refuses(&["run", TINY], &["tiny.toml:12:6: must be above zero, found \"-0.05 ms\""]);
}

#[test]
fn a_missing_include_is_shown_where_it_is_included() {
    let lab = Lab::with_tiny_network();
    lab.spoil(TINY_NETWORK, "cells.nml", "cell.nml");
    lab.refuses(&["run", TINY], &["neuroml/tiny.net.nml:2:", "\"cell.nml\" not found"]);
    lab.refuses(&["check", TINY_NETWORK], &["neuroml/tiny.net.nml:2:", "\"cell.nml\" not found"]);
}

#[test]
fn an_unknown_component_is_shown_where_it_is_used() {
    let lab = Lab::with_tiny_network();
    lab.spoil(TINY_NETWORK, "component=\"muscle\"", "component=\"muscl\"");
    lab.refuses(&["run", TINY], &["neuroml/tiny.net.nml:6:", "no component \"muscl\"", "\"muscle\""]);
}

#[test]
fn a_wrong_dimension_in_neuroml_is_shown_where_it_stands() {
    let lab = Lab::with_tiny_network();
    lab.spoil("neuroml/cells.nml", "midpoint=\"-8.05232 mV\"", "midpoint=\"-8.05232 nS\"");
    lab.spoil("neuroml/cells.nml", "tau=\"149.963 ms\"", "tau=\"149.963 mz\"");
    lab.refuses(
        &["run", TINY],
        &["neuroml/cells.nml:", "`midpoint`: expected a voltage", "found \"-8.05232 nS\"", "unknown unit \"mz\""],
    );
}

#[test]
fn an_unknown_neuron_comes_with_the_nearest_name() {
    let lab = Lab::with_tiny_network();
    lab.spoil(TINY, "[\"AVBL\"]", "[\"AVBK\"]");
    lab.refuses(&["run", TINY], &["tiny.toml:16:12: no neuron of the name \"AVBK\"", "did you mean \"AVBL\"?"]);
}

#[test]
fn an_unknown_neuron_of_the_senses_is_shown_in_their_own_file() {
    let lab = Lab::with_tiny_network();
    lab.write(
        "models/senses.toml",
        "[[stretch]]\nneurons = [\"DB1\", \"DB12\"]\nside = \"dorsl\"\nfrom = 0.1\nto = 0.0\n",
    );
    let text = std::fs::read_to_string(lab.path(TINY)).expect("the experiment");
    lab.write(TINY, &(text + "\n[senses]\nmap = \"../senses.toml\"\ngain = \"1 pA\"\nsaturation = \"1 pA\"\n"));
    lab.refuses(&["run", TINY], &["models/senses.toml:3:8: unknown side \"dorsl\"", "did you mean \"dorsal\"?"]);
    lab.spoil("models/senses.toml", "dorsl", "dorsal");
    lab.refuses(&["run", TINY], &["models/senses.toml:5:6: the field ends at 0 before it begins at 0.1"]);
    lab.spoil("models/senses.toml", "to = 0.0", "to = 0.2");
    lab.refuses(&["run", TINY], &["models/senses.toml:2:19: no neuron of the name \"DB12\"", "did you mean \"DB1\"?"]);
}

#[test]
fn unknown_muscles_and_senses_of_a_policy_come_with_the_nearest_name() {
    let lab = Lab::new();
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ltc_small.safetensors");
    let mut bytes = std::fs::read(policy).expect("a policy");
    // The names in its own metadata would win over the experiment's; here it has none.
    for own in ["\"senses\"", "\"drives\""] {
        let at = bytes.windows(own.len()).position(|window| window == own.as_bytes()).expect("names");
        bytes[at + 1] = b'_';
    }
    std::fs::write(lab.path("models/small.safetensors"), bytes).expect("a policy");
    let text = std::fs::read_to_string(lab.path(CRAWL)).expect("the experiment");
    let (before, after) = text.split_once("[controller.traveling_wave]").expect("a wave");
    let after = after.split_once("[recording]").expect("its end").1;
    let ltc = "[controller.ltc]\npolicy = \"../small.safetensors\"\n\
               senses = [\"curvature/1\", \"curvature/02\", \"MDL05/strain\"]\ndrives = [\"MVL24\", \"MVL5\"]\n";
    lab.write(CRAWL, &format!("{before}{ltc}[recording]{after}"));
    lab.refuses(
        &["run", CRAWL],
        &[
            "models/experiments/crawl.toml:14:11: unknown sense \"curvature/1\"",
            "did you mean \"curvature/01\"?",
            "models/experiments/crawl.toml:15:11: no muscle of the name \"MVL24\"",
            "MVL24 does not exist in the worm",
            "models/experiments/crawl.toml:15:20: no muscle of the name \"MVL5\"",
        ],
    );
    lab.spoil(CRAWL, "small.safetensors", "large.safetensors");
    lab.refuses(&["run", CRAWL], &["models/experiments/crawl.toml:13:10: ", "models/large.safetensors: cannot read"]);
}

#[test]
fn a_radius_table_that_crosses_itself_is_refused() {
    let lab = Lab::new();
    lab.spoil("models/worm.toml", "[0.082,", "[0.002,");
    lab.refuses(&["run", CRAWL], &["models/worm.toml:18:", "the radius table crosses itself: 0.002 after 0.041"]);
}

#[test]
fn a_substep_that_the_explicit_scheme_cannot_take_is_refused_before_the_run() {
    let lab = Lab::new();
    lab.spoil("models/experiments/soft.toml", "substeps = 50", "substeps = 1");
    lab.refuses(
        &["run", "models/experiments/soft.toml"],
        &["a substep of 1000.000 us is too large for the explicit scheme", "substeps = ", "scheme = \"implicit\""],
    );
}

#[test]
fn a_seed_without_noise_is_refused() {
    Lab::new().refuses(&["run", CRAWL, "--seed", "7"], &["asks for no noise", "leave out --seed"]);
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_run() {
    let lab = Lab::new();
    lab.refuses(
        &["run", CRAWL, "--out", "no/such/run.h5"],
        &["no/such/run.h5: there is no folder", "mkdir -p no/such"],
    );
    lab.refuses(&["run", CRAWL, "--out", "models"], &["models: is a folder"]);
    lab.write("a_file", "");
    lab.refuses(&["run", CRAWL, "--out", "a_file/run.h5"], &["a_file/run.h5: "]);
}

#[test]
fn a_number_of_threads_that_is_none_is_refused() {
    let lab = Lab::new();
    lab.refuses(&["run", CRAWL, "--threads", "0"], &["--threads"]);
}

#[test]
fn a_connectome_with_a_number_that_is_none_is_refused_and_not_written() {
    let lab = Lab::new();
    let header = "name,class,type,transmitter,evidence,x_um,y_um,z_um,soma_diameter_um\n";
    lab.write(
        "models/connectome/neurons.csv",
        &format!("{header}AVBL,AVB,inter,acetylcholine,,0,0,NaN,3\nDB1,DB,motor,acetylcholine,,0,0,0,3\n"),
    );
    lab.write("models/connectome/muscles.csv", "name,x_um,y_um,z_um\nMVL23,0,inf,0\n");
    lab.write("models/connectome/cook2019/chemical.csv", "pre,post,number\nAVBL,DB1,NaN\nAVBM,DB1,2\n");
    lab.write("models/connectome/cook2019/gap_junctions.csv", "a,b,number\nAVBL,DB1,1\n");
    lab.write("models/connectome/cook2019/neuromuscular.csv", "pre,post,number\nDB1,MVL23,1\n");
    lab.refuses(
        &["connectome", "build", "--out", "worm.net.nml"],
        &[
            "models/connectome/neurons.csv:2:",
            "models/connectome/muscles.csv:2:",
            "models/connectome/cook2019/chemical.csv:2:",
            "models/connectome/cook2019/chemical.csv:3:1: no neuron is called \"AVBM\"",
        ],
    );
}

#[test]
fn an_unknown_connectome_is_answered_with_those_that_there_are() {
    let lab = Lab::new();
    lab.refuses(&["connectome", "build", "--source", "cok"], &["unknown connectome \"cok\"", "cook2019"]);
}

#[test]
fn check_tells_all_that_is_wrong_in_all_files() {
    let lab = Lab::with_tiny_network();
    lab.spoil(CRAWL, "duration = \"5 s\"", "duration = \"5 m\"").spoil(CRAWL, "\"20 ms\"", "\"21 ms\"");
    lab.spoil(TINY_NETWORK, "component=\"muscle\"", "component=\"muscl\"").spoil(
        TINY_NETWORK,
        "synapse=\"gap_junction\"",
        "synapse=\"gap_junktion\"",
    );
    lab.refuses(
        &["check", CRAWL, TINY_NETWORK, "models/experiments/soft.toml"],
        &["crawl.toml:4:12: expected a time", "crawl.toml:24:12: \"21 ms\"", "tiny.net.nml:6:", "tiny.net.nml:8:"],
    );
}

#[test]
fn check_says_what_is_in_good_files_and_writes_nothing() {
    let lab = Lab::with_tiny_network();
    let before = lab.files();
    let told = lab.nematode(&["check", CRAWL, TINY, "neuroml/cells.nml"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for part in ["A worm crawls on agar", "reproduces: ", "1000 steps", "Three cells", "ionChannelHH: 3"] {
        assert!(told.out.contains(part), "no {part:?} in\n{}", told.out);
    }
    assert_eq!(lab.files(), before);
}

#[test]
fn muscles_that_no_tissue_can_bear_stop_the_run_and_leave_it_readable() {
    let lab = Lab::new();
    // A thousand times the force of a muscle.
    lab.spoil("models/worm.toml", "\"2.4 uN\"", "\"2.4 mN\"");
    let told = lab.nematode(&["run", CRAWL, "--duration", "1 s", "--out", "torn.h5"]);
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(told.err.starts_with("t = 0.0"), "{}", told.err);
    assert!(told.err.contains("particle") && told.err.contains("help: "), "{}", told.err);
    let mut run = Recorded::open(&lab.path("torn.h5")).expect("a recording");
    let times = run.times().expect("its frames");
    assert!(times[0] == 0.0 && times.len() < 50, "{times:?}");
    let position = run.values("particles/sph/position").expect("positions");
    assert_eq!(position.shape[0], times.len());
    assert!(position.data.iter().all(|x| x.is_finite()), "what was recorded before is sound");
}

#[test]
fn a_network_step_too_long_stops_the_run_with_the_cell_and_the_time() {
    let lab = Lab::with_tiny_network();
    // Steps a hundred times as long, and a current beyond what numbers can hold.
    lab.spoil(TINY, "dt = \"0.05 ms\"", "dt = \"5 ms\"").spoil(TINY, "\"15 pA\"", "\"1e305 A\"");
    let told = lab.nematode(&["run", TINY, "--duration", "0.5 s"]);
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(told.err.starts_with("t = 0."), "{}", told.err);
    assert!(told.err.contains(" is not a number (was ") && told.err.contains("help: try dt below"), "{}", told.err);
    let mut run = Recorded::open(&lab.path("tiny.h5")).expect("a recording");
    assert!(!run.times().expect("its frames").is_empty());
    let potentials = run.potentials(nematode::recording::Population::Neurons).expect("sound").expect("two neurons");
    assert_eq!(potentials.names, ["AVBL", "DB1"]);
    assert!(potentials.values.data.iter().all(|v| v.is_finite()));
}

#[test]
fn cite_prints_papers_with_their_identifiers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cite = |experiment: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nematode"));
        let told = Told::from(command.args(["cite", experiment]).current_dir(root).output().expect("the program runs"));
        assert_eq!(told.code, 0, "{}", told.err);
        told.out
    };
    let (crawl, connectome) = (cite(CRAWL), cite("models/experiments/connectome.toml"));
    assert!(crawl.contains("doi:10.1073/pnas.1003016107"), "{crawl}");
    // The connectome is cited by who uses it only.
    assert!(
        connectome.contains("doi:10.1038/s41586-019-1352-7") && !crawl.contains("s41586-019-1352-7"),
        "{connectome}"
    );
}

#[test]
fn a_connectome_is_built_and_says_what_it_lacks() {
    let out = tempfile::tempdir().expect("a folder");
    let file = out.path().join("worm.net.nml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nematode"));
    command.args(["connectome", "build", "--source", "witvliet", "--out"]).arg(&file);
    let told = Told::from(command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the program runs"));
    assert_eq!(told.code, 0, "{}", told.err);
    // Witvliet et al. cover the nerve ring: 180 of the 302 neurons.
    for part in ["302 neurons, 95 muscles", "not covered by the source: 122", "muscles that no neuron reaches: 63"] {
        assert!(told.out.contains(part), "no {part:?} in\n{}", told.out);
    }
    assert!(std::fs::read_to_string(&file).expect("the file").contains("id=\"AVBL\""));
}

#[test]
fn every_command_helps_with_an_example() {
    let lab = Lab::new();
    for command in [&[][..], &["run"], &["check"], &["connectome"], &["connectome", "build"], &["cite"]] {
        let told = lab.nematode(&[command, &["--help"]].concat());
        assert_eq!(told.code, 0, "{command:?}");
        let example = format!("Example:\n  nematode {}", command.join(" "));
        assert!(told.out.contains(&example), "no {example:?} in\n{}", told.out);
    }
    let told = lab.nematode(&[]);
    assert!(told.code == 2 && told.err.contains("Example:"), "{}", told.err);
    let told = lab.nematode(&["walk"]);
    assert!(told.code == 2 && told.err.contains("walk"), "{}", told.err);
}

#[test]
fn the_doctor_finds_a_well_machine_and_says_what_it_tried() {
    let output = program(&["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).to_string();
    assert!(output.status.success() && !text.contains("AMISS"), "{text}");
    for part in ["threads", "vector registers", "HDF5", "302 neurons"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn shells_and_man_know_every_command() {
    let commands = ["run", "lems", "fit", "gait", "check", "validate", "connectome", "cite", "doctor"];
    for arguments in [&["completions", "bash"][..], &["man"]] {
        let output = program(arguments);
        let text = String::from_utf8_lossy(&output.stdout).to_string();
        assert!(output.status.success() && commands.iter().all(|command| text.contains(command)), "{text}");
    }
    let version = program(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains("rustc"));
}

/// The program where the repository is.
fn program(arguments: &[&str]) -> std::process::Output {
    let command =
        Command::new(env!("CARGO_BIN_EXE_nematode")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    command.expect("the program runs")
}
