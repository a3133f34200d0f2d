//! The slow proofs, two minutes in all: the whole runs of the README move as worms move.
//!
//!     cargo test --release --test crawl_proof -- --ignored

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use nematode::experiment::Experiment;
use nematode::gait::{Gait, Wave};
use nematode::parallel;
use nematode::run::{Finished, Run};

/// Runs an experiment of the repository to its end, with its file changed by `change` (what → by what).
fn run(name: &str, change: &[(&str, &str)]) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    let original = std::fs::read_to_string(format!("models/experiments/{name}.toml")).expect("the experiment");
    let here = std::env::current_dir().expect("the repository");
    let changed = change.iter().fold(original, |text, (what, by)| {
        assert!(text.contains(what), "{name}.toml has no {what}");
        text.replace(what, by)
    });
    // Tests of one process run at the same time: the process number alone would let them share a file.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let path = here.join(format!("models/experiments/.{name}-proof-{}-{number}.toml", std::process::id()));
    std::fs::write(&path, changed).expect("written beside the others, for its paths");
    let experiment = Experiment::load(&path);
    std::fs::remove_file(&path).expect("removed");
    let mut experiment = experiment.expect("an experiment");
    experiment.recording.file = folder.path().join("run.h5");
    experiment.files.remove(0);
    parallel::with_threads(1, || {
        Run::prepare(experiment, Vec::new(), &|_| ())
            .expect("complete")
            .run(&mut |_| ControlFlow::Continue(()))
            .expect("it runs to its end")
    })
}

/// The ranges are those of worms on agar: Fang-Yen et al. 2010, Karbowski et al. 2006, Yemini et al. 2013.
#[test]
#[ignore = "slow: 5 s of a crawling worm"]
fn a_driven_worm_crawls_head_first_as_worms_do() {
    let finished = run("crawl", &[]);
    let gait = finished.gait.as_ref().expect("long enough");
    assert_eq!(gait.wave, Wave::HeadToTail);
    assert!((1e-4..3e-4).contains(&gait.forward_speed), "{gait:?}");
    assert!((4.0..7.0).contains(&gait.bending), "{gait:?}");
    assert!((0.5..0.75).contains(&gait.wavelength.expect("a wave")), "{gait:?}");
    // The muscles are driven at 0.4 Hz; the body follows.
    assert!((gait.frequency.expect("a wave") - 0.4).abs() < 0.01, "{gait:?}");
    // The same worm as rods, in the same medium under the same drive, moves as it does, to the 15 % asked for.
    let rods = run("crawl", &[("../worm.toml", "../rod_adult.toml")]).gait.expect("long enough");
    let speed = |gait: &Gait| Some(gait.forward_speed);
    for (rods, particles) in
        [(rods.frequency, gait.frequency), (rods.wavelength, gait.wavelength), (speed(&rods), speed(gait))]
    {
        let ratio = rods.expect("a wave") / particles.expect("a wave");
        assert!((ratio - 1.0).abs() < 0.15, "{rods:?} {particles:?}");
    }
    for kept in [gait.length, gait.volume] {
        assert!(kept[0] > 0.97 && kept[1] < 1.03, "{gait:?}");
    }
    assert!(finished.density_error.expect("it has liquid") < 0.0101, "{:?}", finished.density_error);
}

/// Strengths are fitted on rods; particles are another body, which the fit never saw. 30 % is what was asked for.
#[test]
#[ignore = "slow: 16 s of a crawling worm"]
fn the_connectome_moves_both_bodies_alike() {
    let long = ("duration = \"20 s\"", "duration = \"16 s\"");
    let rods = run("connectome_forward", &[long]).gait.expect("long enough");
    let particles =
        run("connectome_forward", &[long, ("../rod_adult.toml", "../worm.toml")]).gait.expect("long enough");
    assert_eq!((rods.wave, particles.wave), (Wave::HeadToTail, Wave::HeadToTail));
    let rows =
        |gait: &Gait| [Some(gait.forward_speed), gait.frequency, gait.wavelength].map(|row| row.expect("a wave"));
    for (ours, theirs) in rows(&particles).into_iter().zip(rows(&rods)) {
        assert!((ours / theirs - 1.0).abs() < 0.3, "{particles:?} {rods:?}");
    }
    assert!((1e-4..3e-4).contains(&particles.forward_speed), "{particles:?}");
}

/// A step half as long is a little truer; a step that is good enough changes little.
#[test]
#[ignore = "slow: 10 s of a crawling worm"]
fn halving_the_step_hardly_changes_the_crawl() {
    let coarse = run("crawl", &[]).gait.expect("long enough");
    let fine = run("crawl", &[("step = \"5 ms\"", "step = \"2.5 ms\"")]).gait.expect("long enough");
    // 3 % of the curvature, as asked of the body; the speed is its square and may change by twice that.
    assert!((coarse.bending / fine.bending - 1.0).abs() < 0.03, "{coarse:?}\n{fine:?}");
    assert!((coarse.forward_speed / fine.forward_speed - 1.0).abs() < 0.06, "{coarse:?}\n{fine:?}");
}

#[test]
#[ignore = "slow: 5 s of the whole connectome"]
fn the_connectome_runs_stably_and_moves_its_muscles() {
    let finished = run("connectome", &[]);
    let (largest, active) = finished.activation;
    assert!(active > 30 && largest > 0.3, "{active} muscles above a tenth, the largest at {largest}");
    assert!(finished.spikes.expect("a network")[0] > 0);
    let gait = finished.gait.expect("long enough");
    assert!(gait.length[0] > 0.97 && gait.length[1] < 1.03, "{gait:?}");
}
