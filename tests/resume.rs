//! A run that is killed goes on from its recording as if it had never stopped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use hdf5::H5File;
use nematode::recording::Recorded;

fn nematode(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nematode"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// The line of the final state's hash, and those of the gait.
fn figures(told: &str) -> Vec<&str> {
    let wanted = ["final state", "gait", "speed", "frequency", "wavelength", "curvature", "muscles", "crossings"];
    told.lines().filter(|line| wanted.iter().any(|name| line.contains(name))).collect()
}

/// Whether two recordings hold the same numbers, checkpoints aside.
fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (H5File::open(one).expect("a file"), H5File::open(other).expect("a file"));
    assert_eq!(one.dataset_names(), other.dataset_names());
    // Texts stand elsewhere in each file.
    let numbers =
        |name: &&String| !name.contains("checkpoint/") && !name.contains("parameters/") && !name.contains("@library");
    for name in one.dataset_names().iter().filter(numbers) {
        let bytes = |file: &H5File| file.dataset(name).expect("a dataset").read_raw_bytes().ok();
        assert!(bytes(&one) == bytes(&other), "{name}");
    }
}

/// Kills a run at moments of a fixed pseudo-random sequence, resuming it each time, until it ends or was killed so
/// often; then lets it end. Gives what it said at last and how often it was killed.
fn killed_again_and_again(experiment: &str, options: &[&str], out: &Path, kills: u64, longest: u64) -> (String, u64) {
    let file = out.to_str().expect("a plain name");
    let begin = [&["run", experiment, "--out", file], options].concat();
    let mut killed = 0;
    for kill in 0..kills {
        let has_checkpoint = Recorded::open(out).is_ok_and(|mut recorded| recorded.checkpoint().is_ok());
        let mut running = if has_checkpoint { nematode(&["run", "--resume", file]) } else { nematode(&begin) }
            .spawn()
            .expect("it starts");
        // Milliseconds of wall time.
        let moment =
            (kill.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33) % longest;
        std::thread::sleep(Duration::from_millis(moment));
        if running.try_wait().expect("a process").is_some() {
            let told = running.wait_with_output().expect("what it said").stdout;
            return (String::from_utf8(told).expect("text"), killed);
        }
        // On Unix this is SIGKILL.
        running.kill().expect("it is killed");
        running.wait().expect("it is gone");
        killed += 1;
        if let Ok(mut left) = Recorded::open(out) {
            let times = left.times().expect("what was flushed is whole");
            assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "{times:?}");
        }
    }
    let has_checkpoint = Recorded::open(out).is_ok_and(|mut recorded| recorded.checkpoint().is_ok());
    let mut last = if has_checkpoint { nematode(&["run", "--resume", file]) } else { nematode(&begin) };
    (succeeds(&mut last), killed)
}

fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, torn) = (folder.path().join("whole.h5"), folder.path().join("torn.h5"));
    (folder, whole, torn)
}

#[test]
fn a_run_killed_thrice_ends_as_one_that_was_not() {
    let (_folder, whole, torn) = folder();
    let options = ["--duration", "1.2 s", "--checkpoint", "50 ms"];
    let begin = [&["run", "models/experiments/connectome.toml", "--out", whole.to_str().expect("plain")], &options[..]];
    let unbroken = succeeds(&mut nematode(&begin.concat()));
    let (told, killed) = killed_again_and_again("models/experiments/connectome.toml", &options, &torn, 3, 1000);
    assert!(killed > 0);
    assert_eq!(figures(&told), figures(&unbroken));
    assert_same(&whole, &torn);
}

#[test]
#[ignore = "a minute: twenty kills; .ci/run calls it"]
fn a_run_killed_twenty_times_ends_as_one_that_was_not() {
    let (_folder, whole, torn) = folder();
    // Long enough not to end before the kills do, half a second of each of which is the start.
    let options = ["--duration", "8 s", "--checkpoint", "50 ms"];
    let begin = [&["run", "models/experiments/crawl.toml", "--out", whole.to_str().expect("plain")], &options[..]];
    let unbroken = succeeds(&mut nematode(&begin.concat()));
    let (told, killed) = killed_again_and_again("models/experiments/crawl.toml", &options, &torn, 20, 1200);
    assert!(killed >= 15, "killed {killed} times");
    assert_eq!(figures(&told), figures(&unbroken));
    assert_same(&whole, &torn);
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_closes_its_recording_and_can_be_gone_on_with() {
    let (_folder, whole, torn) = folder();
    let (whole_file, torn_file) = (whole.to_str().expect("plain"), torn.to_str().expect("plain"));
    let run = |out| ["run", "models/experiments/crawl.toml", "--out", out, "--duration", "1 s", "--checkpoint", "10 s"];
    let unbroken = succeeds(&mut nematode(&run(whole_file)));
    let running = nematode(&run(torn_file)).spawn().expect("it starts");
    while !torn.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let sent = Command::new("kill").args(["-INT", &running.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    let told = running.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&told.stderr).to_string();
    assert_eq!(told.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped at ") && said.contains("go on with: nematode run --resume "), "{said}");
    // Closed: no SWMR mode is needed to open it, and the views are there.
    assert!(H5File::open(&torn).expect("a closed file").dataset_names().iter().any(|name| name.contains("VTKHDF")));
    let resumed = succeeds(&mut nematode(&["run", "--resume", torn_file]));
    assert_eq!(figures(&resumed), figures(&unbroken));
    assert_same(&whole, &torn);
}

#[test]
fn a_finished_run_goes_on_where_a_longer_one_is_wanted() {
    let (_folder, whole, torn) = folder();
    let (whole_file, torn_file) = (whole.to_str().expect("plain"), torn.to_str().expect("plain"));
    let run = |out, duration| ["run", "models/experiments/bbc.toml", "--out", out, "--duration", duration];
    let unbroken = succeeds(nematode(&run(whole_file, "4 s")).args(["--checkpoint", "1 s"]));
    succeeds(nematode(&run(torn_file, "2 s")).args(["--checkpoint", "1 s"]));
    let ended = nematode(&["run", "--resume", torn_file]).output().expect("it starts");
    let said = String::from_utf8_lossy(&ended.stderr).to_string();
    assert!(
        ended.status.code() == Some(2) && said.contains("has reached its end") && said.contains("help: "),
        "{said}"
    );
    let told = succeeds(nematode(&["run", "--resume", torn_file]).args(["--duration", "4 s"]));
    assert_eq!(figures(&told), figures(&unbroken));
    assert_same(&whole, &torn);
}

#[test]
fn what_can_not_be_gone_on_with_is_told_with_its_mend() {
    let (_folder, whole, torn) = folder();
    let refused = |arguments: &[&str], parts: &[&str]| {
        let told = nematode(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&told.stderr).to_string();
        assert_eq!(told.status.code(), Some(2), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    };
    let (file, missing) = (whole.to_str().expect("plain"), torn.to_str().expect("plain"));
    refused(&["run", "--resume", missing], &[missing, "cannot read"]);
    let run = ["run", "models/experiments/bbc.toml", "--duration", "0.1 s", "--out", file];
    succeeds(&mut nematode(&run));
    refused(&["run", "--resume", file], &["no checkpoint", "help: run with --checkpoint '1 s'"]);
    refused(&[&run[..], &["--checkpoint", "1 mV"]].concat(), &["--checkpoint: ", "1 mV"]);
    refused(&[&run[..], &["--checkpoint", "1 ns"]].concat(), &["--checkpoint: ", "help: give an interval"]);
    // A file of the run that has changed since.
    let folder = tempfile::tempdir().expect("a folder");
    let anatomy = std::fs::read_to_string("models/rod_bbc.toml").expect("an anatomy");
    let changed = folder.path().join("rod.toml");
    std::fs::write(&changed, &anatomy).expect("written");
    let set = format!("body.anatomy={}", changed.display());
    succeeds(nematode(&run).args(["--checkpoint", "50 ms", "--set", &set]));
    std::fs::write(&changed, anatomy + "\n# later\n").expect("written");
    refused(
        &["run", "--resume", file, "--duration", "0.2 s"],
        &["rod.toml: the file has changed", "help: put it back"],
    );
}
