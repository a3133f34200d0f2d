//! Who speaks to whom: which synapses a cell has, and their polarity.
//!
//! Rules make wirings from a seed. They draw the same numbers in the same order as ncps, so the same seed makes the same
//! synapses; neurons are numbered as there, motor neurons first, then command, then inter. A list names every synapse itself.
//! Only presence and polarity come of a wiring: presence is a mask that no training changes, polarity (+1 or −1) is where the
//! reversal of a synapse begins.
//!
//! Source: Lechner et al. 2020, doi:10.1038/s42256-020-00237-3, algorithm in the methods (NCP); ncps 1.0.1, wirings.py (the
//! rest and every default). Not as there: a wiring is built once and for itself, so a second layer with it adds no synapse.

use serde::{Deserialize, Serialize};

use super::numpy_random::{Choose, MersenneTwister, Pcg64};
use crate::error::{Problem, Problems, nearest};

/// How synapses are chosen. The keys are the arguments of ncps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Rule {
    /// Every neuron speaks to every neuron, two of three synapses excite.
    #[serde(alias = "fully_connected")]
    FullyConnected {
        /// How many neurons.
        units: usize,
        /// How many of them are read; all if missing.
        output_dim: Option<usize>,
        /// Seed of the polarities.
        #[serde(default = "default_seed")]
        erev_init_seed: u64,
        /// Whether a neuron speaks to itself.
        #[serde(default = "yes")]
        self_connections: bool,
    },
    /// A share of all synapses.
    #[serde(alias = "random")]
    Random {
        /// How many neurons.
        units: usize,
        /// How many of them are read; all if missing.
        output_dim: Option<usize>,
        /// Share of synapses that are not there, below 1.
        #[serde(default)]
        sparsity_level: f64,
        /// Seed.
        #[serde(default = "default_seed")]
        random_seed: u64,
    },
    /// Senses to inter to command to motor neurons.
    #[serde(rename = "NCP", alias = "ncp")]
    Ncp {
        /// How many inter neurons.
        inter_neurons: usize,
        /// How many command neurons.
        command_neurons: usize,
        /// How many motor neurons, which are read.
        motor_neurons: usize,
        /// Synapses from each sense to inter neurons.
        sensory_fanout: usize,
        /// Synapses from each inter neuron to command neurons.
        inter_fanout: usize,
        /// Draws of a synapse among command neurons; the same may be drawn twice.
        recurrent_command_synapses: usize,
        /// Synapses from command neurons to each motor neuron.
        motor_fanin: usize,
        /// Seed.
        #[serde(default = "ncp_seed")]
        seed: u32,
    },
    /// An NCP from two numbers.
    #[serde(rename = "AutoNCP", alias = "auto_ncp")]
    AutoNcp {
        /// How many neurons.
        units: usize,
        /// How many of them are motor neurons, below `units` − 2.
        output_size: usize,
        /// 0.1 (dense) to 1.
        #[serde(default = "half")]
        sparsity_level: f64,
        /// Seed.
        #[serde(default = "ncp_seed")]
        seed: u32,
    },
    /// Every synapse by the names of its ends, and +1 or -1.
    #[serde(rename = "list")]
    List {
        /// Names of the neurons.
        neurons: Vec<String>,
        /// Those that are read, in order.
        motor: Vec<String>,
        /// From neuron to neuron.
        synapses: Vec<(String, String, i8)>,
        /// From sense to neuron.
        sensory: Vec<(String, String, i8)>,
    },
}

fn default_seed() -> u64 {
    1111
}

fn ncp_seed() -> u32 {
    22_222
}

fn half() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}

/// Synapses, chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    /// How many senses.
    pub senses: usize,
    /// How many neurons are read, the first ones.
    pub outputs: usize,
    /// Layers in the order in which signals pass, each with its neurons.
    pub layers: Vec<Vec<usize>>,
    /// Polarity of the synapse from neuron to neuron, row-major (units, units); 0 where there is none.
    pub synapses: Vec<i8>,
    /// The same from sense to neuron, (senses, units).
    pub sensory: Vec<i8>,
    /// Names of the neurons, if they have any.
    pub names: Option<Vec<String>>,
}

impl Wiring {
    /// Neurons that are read first, no synapse yet.
    pub fn empty(senses: usize, units: usize, outputs: usize) -> Self {
        let (synapses, sensory) = (vec![0; units * units], vec![0; senses * units]);
        Self { senses, outputs, layers: vec![(0..units).collect()], synapses, sensory, names: None }
    }

    /// How many neurons.
    pub fn units(&self) -> usize {
        self.layers.iter().map(Vec::len).sum()
    }

    /// Adds a synapse from neuron to neuron, or changes its polarity.
    pub fn connect(&mut self, source: usize, target: usize, polarity: i8) {
        let units = self.units();
        self.synapses[source * units + target] = polarity;
    }

    /// The same from a sense.
    pub fn feel(&mut self, sense: usize, target: usize, polarity: i8) {
        let units = self.units();
        self.sensory[sense * units + target] = polarity;
    }

    /// Where there are synapses between neurons, and from senses: 1 or 0.
    pub fn masks(&self) -> [Vec<f64>; 2] {
        [&self.synapses, &self.sensory].map(|all| all.iter().map(|polarity| f64::from(polarity.abs())).collect())
    }

    /// Per layer of a wired CfC its number of neurons and its mask, row-major (neurons, layer before + neurons).
    pub fn layer_masks(&self) -> Vec<(usize, Vec<f64>)> {
        let units = self.units();
        let mut before: Option<&Vec<usize>> = None;
        let mut masks = Vec::new();
        for layer in &self.layers {
            let mut mask = Vec::new();
            for target in layer {
                let present = |polarity: i8| f64::from(polarity.abs());
                match before {
                    None => mask.extend((0..self.senses).map(|sense| present(self.sensory[sense * units + target]))),
                    Some(sources) => {
                        mask.extend(sources.iter().map(|source| present(self.synapses[source * units + target])));
                    }
                }
                mask.extend(layer.iter().map(|_| 1.0));
            }
            masks.push((layer.len(), mask));
            before = Some(layer);
        }
        masks
    }
}

impl Rule {
    /// The wiring of a cell with these senses.
    ///
    /// # Errors
    /// Every number that cannot be, and every name that does not exist.
    pub fn wire(&self, senses: &[String]) -> Result<Wiring, Problems> {
        self.check(senses)?;
        let inputs = senses.len();
        match self {
            Self::FullyConnected { units, output_dim, erev_init_seed, self_connections } => {
                let mut wiring = Wiring::empty(inputs, *units, output_dim.unwrap_or(*units));
                let mut chance = Pcg64::new(*erev_init_seed);
                for source in 0..*units {
                    for target in (0..*units).filter(|target| *self_connections || source != *target) {
                        wiring.connect(source, target, MOSTLY_EXCITE[chance.one(3)]);
                    }
                }
                for sense in 0..inputs {
                    for target in 0..*units {
                        wiring.feel(sense, target, MOSTLY_EXCITE[chance.one(3)]);
                    }
                }
                Ok(wiring)
            }
            Self::Random { units, output_dim, sparsity_level, random_seed } => {
                let mut wiring = Wiring::empty(inputs, *units, output_dim.unwrap_or(*units));
                let mut chance = Pcg64::new(*random_seed);
                let share = |all: usize| (all as f64 * (1.0 - sparsity_level)).round_ties_even() as usize;
                for place in chance.some(units * units, share(units * units)) {
                    wiring.synapses[place] = MOSTLY_EXCITE[chance.one(3)];
                }
                for place in chance.some(inputs * units, share(inputs * units)) {
                    // ncps draws the polarity of a sense twice, and the second holds.
                    chance.one(3);
                    wiring.sensory[place] = MOSTLY_EXCITE[chance.one(3)];
                }
                Ok(wiring)
            }
            Self::Ncp { .. } => Ok(self.policy(inputs)),
            Self::AutoNcp { .. } => self.plain().wire(senses),
            Self::List { neurons, motor, synapses, sensory } => list(senses, neurons, motor, synapses, sensory),
        }
    }

    /// An NCP with its numbers written out; itself else.
    fn plain(&self) -> Self {
        let Self::AutoNcp { units, output_size, sparsity_level, seed } = self else { return self.clone() };
        let density = 1.0 - sparsity_level;
        let others = units - output_size;
        let command_neurons = ((0.4 * others as f64) as usize).max(1);
        let inter_neurons = others - command_neurons;
        let share = |neurons: usize, factor: f64| ((neurons as f64 * density * factor) as usize).max(1);
        Self::Ncp {
            inter_neurons,
            command_neurons,
            motor_neurons: *output_size,
            sensory_fanout: share(inter_neurons, 1.0),
            inter_fanout: share(command_neurons, 1.0),
            recurrent_command_synapses: share(command_neurons, 2.0),
            motor_fanin: share(command_neurons, 1.0),
            seed: *seed,
        }
    }

    fn policy(&self, senses: usize) -> Wiring {
        let Self::Ncp {
            inter_neurons,
            command_neurons,
            motor_neurons,
            sensory_fanout,
            inter_fanout,
            recurrent_command_synapses,
            motor_fanin,
            seed,
        } = *self
        else {
            return Wiring::empty(senses, 0, 0);
        };
        let mut wiring = Wiring::empty(senses, inter_neurons + command_neurons + motor_neurons, motor_neurons);
        let motor: Vec<usize> = (0..motor_neurons).collect();
        let command: Vec<usize> = (motor_neurons..motor_neurons + command_neurons).collect();
        let inter: Vec<usize> = (motor_neurons + command_neurons..wiring.units()).collect();
        let mut chance = MersenneTwister::new(seed);
        let every: Vec<usize> = (0..senses).collect();
        let most = senses;
        fan_out(&mut chance, &every, &inter, sensory_fanout, most, |sense, target, polarity| {
            wiring.feel(sense, target, polarity);
        });
        // At most as many as there are command neurons, as in ncps.
        fan_out(&mut chance, &inter, &command, inter_fanout, command_neurons, |source, target, polarity| {
            wiring.connect(source, target, polarity);
        });
        for _ in 0..recurrent_command_synapses {
            let [source, target] = [0, 1].map(|_| command[chance.one(command_neurons)]);
            wiring.connect(source, target, EITHER[chance.one(2)]);
        }
        fan_out(&mut chance, &motor, &command, motor_fanin, motor_neurons, |target, source, polarity| {
            wiring.connect(source, target, polarity);
        });
        wiring.layers = vec![inter, command, motor];
        wiring
    }

    /// Every number that cannot be.
    fn check(&self, senses: &[String]) -> Result<(), Problems> {
        let mut problems = Problems::new();
        let mut expect = |good: bool, what: String, mend: &str| {
            if !good {
                problems.push(Problem::new(what).help(mend));
            }
        };
        expect(!senses.is_empty(), "a wiring without senses".into(), "name at least one sense");
        match self {
            Self::FullyConnected { units, output_dim, .. } | Self::Random { units, output_dim, .. } => {
                expect(*units > 0, "`units` is 0".into(), "give at least one neuron");
                let outputs = output_dim.unwrap_or(*units);
                expect(
                    outputs <= *units,
                    format!("`output_dim` is {outputs} of {units} neurons"),
                    "read no more than all",
                );
                if let Self::Random { sparsity_level, .. } = self {
                    let good = (0.0..1.0).contains(sparsity_level);
                    expect(good, format!("`sparsity_level` is {sparsity_level}"), "give a share from 0 to below 1");
                }
            }
            Self::Ncp { inter_neurons, command_neurons, motor_neurons, .. } => {
                for (name, count) in [
                    ("inter_neurons", inter_neurons),
                    ("command_neurons", command_neurons),
                    ("motor_neurons", motor_neurons),
                ] {
                    expect(*count > 0, format!("`{name}` is 0"), "give every layer a neuron");
                }
                self.check_fans(&mut expect);
            }
            Self::AutoNcp { units, output_size, sparsity_level, .. } => {
                let good = *output_size > 0 && output_size + 2 < *units;
                let what = format!("`output_size` is {output_size} of {units} units");
                expect(good, what, "give at least one, and less than `units` - 2");
                let good = (0.1..=1.0).contains(sparsity_level);
                expect(good, format!("`sparsity_level` is {sparsity_level}"), "give a share from 0.1 to 1");
            }
            Self::List { .. } => {}
        }
        problems.or_ok(())
    }

    fn check_fans(&self, expect: &mut impl FnMut(bool, String, &str)) {
        let Self::Ncp { inter_neurons, command_neurons, sensory_fanout, inter_fanout, motor_fanin, .. } = self else {
            return;
        };
        for (name, fan, layer, neurons) in [
            ("sensory_fanout", sensory_fanout, "inter", inter_neurons),
            ("inter_fanout", inter_fanout, "command", command_neurons),
            ("motor_fanin", motor_fanin, "command", command_neurons),
        ] {
            let what = format!("`{name}` is {fan}, and there are {neurons} {layer} neurons");
            expect(fan <= neurons, what, "a synapse of each pair is there once: give no more than there are neurons");
        }
    }
}

/// Two of three synapses excite.
const MOSTLY_EXCITE: [i8; 3] = [-1, 1, 1];
/// One of two.
const EITHER: [i8; 2] = [-1, 1];

/// From each of `hubs` to `fan` of `rim`; those of the rim that nobody chose get the mean number of hubs, at least one and at
/// most `most`.
fn fan_out(
    chance: &mut impl Choose,
    hubs: &[usize],
    rim: &[usize],
    fan: usize,
    most: usize,
    mut join: impl FnMut(usize, usize, i8),
) {
    let mut left = rim.to_vec();
    for hub in hubs {
        for index in chance.some(rim.len(), fan) {
            left.retain(|neuron| *neuron != rim[index]);
            join(*hub, rim[index], EITHER[chance.one(2)]);
        }
    }
    let mean = (hubs.len() as f64 * fan as f64 / rim.len() as f64) as usize;
    for neuron in left {
        for index in chance.some(hubs.len(), mean.min(most).max(1)) {
            join(hubs[index], neuron, EITHER[chance.one(2)]);
        }
    }
}

/// A wiring from names; motor neurons come first, as everywhere.
fn list(
    senses: &[String],
    neurons: &[String],
    motor: &[String],
    synapses: &[(String, String, i8)],
    sensory: &[(String, String, i8)],
) -> Result<Wiring, Problems> {
    let mut problems = Problems::new();
    let names: Vec<String> = motor.iter().chain(neurons.iter().filter(|name| !motor.contains(name))).cloned().collect();
    let mut find = |known: &[String], what: &str, name: &str| {
        known.iter().position(|known| known == name).or_else(|| {
            let problem = Problem::new(format!("unknown {what} \"{name}\""));
            problems.push(match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                None => problem.help(format!("name it among the {what}s first")),
            });
            None
        })
    };
    for name in motor {
        find(neurons, "neuron", name);
    }
    let mut wiring = Wiring::empty(senses.len(), names.len(), motor.len());
    let mut wrong = Vec::new();
    for (from_sense, list) in [(false, synapses), (true, sensory)] {
        for (source, target, polarity) in list {
            let source_index = if from_sense { find(senses, "sense", source) } else { find(&names, "neuron", source) };
            let target_index = find(&names, "neuron", target);
            if !matches!(polarity, -1 | 1) {
                wrong.push(
                    Problem::new(format!("the synapse {source} -> {target} has the polarity {polarity}"))
                        .help("give 1 or -1"),
                );
            }
            match (source_index, target_index) {
                (Some(source), Some(target)) if from_sense => wiring.feel(source, target, *polarity),
                (Some(source), Some(target)) => wiring.connect(source, target, *polarity),
                _ => {}
            }
        }
    }
    problems.extend(wrong);
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            problems.push(Problem::new(format!("the neuron \"{name}\" is named twice")).help("name each once"));
        }
    }
    wiring.names = Some(names);
    problems.or_ok(wiring)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn senses(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("sense {index}")).collect()
    }

    #[test]
    fn numbers_that_cannot_be_are_told_all_at_once() {
        let rule = Rule::Ncp {
            inter_neurons: 2,
            command_neurons: 0,
            motor_neurons: 1,
            sensory_fanout: 3,
            inter_fanout: 0,
            recurrent_command_synapses: 0,
            motor_fanin: 0,
            seed: 1,
        };
        let text = rule.wire(&[]).expect_err("three problems").to_string();
        for part in ["without senses", "`command_neurons` is 0", "`sensory_fanout` is 3, and there are 2 inter neurons"]
        {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_list_is_wired_by_name() {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<String>>();
        let synapse = |source: &str, target: &str, polarity| (source.to_string(), target.to_string(), polarity);
        let rule = |target: &str| Rule::List {
            neurons: names(&["AVAL", "DB01", "VD01"]),
            motor: names(&["VD01"]),
            synapses: vec![synapse("AVAL", target, 1), synapse("DB01", "VD01", -1)],
            sensory: vec![synapse("sense 1", "AVAL", 1)],
        };
        let wiring = rule("DB01").wire(&senses(2)).expect("a wiring");
        assert_eq!(wiring.names.as_deref(), Some(names(&["VD01", "AVAL", "DB01"]).as_slice()));
        assert_eq!(wiring.synapses, [0, 0, 0, 0, 0, 1, -1, 0, 0]);
        assert_eq!(wiring.sensory, [0, 0, 0, 0, 1, 0]);
        let text = rule("DB02").wire(&senses(2)).expect_err("no DB02").to_string();
        assert!(text.contains("unknown neuron \"DB02\"\n  help: did you mean \"DB01\"?"), "{text}");
    }

    #[test]
    fn a_wiring_made_twice_is_the_same() {
        let rule = Rule::AutoNcp { units: 28, output_size: 4, sparsity_level: 0.5, seed: 22_222 };
        assert_eq!(rule.wire(&senses(20)), rule.wire(&senses(20)));
    }
}
