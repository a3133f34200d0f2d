//! The same bits on any number of threads, and the bits of yesterday.

use std::path::Path;

use nematode::experiment::Experiment;
use nematode::parallel;
use nematode::run::{Run, hash_of};
use nematode::worm::Worm;

fn worm_of(experiment: &str) -> Worm {
    let path = format!("models/experiments/{experiment}.toml");
    let experiment = Experiment::load(Path::new(&path)).expect("an experiment of the repository");
    Run::prepare(experiment, Vec::new(), &|_| ()).expect("it is complete").into_worm()
}

/// Hash of a worm's whole state after `steps` steps of an experiment, worked out on `threads` threads.
fn hash_after(experiment: &str, steps: usize, threads: usize) -> String {
    parallel::with_threads(threads, || {
        let mut worm = worm_of(experiment);
        for _ in 0..steps {
            worm.step().expect("it runs");
        }
        hash_of(&worm)
    })
}

/// The first twelve digits of the hashes after these steps. They change only when it is meant that what is computed
/// changes, with a line in CHANGELOG.md that says what; not with the machine, the threads or the compiler.
const GOLDEN: [(&str, usize, &str); 4] = [
    ("crawl", 20, "56358c6c5422"),
    ("connectome", 4, "b45c5d0b72b4"),
    ("soft", 1, "f6e472c75a42"),
    ("bbc", 400, "82d0b92ef993"),
];

#[test]
fn two_threads_and_eight_compute_the_bits_of_one() {
    let mut found = Vec::new();
    for (experiment, steps, _) in GOLDEN {
        let one = hash_after(experiment, steps, 1);
        assert_eq!(one, hash_after(experiment, steps, 2), "{experiment} on 2 threads");
        assert_eq!(one, hash_after(experiment, steps, 8), "{experiment} on 8 threads");
        found.push((experiment, steps, one[..12].to_string()));
    }
    let golden = GOLDEN.map(|(experiment, steps, hash)| (experiment, steps, hash.to_string()));
    assert_eq!(found, golden, "what is computed has changed");
}

#[test]
fn a_worm_that_goes_on_from_what_was_kept_has_the_bits_of_one_that_never_stopped() {
    for (experiment, before, after) in [("crawl", 12, 8), ("connectome", 12, 8), ("soft", 1, 1), ("bbc", 60, 40)] {
        let steps = |worm: &mut Worm, count: usize| (0..count).for_each(|_| worm.step().expect("it runs"));
        let mut whole = worm_of(experiment);
        steps(&mut whole, before);
        let kept = whole.state();
        let mut resumed = worm_of(experiment);
        resumed.restore(&kept).expect("the same worm");
        let bits = |worm: &Worm| worm.state().iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole), bits(&resumed), "{experiment} as it was kept");
        steps(&mut whole, after);
        steps(&mut resumed, after);
        assert_eq!(bits(&whole), bits(&resumed), "{experiment} {after} steps later");
        assert_eq!(hash_of(&whole), hash_of(&resumed));
    }
    let of_the_crawl = worm_of("crawl").state();
    let told = worm_of("bbc").restore(&of_the_crawl).expect_err("another body").to_string();
    assert!(told.contains("a state of") || told.contains("another worm"), "{told}");
}
