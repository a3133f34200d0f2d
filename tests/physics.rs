//! Every row of the table that `nematode validate body` prints, as a test; the slow ones with
//!
//!     cargo test --release --test physics -- --ignored

use nematode::parallel;
use nematode::validate::{self, Claim, Outcome};

/// Laws that the engine misses today. A law that begins to hold must leave this list; one that ceases to fails.
const MISSED: [&str; 1] = [
    // The cuticle moves liquid back in along its normal.
    "angular momentum of a free body, explicit",
];

fn check(claims: impl Iterator<Item = Claim>) {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for claim in claims.filter(|claim| claim.experiment.is_some()) {
        let outcome = parallel::with_threads(1, || claim.try_out());
        tried += 1;
        let held = matches!(outcome, Outcome::Held(_));
        if held == MISSED.contains(&claim.name) {
            wrong.push(format!("{}: {outcome:?}, tolerance {}", claim.name, claim.tolerance));
        }
    }
    assert!(tried > 0 && wrong.is_empty(), "of {tried} laws:\n{}", wrong.join("\n"));
}

#[test]
fn solids_fall_bend_and_lose_energy_as_theory_says() {
    check(validate::body().into_iter().filter(|claim| !claim.slow && !claim.source.contains("Morris")));
}

#[test]
fn flows_between_plates_build_up_as_theory_says() {
    check(validate::body().into_iter().filter(|claim| claim.source.contains("Morris")));
}

#[test]
#[ignore = "slow: thousands of particles over hundreds of steps"]
fn dams_break_waves_swing_and_bodies_drag_as_theory_says() {
    check(validate::body().into_iter().filter(|claim| claim.slow));
}

#[test]
fn every_law_has_an_experiment_and_what_is_missed_is_a_row() {
    let open: Vec<&str> = validate::body().iter().filter(|claim| claim.experiment.is_none()).map(|c| c.name).collect();
    assert!(open.is_empty(), "{open:?}");
    for missed in MISSED {
        assert!(validate::body().iter().any(|claim| claim.name == missed), "{missed} is no row");
    }
}
