//! The fair contest: controllers that learn the same in the same worm, and are tried in the same ways.
//!
//!   contest      the TOML file: worm, contestants of one size, lessons, seeds        `contest.rs`, `condition.rs`
//!   examples     the worm's own controller, recorded                                 `worm.h5` in the folder
//!   learn        imitation, then reward, for each contestant and seed                `learn.rs`
//!   trials       each trained worm as it is and under every condition                `trial.rs`, `smoothness.rs`
//!   entries      what came of each, in a file of its own: to go on from              `keep.rs`, `measure.rs`
//!   results      mean, deviation, paired intervals as table, Markdown, JSON, HDF5    `statistics.rs`, `output.rs`
//!
//! The same file gives the same bits on any number of threads, stopped and gone on with or not; only times are the machine's.

pub mod condition;
pub mod contest;
pub mod keep;
pub mod learn;
pub mod measure;
pub mod output;
pub mod smoothness;
pub mod statistics;
pub mod trial;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use self::condition::Condition;
use self::contest::{Contest, Entrant, Mind};
use self::keep::Entry;
use self::learn::{Examples, learn};
use crate::error::{Error, Problem, read_bytes};
use crate::experiment::Experiment;
use crate::parallel;
use crate::run::Run;
use crate::training::hex;

/// A contest in a folder.
pub struct Comparison {
    contest: Contest,
    folder: PathBuf,
    identity: String,
}

impl Comparison {
    /// Makes the folder, and checks that every contestant can be tried under every condition.
    ///
    /// # Errors
    /// Problems of a worm under a condition, or a folder that cannot be made.
    pub fn prepare(contest: Contest, folder: &Path) -> Result<Self, Error> {
        for entrant in &contest.entrants {
            let policy = contest.policy(entrant, 0);
            for condition in &contest.conditions {
                trial::worm(&contest, entrant, policy.as_ref(), *condition, 0)?;
            }
        }
        std::fs::create_dir_all(folder).map_err(|source| {
            Problem::new(format!("{}: cannot make the folder: {source}", folder.display()))
                .help("name a folder that you may write to: --out FOLDER")
        })?;
        let identity = identity(&contest)?;
        Ok(Self { contest, folder: folder.to_path_buf(), identity })
    }

    /// The contest.
    pub fn contest(&self) -> &Contest {
        &self.contest
    }

    /// Every contestant with every seed.
    fn pairs(&self) -> Vec<(&Entrant, u64)> {
        let seeds = &self.contest.seeds;
        self.contest.entrants.iter().flat_map(|entrant| seeds.iter().map(move |seed| (entrant, *seed))).collect()
    }

    fn kept(&self, entrant: &Entrant, seed: u64) -> Result<Option<Entry>, Problem> {
        Entry::read(&self.folder, &self.identity, &entrant.name, seed)
    }

    /// How many entries are known, and how many there are in all.
    ///
    /// # Errors
    /// When one is damaged or of another contest.
    pub fn progress(&self) -> Result<(usize, usize), Problem> {
        let pairs = self.pairs();
        let mut known = 0;
        for (entrant, seed) in &pairs {
            known += usize::from(self.kept(entrant, *seed)?.is_some());
        }
        Ok((known, pairs.len()))
    }

    /// Makes every entry that is not there yet; `hear` is told who is ready and says whether to begin another. Says whether
    /// all are there.
    ///
    /// # Errors
    /// When the worm that is imitated diverges, or the system refuses.
    pub fn run(&self, hear: &(dyn Fn(&str, u64) -> ControlFlow<()> + Sync)) -> Result<bool, Error> {
        let mut missing = Vec::new();
        for (entrant, seed) in self.pairs() {
            if self.kept(entrant, seed)?.is_none() {
                missing.push((entrant, seed));
            }
        }
        if missing.is_empty() {
            return Ok(true);
        }
        let examples = self.examples()?;
        let stopped = std::sync::atomic::AtomicBool::new(false);
        let done = parallel::map(missing.len(), |place| -> Result<(), Error> {
            if stopped.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            let (entrant, seed) = missing[place];
            self.enter(entrant, seed, &examples)?;
            if hear(&entrant.name, seed).is_break() {
                stopped.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            Ok(())
        });
        done.into_iter().collect::<Result<(), Error>>()?;
        let (known, all) = self.progress()?;
        Ok(known == all)
    }

    /// Records the worm that is imitated, and makes examples of it.
    fn examples(&self) -> Result<Examples, Error> {
        let file = self.folder.join("worm.h5");
        let mut experiment = Experiment::read(self.contest.worm.clone())?;
        experiment.set_duration(&self.contest.lessons.examples)?;
        experiment.recording.file.clone_from(&file);
        experiment.happenings.extend(&self.contest.lessons.touches);
        Run::prepare(experiment, Vec::new(), &|_| {})?.run(&mut |_| ControlFlow::Continue(()))?;
        let policy = self.contest.entrants.iter().find_map(|entrant| self.contest.policy(entrant, 0));
        Ok(Examples::of(&self.contest, &file, policy.map_or(1.0, |policy| policy.time_unit))?)
    }

    /// Lets one contestant learn and tries it.
    fn enter(&self, entrant: &Entrant, seed: u64, examples: &Examples) -> Result<(), Error> {
        let contest = &self.contest;
        let mut entry = Entry {
            contest: self.identity.clone(),
            contestant: entrant.name.clone(),
            seed,
            imitation: Vec::new(),
            reward: Vec::new(),
            values: std::collections::BTreeMap::new(),
            broke: None,
        };
        let mut policy = None;
        if let Some(fresh) = contest.policy(entrant, seed) {
            match learn(contest, entrant, fresh, seed, examples) {
                Ok(learned) => {
                    learned.policy.write(&Entry::file(&self.folder, &entrant.name, seed, "safetensors"))?;
                    (entry.imitation, entry.reward) = (learned.imitation, learned.reward);
                    policy = Some(learned.policy);
                }
                Err(failure) => {
                    entry.broke = Some(failure.to_string());
                    return Ok(entry.write(&self.folder)?);
                }
            }
        }
        let mut trials = Vec::new();
        for condition in &contest.conditions {
            let worm = trial::worm(contest, entrant, policy.as_ref(), *condition, seed)?;
            trials
                .push((*condition, worm.and_then(|worm| trial::watch(worm, contest.duration, contest.touch.duration))));
        }
        entry.values = measure::values(contest, &trials);
        let least = |curve: &[f64]| curve.iter().copied().reduce(f64::min);
        entry.values.insert("imitation".to_string(), least(&entry.imitation));
        entry.values.insert("reward".to_string(), entry.reward.iter().copied().reduce(f64::max));
        Ok(entry.write(&self.folder)?)
    }

    /// Reads every entry, measures the time of a step, and writes the results into the folder. Gives the table and why some
    /// learning broke off.
    ///
    /// # Errors
    /// When an entry is missing or damaged, or the system refuses.
    pub fn results(&self) -> Result<(String, String), Error> {
        let mut entries = Vec::new();
        for (entrant, seed) in self.pairs() {
            let missing =
                || Problem::new(format!("{} with seed {seed} is not ready", entrant.name)).help("run it again");
            entries.push(self.kept(entrant, seed)?.ok_or_else(missing)?);
        }
        let timing = self.timing()?;
        let (contest, identity) = (&self.contest, self.identity.as_str());
        let results = output::Results { contest, identity, entries: &entries, timing: &timing };
        results.write(&self.folder)?;
        Ok((results.table(crate::table::Style::Plain), results.broke()))
    }

    /// Time in which each contestant senses, decides and fires \[s\], the least of a few rounds.
    fn timing(&self) -> Result<Vec<Option<f64>>, Error> {
        const ROUNDS: usize = 5;
        const STEPS: usize = 200;
        let mut times = Vec::new();
        for entrant in &self.contest.entrants {
            let policy = self.contest.policy(entrant, self.contest.seeds[0]);
            let Some(mut worm) = trial::worm(&self.contest, entrant, policy.as_ref(), Condition::AsItIs, 0)? else {
                times.push(None);
                continue;
            };
            let mut least: Option<f64> = None;
            for _ in 0..ROUNDS {
                let mut taken = 0.0;
                for _ in 0..STEPS {
                    let began = Instant::now();
                    worm.decide()?;
                    taken += began.elapsed().as_secs_f64();
                    worm.act()?;
                }
                let one = taken / STEPS as f64;
                least = Some(least.map_or(one, |known| known.min(one)));
            }
            times.push(least);
        }
        Ok(times)
    }
}

/// SHA-256 of all that decides a contest: its file, the files of its experiments, the version.
fn identity(contest: &Contest) -> Result<String, Error> {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(contest.settings.text());
    let own = contest.entrants.iter().filter_map(|entrant| match &entrant.mind {
        Mind::Experiment(settings) => Some(settings),
        Mind::Policy(_) => None,
    });
    for settings in std::iter::once(&contest.worm).chain(own) {
        hash.update(settings.text());
        for file in Experiment::read(settings.clone())?.files.iter().skip(1) {
            hash.update(read_bytes(file)?);
        }
    }
    Ok(hex(&hash.finalize()))
}
