//! Broken files and equations earn problems, never a panic: texts of ours, mutated by a seeded generator.
//!
//! A few seconds of the same mutations each time; NEMATODE_MUTATIONS=1000000 tries so many, NEMATODE_MUTATION_SEED others.
//! `fuzz/` has the same two doors for cargo-fuzz, which finds its way by coverage.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use nematode::network::{Network, Options};
use nematode::neuroml::expression::Expression;
use nematode::neuroml::model::Model;

/// SplitMix64 (Steele et al. 2014, doi:10.1145/2714064.2660195).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn number_of(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What mutations put in: pieces of the languages, and what readers stumble over.
const WORDS: &[&str] = &[
    "<",
    ">",
    "/",
    "\"",
    "'",
    "&amp;",
    "&#0;",
    "&#x10ffff;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml ?>",
    "=",
    "[",
    "]",
    "*",
    "..",
    "../",
    "this",
    "parent",
    "0",
    "-1",
    "1e400",
    "1e-400",
    "NaN",
    "inf",
    "99999999999999999999",
    "0.5",
    "mV",
    "nS",
    "per_ms",
    "^",
    "(",
    ")",
    ".and.",
    ".gt.",
    "exp(",
    "random(1)",
    "log(0)",
    "H(",
    "- -",
    "1/0",
    "v",
    "t",
    "weight",
    "id",
    "µ",
    "\u{0}",
    "\u{feff}",
    "é",
    "\n",
    " ",
    "name=\"v\"",
    "type=\"cell\"",
    "extends=\"baseCell\"",
    "size=\"0\"",
    "<Super/>",
    "<EventOut port=\"spike\"/>",
    "<With instance=\"this\" as=\"a\"/>",
    "<EventConnection from=\"this\" to=\"this\"/>",
    "<MultiInstantiate number=\"2\" component=\"component\"/>",
    "<Transition regime=\"refractory\"/>",
    "<Include file=\"Cells.xml\"/>",
];

fn mutate(text: &str, other: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(letters.len() + 1);
        let most = 1 << dice.below(9);
        let end = (at + 1 + dice.below(most)).min(letters.len());
        match dice.below(7) {
            0 => drop(letters.drain(at..end)),
            1 => {
                let piece = letters[at..end].to_vec();
                letters.splice(at..at, piece);
            }
            2 | 3 => drop(letters.splice(at..at, WORDS[dice.below(WORDS.len())].chars())),
            4 => drop(letters.splice(at..end, WORDS[dice.below(WORDS.len())].chars())),
            5 => {
                let other: Vec<char> = other.chars().collect();
                let from = dice.below(other.len());
                let to = (from + 1 + dice.below(200)).min(other.len());
                letters.splice(at..at, other[from.min(to)..to].iter().copied());
            }
            _ => {
                // A value is exchanged with another value of the text.
                let quotes: Vec<usize> = (0..letters.len()).filter(|at| matches!(letters[*at], '"' | '\'')).collect();
                if quotes.len() > 4 {
                    let pick = |dice: &mut Dice| 2 * dice.below(quotes.len() / 2 - 1);
                    let (a, b) = (pick(dice), pick(dice));
                    let value = letters[quotes[a] + 1..quotes[a + 1]].to_vec();
                    if a != b {
                        letters.splice(quotes[b] + 1..quotes[b + 1].max(quotes[b] + 1), value);
                    }
                }
            }
        }
    }
    letters.into_iter().collect()
}

/// Reads a text, and where it is a model that is not too large, runs it for three steps.
fn use_model(path: &Path, text: &str) {
    let Ok(model) = Model::from_text(path, text) else { return };
    let _ = model.summary().to_string();
    let cells: usize = model.populations().iter().map(|population| population.size).sum();
    if cells > 1000 {
        return;
    }
    let Ok(mut network) = Network::compile(&model, &Options::default()) else { return };
    for output in model.simulation.iter().flat_map(|simulation| &simulation.outputs) {
        for column in &output.columns {
            let _ = network.probe(&column.quantity).map(|probe| network.read(probe));
        }
    }
    for _ in 0..3 {
        if network.step().is_err() {
            return;
        }
    }
}

fn assert_calm(text: &str, what: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(what)).is_err() {
        let kept = std::env::temp_dir().join("nematode_panic.txt");
        let _ = std::fs::write(&kept, text);
        panic!("a panic; the text is in {}", kept.display());
    }
}

#[test]
fn no_mutation_of_our_files_makes_a_panic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["tests/conformance", "neuroml/core", "neuroml"] {
        let mut open = vec![root.join(folder)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|end| end == "xml" || end == "nml") && !path.ends_with("built") {
                    files.push(path);
                }
            }
        }
    }
    files.retain(|file| !file.to_string_lossy().contains("/built/"));
    files.sort();
    files.dedup();
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).expect("a text")).collect();
    assert!(files.len() > 20, "{files:?}");
    let mut dice = Dice(number_of("NEMATODE_MUTATION_SEED", 1));
    for _ in 0..number_of("NEMATODE_MUTATIONS", 3000) {
        let (file, other) = (dice.below(files.len()), dice.below(files.len()));
        let text = mutate(&texts[file], &texts[other], &mut dice);
        assert_calm(&text, || use_model(&files[file], &text));
    }
}

#[test]
fn no_mutation_of_an_equation_makes_a_panic() {
    let texts = [
        "weight * amplitude * sin(phase + 2 * PI * (t - delay) / period)",
        "x .gt. 2.and.1 .gt. 0 .or. not(y .leq. 3)",
        "-x^2 + 2^-1 * (1 + 1e-0) / 3.5E+2",
        "1 / (1 + blockConcentration / scalingConc * exp(-v / scalingVolt))",
        "random(1) + H(x) - ceil(1.gt.2)",
    ];
    let mut dice = Dice(number_of("NEMATODE_MUTATION_SEED", 1));
    for _ in 0..20 * number_of("NEMATODE_MUTATIONS", 3000) {
        let mut text = texts[dice.below(texts.len())].to_string();
        for _ in 0..1 + dice.below(4) {
            text = mutate(&text, texts[dice.below(texts.len())], &mut dice);
        }
        assert_calm(&text, || {
            if let Ok(expression) = Expression::parse(&text) {
                let _ = expression.dimension(&|_| Ok(None));
            }
        });
    }
}
