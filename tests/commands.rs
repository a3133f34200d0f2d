//! Every command of `nematode` that README and the book show is run, as it stands there but for less time.
//!
//! Each document has a laboratory of its own, a copy of the models, and its commands are run there in their order. What a document
//! leaves open (`PLAN.toml`, `POLICY`) is put there first.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for what a document leaves open.
const STAND_INS: [(&str, &str); 11] = [
    ("FILE...", "models/experiments/crawl.toml"),
    ("PLAN.toml", "plan.toml"),
    ("CONTEST.toml", "models/experiments/contest.toml"),
    ("POLICY", "policy.safetensors"),
    ("LEMS_worm.xml", "LEMS_small.xml"),
    ("RUN.h5", "wave.h5"),
    ("before.h5", "wave.h5"),
    ("after.h5", "wave.h5"),
    ("gait crawl.h5", "gait wave.h5"),
    ("resume crawl.h5", "resume wave.h5"),
    ("'1 s'", "'50 ms'"),
];

/// Takes long; tests/physics.rs does what it does.
const ELSEWHERE: &str = "nematode validate body";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder of the repository").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// A folder with models, a recording of rods, its track, a small policy, a plan, a contest and fits.
fn laboratory() -> tempfile::TempDir {
    let lab = tempfile::tempdir().expect("a folder");
    for folder in ["models", "neuroml", "examples"] {
        copy(&root(folder), &lab.path().join(folder));
    }
    std::fs::copy(root("tests/lems/LEMS_small.xml"), lab.path().join("LEMS_small.xml")).expect("a copy");
    let write = |name: &str, text: &str| std::fs::write(lab.path().join(name), text).expect("a file");
    let read = |name: &str| std::fs::read_to_string(lab.path().join(name)).expect("a file");
    write(
        "plan.toml",
        "title = \"a wave\"\nreproduces = \"nothing\"\n[policy]\nfile = \"policy.safetensors\"\ncell = \"ltc\"\n\
         senses = [\"curvature/0*\"]\ndrives = [\"MD*01\"]\n[policy.wiring]\ntype = \"AutoNCP\"\nunits = 12\noutput_size = 2\n\
         [imitation]\nrecording = \"wave.h5\"\ntarget = \"muscle_activation\"\nsequence = 16\n\
         [learning]\nrate = 0.01\nbatch = 8\nepochs = 2\nseed = 1\n",
    );
    // Eight seconds, for a gait; a track of them; a policy.
    for command in [
        "nematode run models/experiments/adult_wave.toml --out wave.h5 --checkpoint '1 s' --wcon tracked.wcon",
        "nematode train plan.toml",
    ] {
        let told = run(lab.path(), command);
        assert!(told.is_ok(), "{command}: {told:?}");
    }
    // The page of the crawl is made before the crawl of the same document.
    std::fs::copy(lab.path().join("wave.h5"), lab.path().join("crawl.h5")).expect("a copy");
    let contest = read("models/experiments/controllers.toml");
    let (shared, _) = contest.split_once("[[contestant]]").expect("contestants");
    let small = "[[contestant]]\nname = \"GRU\"\npolicy = { cell = \"gru\" }\n";
    let contest = format!("{shared}{small}")
        .replace("against = \"LTC-NCP\"", "against = \"GRU\"")
        .replace("seeds = [1, 2, 3, 4, 5]", "seeds = [1]")
        .replace("imitation.epochs=50", "imitation.epochs=1");
    write("models/experiments/contest.toml", &contest);
    for name in ["connectome_forward", "connectome_swim", "ventral_cord", "gait_adaptation"]
        .map(|name| format!("models/fits/{name}.toml"))
    {
        let short = |line: &str| match line.split_once(" = ") {
            Some(("duration", _)) => "duration = \"4 s\"\n".to_string(),
            Some(("population", _)) => "population = 4\n".to_string(),
            Some(("generations", _)) => "generations = 1\n".to_string(),
            _ => format!("{line}\n"),
        };
        write(&name, &read(&name).lines().map(short).collect::<String>());
    }
    lab
}

/// Runs a command in a folder, with the program that was built; what it said if it failed.
fn run(folder: &Path, command: &str) -> Result<(), String> {
    let program = env!("CARGO_BIN_EXE_nematode");
    let command = command.replacen("nematode", program, 1);
    let output = Command::new("sh").arg("-c").arg(&command).current_dir(folder).output().expect("a shell");
    // A validation that finds a row missed says so with 1.
    let missed = command.contains(" validate ") && output.status.code() == Some(1);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() || missed { Ok(()) } else { Err(said) }
}

/// The commands of a document: lines of code that begin with the program's name, without what explains them.
fn commands(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root(document)).expect("a document");
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if (fenced || line.starts_with("    ")) && line.trim_start().starts_with("nematode ") {
            let command = line.trim().split("   ").next().unwrap_or_default();
            found.push(command.split(" #").next().unwrap_or_default().trim().to_string());
        }
    }
    found
}

/// The same command for less time, with all that it leaves open.
fn shortened(command: &str, run_before: usize) -> String {
    let mut short = command.to_string();
    for (open, stand_in) in STAND_INS {
        short = short.replace(open, stand_in);
    }
    if short.starts_with("nematode run") {
        let duration = match &short {
            // Longer than what was recorded before, each time.
            short if short.contains("--resume wave.h5") => format!("{} s", 9 + run_before),
            short if short.contains("crawl.toml") => "300 ms".to_string(),
            _ => "100 ms".to_string(),
        };
        short =
            short.split(" --duration").next().unwrap_or_default().to_string() + &format!(" --duration '{duration}'");
    }
    if short.contains("learn_crawl.toml") {
        short += " --set imitation.sequence=2 --set imitation.from='0 s' --set learning.epochs=1";
    }
    if short.contains("validate worm") {
        short += " --set duration='3 s'";
    }
    short
}

#[test]
fn every_command_of_the_documents_runs() {
    let mut documents: Vec<String> = vec!["README.md".into()];
    let listed = std::fs::read_dir(root("docs")).expect("the book").flatten();
    documents.extend(listed.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy())));
    documents.retain(|document| document.ends_with(".md"));
    documents.sort();
    let (mut tried, mut failed) = (0, Vec::new());
    for document in documents {
        let commands = commands(&document);
        if commands.is_empty() {
            continue;
        }
        let lab = laboratory();
        // What the page on a first worm lets its reader write.
        if document.ends_with("first_worm.md") {
            let page = std::fs::read_to_string(root(&document)).expect("a document");
            let (_, rest) = page.split_once("```toml\n").expect("an experiment");
            let own = rest.split_once("```").expect("its end").0;
            std::fs::write(lab.path().join("models/experiments/touched.toml"), own).expect("a file");
        }
        for (number, command) in commands.iter().enumerate() {
            if command.starts_with(ELSEWHERE) {
                continue;
            }
            // A gait needs seconds; what was recorded for less stands in its place.
            let short = match command.strip_prefix("nematode gait ") {
                Some(files) if !command.contains("tracked") => {
                    format!("nematode gait {}", vec!["wave.h5"; files.split_whitespace().count()].join(" "))
                }
                _ => shortened(command, number),
            };
            tried += 1;
            if let Err(said) = run(lab.path(), &short) {
                failed.push(format!("{document}: {command}\n  tried as: {short}\n  {said}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // README alone has some twenty.
    assert!(tried > 25, "only {tried} commands were found");
}

#[test]
fn the_book_has_every_document_and_no_other() {
    let summary = std::fs::read_to_string(root("docs/SUMMARY.md")).expect("the summary");
    let mut named: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    named.sort_unstable();
    let listed = std::fs::read_dir(root("docs")).expect("the book").flatten();
    let mut there: Vec<String> = listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    there.retain(|name| name.ends_with(".md") && name != "SUMMARY.md");
    there.sort();
    assert_eq!(named, there);
}
