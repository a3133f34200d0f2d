//! Training: examples in, a policy out.
//!
//!   plan      the TOML file: which policy, from what, how long           `plan.rs`
//!   examples  sequences of a recording, or of a task                     `data.rs`, `task.rs`
//!   epochs    each batch down its exact gradient by Adam                 `trainer.rs`, `adam.rs`
//!             or a generation of policies tried on the worm              `evolution.rs`, `reward.rs`
//!   policy    the weights of the best epoch, as safetensors; beside it the learning curve as JSON and a state to go on from
//!
//! The same plan gives the same bits on any number of threads, stopped and gone on with or not.

pub mod adam;
pub mod blueprint;
mod covariance;
pub mod data;
pub mod evolution;
pub mod plan;
pub mod reward;
pub mod task;
pub mod traces;
pub mod trainer;

use std::path::PathBuf;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::json;
use sha2::{Digest, Sha256};

use self::evolution::Method;
use self::plan::{Lesson, Plan, Published, Task};
use self::task::{Loss, Sequences};
use self::trainer::{Epoch, Source, Trainer};
use crate::controller::policy::Policy;
use crate::controller::policy_controller::Squash;
use crate::controller::recurrent::Recurrent;
use crate::error::{Error, Problem, Problems, read_bytes, write_whole};
use crate::settings::Settings;

/// How to train a policy.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The plan's TOML file.
    pub plan: PathBuf,
    /// Where to write the policy, instead of where the plan says.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Change a value of the plan, as often as needed: learning.epochs=10.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Go on from the state that an earlier training left beside the policy.
    #[arg(long)]
    pub resume: bool,
    /// Threads to share the samples of a batch; the result has the same bits on any number.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
}

/// A training that can go on.
pub struct Training {
    plan: Plan,
    trainer: Trainer,
    /// What the recording or experiment was, if there is one: its name and SHA-256.
    recording: Option<(String, String)>,
    /// Samples that are learned from, and that are held back.
    samples: [usize; 2],
    /// Sequences that judge the weights that are kept, besides those that were held back.
    test: Option<Sequences>,
    /// Whether a search takes up the points of its journal.
    goes_on: bool,
}

/// How often the state to go on from is written, in epochs, besides at the end.
const KEEP_EVERY: usize = 10;

impl Training {
    /// Reads the plan that `options` name, and goes on with what an earlier training left if they say so.
    ///
    /// # Errors
    /// As [`Plan::read`], [`Training::prepare`] and [`Training::go_on`].
    pub fn read(options: &Options) -> Result<Self, Problems> {
        let mut settings = Settings::open(&options.plan)?;
        for change in &options.set {
            settings.set(change)?;
        }
        let mut training = Self::prepare(Plan::read(settings)?)?;
        if let Some(out) = &options.out {
            training.plan.file.clone_from(out);
        }
        if options.resume {
            training.go_on()?;
        }
        Ok(training)
    }

    /// Makes the examples and the policy of a plan.
    ///
    /// # Errors
    /// When the recording cannot be read or is too short.
    pub fn prepare(plan: Plan) -> Result<Self, Problems> {
        if let Lesson::Reward(reward, method, population, deviation) = plan.lesson.clone() {
            reward.check(&plan.policy)?;
            covariance::check(&plan, method)?;
            let experiment = (reward.file().display().to_string(), hex(&Sha256::digest(reward.experiment.text())));
            let policy = plan.policy.clone();
            let worth = move |network: &Recurrent| reward.of(&Policy { network: network.clone(), ..policy.clone() });
            let source = Source::Worth(method, population, deviation, std::sync::Arc::new(worth));
            let mut trainer = Trainer::new(plan.policy.network.clone(), source, plan.schedule.clone());
            trainer.signs = signs(&plan.policy.network, plan.keep_polarity);
            return Ok(Self {
                plan,
                trainer,
                recording: Some(experiment),
                samples: [population, 0],
                test: None,
                goes_on: false,
            });
        }
        let mut test = None;
        let (examples, recording, loss) = match &plan.lesson {
            Lesson::Traces(traces) => {
                let [learned, held_back, judge] = traces.sequences();
                test = Some(judge).filter(|judge| judge.samples > 0);
                let mut hash = Sha256::new();
                for file in &traces.files {
                    hash.update(read_bytes(file)?);
                }
                let folder = traces.files[0].parent().map(|folder| folder.display().to_string());
                let origin = Some((folder.unwrap_or_default(), hex(&hash.finalize())));
                ([learned, held_back], origin, Loss::Squares { logistic: false })
            }
            Lesson::Imitation(imitation) => {
                let named = |names: &Option<Vec<String>>| names.clone().unwrap_or_default();
                let (senses, drives) = (named(&plan.policy.senses), named(&plan.policy.drives));
                let seed = plan.schedule.seed;
                let examples = imitation.sequences(&senses, &drives, plan.policy.time_unit, seed)?;
                let hash = hex(&Sha256::digest(read_bytes(&imitation.recording)?));
                let loss = Loss::Squares { logistic: plan.policy.squash == Squash::Logistic };
                (plan.parted(&examples), Some((imitation.recording.display().to_string(), hash)), loss)
            }
            Lesson::Task(Task::Sinusoid, samples, steps) => {
                let examples = task::sinusoid(*samples, *steps, plan.schedule.seed);
                (plan.parted(&examples), None, Loss::Squares { logistic: false })
            }
            Lesson::Reward(..) => ([Sequences::default(), Sequences::default()], None, Loss::CrossEntropy),
            Lesson::Task(name, samples, steps) => {
                let examples = task::xor(*samples, *steps, *name == Task::XorEvents, plan.schedule.seed);
                (plan.parted(&examples), None, Loss::CrossEntropy)
            }
        };
        let [learned, held_back] = examples;
        let samples = [learned.samples, held_back.samples];
        let mut network = plan.policy.network.clone();
        center(&mut network, &learned);
        let mut trainer = Trainer::new(network, Source::Examples(loss, learned, held_back), plan.schedule.clone());
        trainer.signs = signs(&plan.policy.network, plan.keep_polarity);
        Ok(Self { plan, trainer, recording, samples, test, goes_on: false })
    }

    /// How many epochs there are in all.
    pub fn epochs(&self) -> usize {
        self.plan.schedule.epochs
    }

    /// The epochs that are done.
    pub fn curve(&self) -> &[Epoch] {
        &self.trainer.curve
    }

    /// How many weights are trained.
    fn parameters(&self) -> usize {
        self.trainer.network.weights().len()
    }

    /// Whether every epoch is done.
    pub fn done(&self) -> bool {
        self.trainer.done()
    }

    /// What came of it, in a few lines.
    pub fn summary(&self) -> String {
        let [learned, held_back] = self.samples;
        let mut text = format!(
            "  {} weights, {}, {} of {} epochs\n",
            self.parameters(),
            if held_back > 0 {
                format!("{learned} sequences learned from and {held_back} held back")
            } else {
                format!("{learned} policies tried an epoch")
            },
            self.curve().len(),
            self.epochs()
        );
        for (name, epoch) in [("first", self.curve().first()), ("last", self.curve().last())] {
            text += &epoch.map_or(String::new(), |epoch| format!("  {name:<6} {epoch}\n"));
        }
        if let Some(loss) = self.test_loss() {
            text += &format!("  test   mean square error {loss:.6} of the weights of the best epoch\n");
        }
        for Published { what, value, source } in &self.plan.published {
            text += &format!("  published: {what}: {value} ({source})\n");
        }
        text + &format!("  {} has the weights of the best epoch\n", self.plan.file.display())
    }

    /// Mean square error of the test sequences with the weights of the best epoch, where there are any.
    fn test_loss(&self) -> Option<f64> {
        let test = self.test.as_ref()?;
        let mut network = self.trainer.network.clone();
        network.take(self.trainer.best.clone());
        Some(trainer::judge(&network, Loss::Squares { logistic: false }, test).0)
    }

    /// Learns until every epoch is done or `stop` says so after one; keeps a state every ten epochs.
    ///
    /// # Errors
    /// When the loss is no longer a number, or the system refuses.
    pub fn run(&mut self, stop: &mut dyn FnMut(&Epoch) -> bool) -> Result<(), Error> {
        if let Lesson::Reward(_, Method::Covariance, population, deviation) = self.plan.lesson {
            return self.search(population, deviation, stop);
        }
        while !self.trainer.done() {
            let epoch = self.trainer.epoch()?;
            let stopped = stop(&epoch);
            if stopped || self.trainer.done() || self.trainer.curve.len().is_multiple_of(KEEP_EVERY) {
                self.keep()?;
            }
            if stopped {
                break;
            }
        }
        Ok(())
    }

    /// Writes the policy of the best epoch, the learning curve and the state.
    fn keep(&self) -> Result<(), Error> {
        let mut policy = self.plan.policy.clone();
        policy.network.take(self.trainer.best.clone());
        write_whole(&self.plan.file, policy.to_bytes())?;
        write_whole(&self.beside("training.json"), self.result())?;
        Ok(write_whole(&self.beside("training.safetensors"), self.state())?)
    }

    /// The name of the policy's file with another ending.
    fn beside(&self, ending: &str) -> PathBuf {
        self.plan.file.with_extension(ending)
    }

    fn result(&self) -> String {
        let best = self.trainer.curve.iter().map(|epoch| epoch.validation).fold(f64::INFINITY, f64::min);
        let result = json!({
            "title": self.plan.title,
            "reproduces": self.plan.reproduces,
            "plan": self.plan.settings.text(),
            "version": env!("CARGO_PKG_VERSION"),
            "recording": self.recording.as_ref().map(|(path, hash)| json!({ "path": path, "sha256": hash })),
            "parameters": self.parameters(),
            "samples": { "learned": self.samples[0], "held_back": self.samples[1] },
            "schedule": self.plan.schedule,
            "best_validation": best,
            "test": self.test_loss(),
            "published": self.plan.published,
            "curve": self.trainer.curve,
        });
        format!("{result:#}\n")
    }

    /// All that the next epoch depends on, as a safetensors file.
    fn state(&self) -> Vec<u8> {
        let adam = &self.trainer.adam;
        let curve: Vec<f64> = self
            .trainer
            .curve
            .iter()
            .flat_map(|epoch| [epoch.loss, epoch.validation, epoch.accuracy.unwrap_or(f64::NAN)])
            .collect();
        let lists = [
            ("best", self.trainer.best.as_slice()),
            ("curve", &curve),
            ("mean", &adam.mean),
            ("square", &adam.square),
            ("weights", self.trainer.network.weights()),
        ];
        let bytes = lists.map(|(name, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, values.len(), bytes)
        });
        let views = bytes.iter().map(|(name, length, bytes)| {
            (*name, TensorView::new(Dtype::F64, vec![*length], bytes).expect("eight bytes for each number"))
        });
        let about = json!({ "plan": self.identity(), "steps": adam.steps }).to_string();
        safetensors::serialize(views, Some([("config".to_string(), about)].into())).expect("names and shapes are plain")
    }

    /// What the plan and the recording are, so that nobody goes on with another.
    fn identity(&self) -> String {
        // More epochs are the same training for longer.
        let lines = self.plan.settings.text().lines().filter(|line| !line.trim_start().starts_with("epochs"));
        let text: String = lines.collect::<Vec<&str>>().join("\n");
        hex(&Sha256::digest(format!("{text}{:?}", self.recording)))
    }

    /// Goes on from the state beside the policy, if there is one; says whether there is.
    ///
    /// # Errors
    /// When it is that of another plan, or damaged.
    pub fn go_on(&mut self) -> Result<bool, Problem> {
        if let Lesson::Reward(_, Method::Covariance, ..) = self.plan.lesson {
            self.goes_on = true;
            return Ok(self.beside("training.csv").exists());
        }
        let path = self.beside("training.safetensors");
        if !path.exists() {
            return Ok(false);
        }
        let bytes = read_bytes(&path)?;
        let damaged = || {
            Problem::new(format!("{}: not the state of a training", path.display())).help("remove it, and begin again")
        };
        let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let about = header.metadata().as_ref().and_then(|about| about.get("config")).ok_or_else(damaged)?;
        let about: serde_json::Value = serde_json::from_str(about).map_err(|_| damaged())?;
        if about["plan"] != self.identity() {
            let problem = Problem::new(format!("{}: the state of another training", path.display()));
            return Err(problem.help("the plan or the recording has changed since: begin again without --resume"));
        }
        let list = |name: &str| -> Result<Vec<f64>, Problem> {
            let tensor = file.tensor(name).map_err(|_| damaged())?;
            Ok(tensor.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
        };
        let (weights, best, mean, square) = (list("weights")?, list("best")?, list("mean")?, list("square")?);
        if [&weights, &best, &mean, &square].iter().any(|list| list.len() != self.parameters()) {
            return Err(damaged());
        }
        let epoch = |epoch: &[f64; 3]| Epoch {
            loss: epoch[0],
            validation: epoch[1],
            accuracy: (!epoch[2].is_nan()).then_some(epoch[2]),
        };
        self.trainer.curve = list("curve")?.as_chunks().0.iter().map(epoch).collect();
        self.trainer.adam.steps = about["steps"].as_u64().ok_or_else(damaged)?;
        (self.trainer.adam.mean, self.trainer.adam.square, self.trainer.best) = (mean, square, best);
        self.trainer.network.take(weights);
        Ok(true)
    }
}

/// The reversals of a policy that keeps its polarity: their places among the weights, and the sign that they begin with.
pub(crate) fn signs(network: &Recurrent, keep_polarity: bool) -> Vec<(usize, f64)> {
    let mut signs = Vec::new();
    let mut start = 0;
    for tensor in network.tensors() {
        let own = start..start + tensor.weights();
        start = own.end;
        if keep_polarity && tensor.name.ends_with("erev") {
            signs.extend(own.map(|place| (place, network.weights()[place].signum())));
        }
    }
    signs
}

/// Lets a policy begin with senses of mean 0 and deviation 1, whatever their size: the layers that read them are scaled. An
/// LTC's input map brings them to where its synapses open, mean to ½ and two deviations to one.
///
/// Synapses begin with midpoints of 0.3 to 0.8; a sense of another size would never move them. Chosen by hand; no source.
pub(crate) fn center(network: &mut Recurrent, examples: &Sequences) {
    let inputs = network.inputs();
    let count = (examples.inputs.len() / inputs.max(1)).max(1) as f64;
    let moment = |input: usize, power: i32, around: f64| -> f64 {
        examples.inputs.iter().skip(input).step_by(inputs).map(|x| (x - around).powi(power)).sum::<f64>() / count
    };
    let means: Vec<f64> = (0..inputs).map(|input| moment(input, 1, 0.0)).collect();
    let scales: Vec<f64> = (0..inputs)
        .map(|input| moment(input, 2, means[input]).sqrt())
        .map(|deviation| if deviation > 1e-9 { 1.0 / deviation } else { 1.0 })
        .collect();
    let has_backbone = network.tensors().iter().any(|tensor| tensor.name.contains("backbone"));
    let maps_inputs = network.tensors().iter().any(|tensor| tensor.name == "rnn_cell.input_w");
    let mut weights = network.weights().to_vec();
    let mut start = 0;
    // What the means of the senses would add to each row of the layer before its bias.
    let mut shifts: Vec<f64> = Vec::new();
    for tensor in network.tensors() {
        let own = &mut weights[start..start + tensor.weights()];
        start += tensor.weights();
        if maps_inputs {
            for (input, weight) in own.iter_mut().enumerate() {
                match tensor.name.as_str() {
                    "rnn_cell.input_w" => *weight = 0.5 * scales[input],
                    "rnn_cell.input_b" => *weight = 0.5 - 0.5 * scales[input] * means[input],
                    _ => {}
                }
            }
        } else if let [rows, columns] = tensor.shape[..] {
            shifts = vec![0.0; if reads_senses(&tensor.name, has_backbone) { rows } else { 0 }];
            if shifts.is_empty() {
                continue;
            }
            for (index, weight) in own.iter_mut().enumerate() {
                let place = tensor.places.as_ref().map_or(index, |places| places[index]);
                let (row, column) = (place / columns, place % columns);
                if column < inputs {
                    *weight *= scales[column];
                    shifts[row] += *weight * means[column];
                }
            }
        } else if tensor.name.ends_with("bias") || tensor.name.contains("bias_ih") {
            own.iter_mut().zip(&shifts).for_each(|(bias, shift)| *bias -= shift);
            shifts.clear();
        }
    }
    network.take(weights);
}

/// Whether the first columns of a matrix are the senses of a policy, by the names of ncps and torch.
fn reads_senses(name: &str, has_backbone: bool) -> bool {
    let name = name.trim_start_matches("rnn_cell.").trim_start_matches("layer_0.");
    let first = ["input_map.weight", "backbone.0.weight", "lstm.input_map.weight"];
    // Without a backbone the four layers of a CfC read the senses themselves.
    let of_cfc = ["ff1.weight", "ff2.weight", "time_a.weight", "time_b.weight"];
    name.starts_with("rnn.weight_ih_l0") || first.contains(&name) || (!has_backbone && of_cfc.contains(&name))
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
