//! A fit begins where it says, and asks for several experiments at once.

use std::path::{Path, PathBuf};

use nematode::fit::Fit;

/// A fit of this repository's circuit of 24 neurons, with what its trials and its parameter are.
fn fit(folder: &Path, trials: &str, parameter: &str) -> Result<Fit, String> {
    let experiment = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/experiments/bbc.toml");
    let text = format!(
        "title = \"a fit of bbc\"\nexperiment = {experiment:?}\nduration = \"8 s\"\npopulation = 4\ngenerations = 1\n\
         spread = 0.1\nseed = 1\n\n{trials}\n[[parameter]]\nkeys = [\"body.mixture\"]\nlow = 0.5\nhigh = 1.0\n{parameter}\n"
    );
    let path = folder.join("fit.toml");
    std::fs::write(&path, text).expect("a file");
    Fit::load(&path).map_err(|problems| problems.to_string())
}

const WHOLE: &str = "[[trial]]\nname = \"whole\"\n[[trial.target]]\nrow = \"undulation\"\nfrom = 4.0\nto = 7.0\n";

#[test]
fn a_search_begins_where_its_file_says_or_else_where_the_experiment_is() {
    let folder = tempfile::tempdir().expect("a folder");
    // From 0.5 to 1.0: the experiment has 1.0, the fit says 0.6.
    let start = |parameter| fit(folder.path(), WHOLE, parameter).expect("a fit").start().to_vec();
    assert_eq!(start(""), [1.0]);
    assert!((start("start = 0.6")[0] - 0.2).abs() < 1e-12);
}

#[test]
fn a_row_can_be_asked_for_as_a_part_of_another_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let trials = format!(
        "{WHOLE}[[trial]]\nname = \"without B\"\nset = [\"ablate.neurons=[\\\"DB_*\\\", \\\"VB_*\\\"]\"]\n\
         [[trial.target]]\nrow = \"undulation\"\nof = \"whole\"\nfrom = -0.1\nto = 0.1\n"
    );
    let fit = fit(folder.path(), &trials, "").expect("a fit");
    let outcome = fit.outcome(fit.start());
    let [whole, part] = &outcome.rows[..] else { panic!("{outcome:?}") };
    assert_eq!((part.0.as_str(), part.1.as_str()), ("without B", "undulation of whole"));
    assert!(whole.2.expect("it undulates") > 4.0, "{whole:?}");
    // Nothing moves this worm but its B neurons.
    assert!(part.2.expect("a part").abs() < 0.01, "{part:?}");
}

#[test]
fn what_a_fit_can_not_do_is_said_with_its_place_and_mend() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |trials: &str, parameter: &str| fit(folder.path(), trials, parameter).err().expect("a problem");
    let of_none = format!("{WHOLE}[[trial.target]]\nrow = \"undulation\"\nof = \"hole\"\nfrom = 0.0\nto = 0.1\n");
    let of_none = told(&of_none, "");
    assert!(of_none.contains("fit.toml:") && of_none.contains("no trial is called \"hole\""), "{of_none}");
    assert!(of_none.contains("did you mean \"whole\"?"), "{of_none}");
    let outside = told(WHOLE, "start = 0.1");
    assert!(outside.contains("body.mixture begins outside its ends"), "{outside}");
    let other = told(WHOLE, "start = \"5 mV\"");
    assert!(other.contains("fit.toml:") && other.contains("its start is a voltage"), "{other}");
}
