//! One table of a file becomes a policy: its cell, its wiring, the names of what it feels and drives.

use serde::Deserialize;

use crate::connectome::{Source, Tables};
use crate::controller::activation::Activation;
use crate::controller::cell::Cell;
use crate::controller::cfc::{Backbone, Cfc, Mode};
use crate::controller::ctrnn::CtRnn;
use crate::controller::explicit::Solver;
use crate::controller::gru::Gru;
use crate::controller::initial;
use crate::controller::lstm::Lstm;
use crate::controller::ltc::{Ltc, Mapping, Options};
use crate::controller::policy::Policy;
use crate::controller::policy_controller::Squash;
use crate::controller::recurrent::{Readout, Recurrent};
use crate::controller::wiring::{Rule, Wiring};
use crate::error::{Problem, Problems, nearest};
use crate::names::muscle_names;
use crate::proprioception::{Sense, muscle_named};
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// The table as it stands in the file.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Where the policy goes.
    pub(crate) file: Option<String>,
    pub(crate) cell: Spanned<String>,
    /// Neurons of a cell without a wiring.
    pub(crate) units: Option<Spanned<usize>>,
    #[serde(default)]
    pub(crate) senses: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) drives: Vec<Spanned<String>>,
    pub(crate) time_unit: Option<Spanned<String>>,
    pub(crate) interval: Option<Spanned<String>>,
    #[serde(default)]
    mixed_memory: bool,
    pub(crate) squash: Option<Spanned<String>>,
    mode: Option<Spanned<String>>,
    activation: Option<Spanned<String>>,
    backbone_units: Option<usize>,
    backbone_layers: Option<usize>,
    solver: Option<Spanned<String>>,
    ode_unfolds: Option<Spanned<usize>>,
    pub(crate) wiring: Option<Spanned<Rule>>,
    pub(crate) connectome: Option<Spanned<ConnectomeFile>>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectomeFile {
    source: Spanned<String>,
    tables: String,
    #[serde(default)]
    neurons: Vec<String>,
    sensory: Vec<(String, String, i8)>,
}

/// What inputs and outputs are called.
pub(crate) enum Names {
    /// Senses of a worm, and its muscles.
    Worm,
    /// Senses, now and later.
    Forecast,
    /// Numbers, so many in and so many out.
    Numbered(usize, usize),
}

/// Takes the file apart and collects what is wrong.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) problems: Problems,
}

impl Reader<'_> {
    /// A value that is good, or a problem with its mend.
    pub(crate) fn expect<T: Copy + std::fmt::Display>(
        &mut self,
        value: &Spanned<T>,
        good: impl Fn(&T) -> bool,
        key: &str,
        mend: &str,
    ) -> T {
        if !good(value.get_ref()) {
            let problem = self.settings.problem(value.span(), format!("`{key}` is {}", value.get_ref()));
            self.problems.push(problem.help(format!("give {mend}")));
        }
        *value.get_ref()
    }

    /// What a word stands for.
    pub(crate) fn choice<T: Copy>(&mut self, word: &Spanned<String>, key: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let problem = self.settings.problem(word.span(), format!("unknown `{key}` \"{}\"", word.get_ref()));
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.problems.push(match nearest(word.get_ref(), names.iter().copied()) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                None => problem.help(format!("give one of {}", names.join(", "))),
            });
        }
        found
    }

    /// The names of inputs and outputs; a star stands for any letters.
    pub(crate) fn names(
        &mut self,
        senses: &[Spanned<String>],
        drives: &[Spanned<String>],
        names: &Names,
        place: std::ops::Range<usize>,
    ) -> (Vec<String>, Vec<String>) {
        if let Names::Numbered(inputs, outputs) = names {
            let numbered = |what: &str, count: usize| (1..=count).map(|index| format!("{what}/{index}")).collect();
            return (numbered("input", *inputs), numbered("output", *outputs));
        }
        let all: Vec<String> = Sense::all().into_iter().map(|(name, _)| name).collect();
        let felt = self.matching(senses, &all, |name| Sense::named(name).err());
        let driven = match names {
            Names::Forecast => self.matching(drives, &all, |name| Sense::named(name).err()),
            _ => self.matching(drives, &muscle_names(), |name| muscle_named(name).err()),
        };
        for (key, list) in [("senses", &felt), ("drives", &driven)] {
            if list.is_empty() && self.problems.is_empty() {
                let problem = self.settings.problem(place.clone(), format!("the policy has no `{key}`"));
                self.problems.push(problem.help("give names, such as \"curvature/*\" or \"MD*\""));
            }
        }
        (felt, driven)
    }

    fn matching(
        &mut self,
        patterns: &[Spanned<String>],
        known: &[String],
        wrong: impl Fn(&str) -> Option<Problem>,
    ) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for pattern in patterns {
            let text = pattern.get_ref();
            let found: Vec<&String> = match text.split_once('*') {
                Some((before, after)) => known
                    .iter()
                    .filter(|name| name.len() + 1 >= text.len() && name.starts_with(before) && name.ends_with(after))
                    .collect(),
                None => known.iter().filter(|name| *name == text).collect(),
            };
            if found.is_empty() {
                let unknown = || Problem::new(format!("nothing is called \"{text}\""));
                let problem = wrong(text).filter(|_| !text.contains('*')).unwrap_or_else(unknown);
                self.problems.push(problem.at(self.settings.place(pattern.span())));
            }
            for name in found {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// The policy of a table, with the weights that it begins with, and its wiring.
    pub(crate) fn policy(
        &mut self,
        file: &PolicyFile,
        senses: Vec<String>,
        drives: Vec<String>,
        seed: u64,
    ) -> Option<(Policy, Option<Wiring>)> {
        let wiring = self.wiring(file, &senses, &drives)?;
        let (inputs, outputs) = (senses.len(), drives.len());
        let solver_names = [("fused", Solver::Fused), ("euler", Solver::Euler), ("rk4", Solver::Rk4)];
        let solver = match &file.solver {
            Some(word) => Some(self.choice(word, "solver", &solver_names)?),
            None => None,
        };
        let substeps = file.ode_unfolds.as_ref().map_or(6, |substeps| {
            self.expect(substeps, |substeps| *substeps > 0, "ode_unfolds", "at least one substep")
        });
        let modes = [Mode::Default, Mode::NoGate, Mode::Pure].map(|mode| (mode.name(), mode));
        let mode = file.mode.as_ref().map_or(Some(Mode::Default), |word| self.choice(word, "mode", &modes))?;
        let activations = Activation::ALL.map(|activation| (activation.name(), activation));
        let activation = match &file.activation {
            Some(word) => self.choice(word, "activation", &activations)?,
            None => Activation::LecunTanh,
        };
        let squashes = [Squash::Clamp, Squash::Logistic].map(|squash| (squash.name(), squash));
        let squash = file.squash.as_ref().map_or(Some(Squash::Clamp), |word| self.choice(word, "squash", &squashes))?;
        let kinds = ["ltc", "cfc", "wired_cfc", "ctrnn", "gru", "lstm"].map(|kind| (kind, kind));
        let kind = self.choice(&file.cell, "cell", &kinds)?;
        let wired = matches!(kind, "ltc" | "wired_cfc");
        if wired != wiring.is_some() {
            let (what, mend) = if wired {
                ("has no wiring", "give a [policy.wiring], or for LTC a [policy.connectome]")
            } else {
                ("knows no wiring", "leave out [policy.wiring] and [policy.connectome]")
            };
            let problem = self.settings.problem(file.cell.span(), format!("a cell {kind} {what}"));
            self.problems.push(problem.help(mend));
            return None;
        }
        let units = match (&wiring, &file.units) {
            (Some(wiring), _) => wiring.units(),
            (None, Some(units)) => self.expect(units, |units| *units > 0, "units", "at least one neuron"),
            (None, None) => {
                let problem = self.settings.problem(file.cell.span(), format!("how many neurons has this {kind}?"));
                self.problems.push(problem.help("give `units`"));
                return None;
            }
        };
        let projected = || Readout::projected(0, units, outputs);
        let (cell, readout): (Box<dyn Cell>, Readout) = match (kind, &wiring) {
            ("ltc", Some(wiring)) => {
                let options = Options { substeps, solver: solver.unwrap_or_default(), ..Options::default() };
                let [mask, sensory] = wiring.masks();
                let cell = Ltc::new(options, &mask, &sensory, inputs, units);
                (Box::new(cell), Readout::neurons(0, outputs, Mapping::Affine))
            }
            ("wired_cfc", Some(wiring)) => {
                let cell = Cfc::wired(inputs, wiring.layer_masks(), mode);
                let (from, _) = cell.last_layer();
                (Box::new(cell), Readout::neurons(from, outputs, Mapping::None))
            }
            ("cfc", _) => {
                let layers = file.backbone_layers.unwrap_or(1);
                let backbone = Backbone {
                    activation,
                    units: file.backbone_units.unwrap_or(128),
                    layers: (0..layers).map(|layer| 2 * layer).collect(),
                };
                (Box::new(Cfc::new(inputs, units, mode, &backbone)), projected())
            }
            ("ctrnn", _) => {
                let solver = solver.filter(|solver| *solver != Solver::Fused).unwrap_or(Solver::Rk4);
                (Box::new(CtRnn::new(inputs, units, solver, substeps)), projected())
            }
            ("gru", _) => (Box::new(Gru::new(inputs, units)), projected()),
            _ => (Box::new(Lstm::new(inputs, units)), projected()),
        };
        let mut network = Recurrent::new(cell, file.mixed_memory, readout);
        let weights = initial::weights(&network, wiring.as_ref(), seed);
        network.take(weights);
        let settings = self.settings;
        let time_unit = file.time_unit.as_ref();
        let time_unit = time_unit.map_or(1.0, |text| settings.positive(text, Dimension::TIME, &mut self.problems));
        let interval = file.interval.as_ref();
        let interval = interval.map(|text| settings.positive(text, Dimension::TIME, &mut self.problems));
        let neurons = wiring.as_ref().and_then(|wiring| wiring.names.clone());
        let policy = Policy {
            senses: Some(senses),
            drives: Some(drives),
            neurons,
            squash,
            time_unit,
            interval,
            ..Policy::new(network)
        };
        Some((policy, wiring))
    }

    /// The wiring, if the file has one; none where it is wrong.
    fn wiring(&mut self, file: &PolicyFile, senses: &[String], drives: &[String]) -> Option<Option<Wiring>> {
        let (made, place) = match (&file.wiring, &file.connectome) {
            (None, None) => return Some(None),
            (Some(rule), None) => (rule.get_ref().wire(senses), rule.span()),
            (None, Some(part)) => {
                let rule = of_connectome(self.settings, part.get_ref(), drives);
                (rule.and_then(|rule| rule.wire(senses)), part.span())
            }
            (Some(rule), Some(_)) => (Err(Problem::new("a policy has one wiring").into()), rule.span()),
        };
        let place = self.settings.place(place);
        let at_the_wiring =
            |problem: Problem| if problem.place.is_none() { problem.at(place.clone()) } else { problem };
        match made {
            Ok(wiring) if wiring.outputs != drives.len() => {
                let (outputs, count) = (wiring.outputs, drives.len());
                let problem = Problem::new(format!("the wiring has {outputs} outputs, and the policy {count} drives"));
                self.problems.push(
                    at_the_wiring(problem).help("make them equal: `motor_neurons`, `output_size` or `output_dim`"),
                );
                None
            }
            Ok(wiring) => Some(Some(wiring)),
            Err(found) => {
                self.problems.extend(found.into_iter().map(at_the_wiring));
                None
            }
        }
    }
}

/// The worm's own synapses among some neurons, and from them to the muscles that are driven: presence from the table of
/// contacts, polarity from the transmitter (GABA inhibits). Gap junctions have no place in an LTC and are left out.
fn of_connectome(settings: &Settings, file: &ConnectomeFile, drives: &[String]) -> Result<Rule, Problems> {
    let source =
        Source::parse(file.source.get_ref()).map_err(|problem| problem.at(settings.place(file.source.span())))?;
    let tables = Tables::read(&settings.beside(&file.tables), source)?;
    let known: Vec<&str> = tables.neurons.iter().map(|neuron| neuron.name.as_str()).collect();
    let mut problems = Problems::new();
    for name in file.neurons.iter().filter(|name| !known.contains(&name.as_str())) {
        let problem = Problem::new(format!("no neuron of the name \"{name}\""));
        problems.push(match nearest(name, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean \"{near}\"?")),
            None => problem.help("names are those of models/connectome/neurons.csv"),
        });
    }
    problems.or_ok(())?;
    let chosen = |name: &String| file.neurons.is_empty() || file.neurons.contains(name);
    let inhibits = |name: &String| tables.neurons.iter().any(|neuron| neuron.name == *name && neuron.inhibits());
    let contacts = tables.chemical.iter().chain(&tables.neuromuscular);
    let synapses = contacts
        .filter(|contact| chosen(&contact.pre) && (chosen(&contact.post) || drives.contains(&contact.post)))
        .filter(|contact| !muscle_names().contains(&contact.post) || drives.contains(&contact.post))
        .map(|contact| (contact.pre.clone(), contact.post.clone(), if inhibits(&contact.pre) { -1 } else { 1 }))
        .collect();
    let neurons = tables.neurons.iter().map(|neuron| neuron.name.clone()).filter(|name| chosen(name));
    Ok(Rule::List {
        neurons: neurons.chain(drives.iter().cloned()).collect(),
        motor: drives.to_vec(),
        synapses,
        sensory: file.sensory.clone(),
    })
}
