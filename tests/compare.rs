//! The contest of controllers is fair, can be gone on with, and gives the same bits on any number of threads.

use std::ops::ControlFlow;
use std::path::Path;

use nematode::compare::Comparison;
use nematode::compare::contest::Contest;
use nematode::parallel::with_threads;
use nematode::settings::Settings;
use sha2::{Digest, Sha256};

/// A contest that takes a second: two policies and the wave, two seeds.
const CHANGES: [&str; 13] = [
    "duration=3 s",
    "touch.duration=1 s",
    "seeds=[1, 2]",
    "against=GRU",
    "shared.parameters=1500",
    "shared.senses=[\"curvature/*\"]",
    "shared.drives=[\"M*10\", \"M*12\"]",
    "imitation.examples=4 s",
    "imitation.epochs=2",
    "imitation.sequence=32",
    "reward.generations=1",
    "reward.population=4",
    "reward.duration=0.5 s",
];

const ENTRANTS: &str = "contestant=[{name=\"GRU\", policy={cell=\"gru\"}}, \
    {name=\"LTC\", policy={cell=\"ltc\", wiring={type=\"AutoNCP\", units=20, output_size=8}}}, \
    {name=\"wave\", experiment=\"adult_wave.toml\"}]";

/// The trained weights of two of its policies, as SHA-256.
const GOLDEN: &str = "92f0a3d3a16a5e01";

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments/controllers.toml");
    let text = std::fs::read_to_string(path).expect("the contest");
    let end = text.find("[[contestant]]").expect("contestants");
    format!("{ENTRANTS}\n{}", &text[..end])
}

fn read(text: &str, changes: &[&str]) -> Result<Contest, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments/contest.toml");
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Contest::read(Settings::from_text(path, text), false, &changes).map_err(|problems| problems.to_string())
}

fn prepare(folder: &Path) -> Comparison {
    let contest = read(&text(), &CHANGES).unwrap_or_else(|problems| panic!("{problems}"));
    Comparison::prepare(contest, folder).unwrap_or_else(|error| panic!("{error}"))
}

/// SHA-256 of some files.
fn hash(folder: &Path, files: &[&str]) -> String {
    let bytes = files.iter().flat_map(|file| std::fs::read(folder.join(file)).expect("a result")).collect::<Vec<u8>>();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_contest_that_was_stopped_goes_on_with_the_same_bits_on_any_number_of_threads() {
    let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder"));
    let [straight, stopped] = folders.each_ref().map(|folder| folder.path());
    let go_on = |_: &str, _: u64| ControlFlow::Continue(());
    with_threads(1, || {
        let comparison = prepare(straight);
        assert!(comparison.run(&go_on).expect("a contest"));
        comparison.results().expect("results");
    });
    let whole = with_threads(1, || prepare(stopped).run(&|_: &str, _: u64| ControlFlow::Break(())).expect("a start"));
    assert!(!whole && prepare(stopped).progress().expect("entries").0 >= 1);
    with_threads(4, || {
        let comparison = prepare(stopped);
        assert!(comparison.run(&go_on).expect("the rest"));
        let (table, broke) = comparison.results().expect("results");
        assert!(table.contains("LTC") && broke.is_empty(), "{table}{broke}");
    });
    // What does not depend on the machine's speed.
    let files = ["results.h5", "results.json", "GRU.seed2.safetensors", "LTC.seed1.safetensors"];
    assert_eq!(hash(straight, &files), hash(stopped, &files));
    assert_eq!(hash(straight, &files[2..])[..16], *GOLDEN);
    let page = std::fs::read_to_string(straight.join("results.html")).expect("a page");
    assert!(page.contains("touched at the head") && page.contains("openContest();"));

    // Another contest does not go on from there.
    let changed = [&CHANGES[..], &["imitation.epochs=3"]].concat();
    let contest = read(&text(), &changed).unwrap_or_else(|problems| panic!("{problems}"));
    let told = Comparison::prepare(contest, stopped).expect("a folder").progress().expect_err("of another").to_string();
    assert!(told.contains("the entry of another contest"), "{told}");
}

#[test]
fn every_policy_is_of_one_size_and_feels_and_drives_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/experiments/controllers.toml");
    let contest = Contest::read(Settings::open(&path).expect("the contest"), true, &[]);
    let contest = contest.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(contest.seeds.len() >= 5 && contest.entrants.len() == 9);
    for entrant in &contest.entrants {
        let Some(policy) = contest.policy(entrant, 3) else { continue };
        let weights = policy.network.weights().len();
        assert_eq!(entrant.parameters, Some(weights));
        // The share that the file gives.
        assert!(weights.abs_diff(20_000) <= 1000, "{}: {weights}", entrant.name);
        assert_eq!((policy.network.inputs(), policy.network.outputs()), (50, 95), "{}", entrant.name);
        assert_ne!(policy.network.weights(), contest.policy(entrant, 4).expect("a policy").network.weights());
    }
}

#[test]
fn everything_that_is_wrong_in_a_contest_is_told_with_its_place() {
    let wrong = text().replace("cell=\"gru\"", "cell=\"gruu\"").replace("adult_wave.toml\"}]", "nowhere.toml\"}]");
    let changes = ["seeds=[]", "against=LTD", "shared.senses=[\"curvature/1\"]", "shared.drives=[\"MDL25\"]"];
    let told = read(&wrong, &changes).err().expect("problems");
    for part in [
        "the list of seeds is empty",
        "no contestant is called \"LTD\"\n  help: did you mean \"LTC\"?",
        "unknown sense \"curvature/1\"\n  help: did you mean \"curvature/01\"?",
        "no muscle of the name \"MDL25\"",
        "unknown `cell` \"gruu\"\n  help: did you mean \"gru\"?",
        "nowhere.toml: cannot read",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    assert!(
        told.lines().filter(|line| !line.starts_with("  help")).all(|line| line.contains("contest.toml:")),
        "{told}"
    );

    let cases = [
        ("seeds=[1, 1]", "seed 1 stands twice"),
        ("shared.parameters=10", "at its nearest size, where 10 are asked"),
        ("imitation.rates=[]", "`rates` are steps of Adam above 0"),
        ("disturb.drag=[0.0]", "`drag` is 0"),
        ("touch.duration=2 s", "a touch of 2 s in a watch of 3 s"),
    ];
    for (change, part) in cases {
        let told = read(&text(), &[&CHANGES[..], &[change]].concat()).err().expect("a problem");
        assert!(told.contains(part) && told.contains("help: "), "{change}: {told}");
    }
    let other = "contestant=[{name=\"wave\", experiment=\"rod_wave.toml\"}]\n".to_string()
        + text().split_once('\n').expect("a line").1;
    let told = read(&other, &["against=wave"]).err().expect("a problem");
    assert!(told.contains("wave has another body, medium or step than the worm of the contest"), "{told}");
}
