//! Reads who feels which stretch of the body: `[senses]` of an experiment, and the map that it names.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Place, Problem, Problems, nearest};
use crate::proprioception::Feeling;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// A stretch receptor on one neuron.
#[derive(Debug, Clone, PartialEq)]
pub struct Receptor {
    /// Whose it is.
    pub neuron: Spanned<String>,
    /// The file that names it.
    pub map: Settings,
    /// Whether it feels the back.
    pub dorsal: bool,
    /// Where its field begins and ends, from the place that it lies around, as a fraction of body length towards the tail.
    pub field: [f64; 2],
    /// Which place that is.
    pub around: Around,
    /// How it feels a muscle's strain.
    pub feeling: Feeling,
    /// What turns stretch into a current.
    pub transducer: Transducer,
    /// Where the worm's head and tail are on the y axis of the network's file [m]; its first and last neuron if absent.
    pub span: Option<[f64; 2]>,
}

/// The place from which a field is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Around {
    /// That of the neuron's soma.
    #[default]
    Soma,
    /// The middle of the muscles that it has synapses on, weighed by them: up to a third of the body behind the soma.
    Muscles,
}

/// Neurons that feel a touch.
#[derive(Debug, Clone, PartialEq)]
pub struct Touch {
    /// Who.
    pub neurons: Vec<Spanned<String>>,
    /// Where they feel it: from and to, 0 head … 1 tail.
    pub field: [f64; 2],
    /// The file that names them.
    pub map: Settings,
}

/// What turns stretch into a current of a neuron.
#[derive(Debug, Clone, PartialEq)]
pub enum Transducer {
    /// A `stretchReceptor` with this current per strain and this largest one [A], put on the neuron.
    Added {
        /// Current per strain [A].
        gain: f64,
        /// Largest current [A].
        saturation: f64,
    },
    /// One that the network has on the neuron, by the id of its component, and where it is named.
    Named(String, Place),
}

/// `[senses]` of an experiment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensesFile {
    map: Spanned<String>,
    gain: Option<Spanned<String>>,
    saturation: Option<Spanned<String>>,
    receptor: Option<Spanned<String>>,
    head: Option<Spanned<String>>,
    tail: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SensesMap {
    #[serde(default)]
    stretch: Vec<StretchFile>,
    #[serde(default)]
    touch: Vec<TouchFile>,
    // A circuit's file may hold the map of its senses; what else it has is read by connectome/circuit.rs.
    #[serde(rename = "title")]
    _title: Option<IgnoredAny>,
    #[serde(rename = "source")]
    _source: Option<IgnoredAny>,
    #[serde(rename = "tables")]
    _tables: Option<IgnoredAny>,
    #[serde(rename = "cells")]
    _cells: Option<IgnoredAny>,
    #[serde(rename = "synapses")]
    _synapses: Option<IgnoredAny>,
    #[serde(rename = "gaps")]
    _gaps: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StretchFile {
    neurons: Vec<Spanned<String>>,
    side: Spanned<String>,
    from: f64,
    to: Spanned<f64>,
    #[serde(default)]
    around: Around,
    #[serde(default)]
    feels: FeelsFile,
    /// Instead of those of `[senses]`.
    gain: Option<Spanned<String>>,
    saturation: Option<Spanned<String>>,
    #[serde(default = "one")]
    when_longer: f64,
    #[serde(default = "one")]
    when_shorter: f64,
    #[serde(default)]
    relative_to_width: bool,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum FeelsFile {
    #[default]
    Strain,
    Bending,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TouchFile {
    neurons: Vec<Spanned<String>>,
    from: f64,
    to: f64,
}

fn one() -> f64 {
    1.0
}

impl SensesFile {
    /// The name of the map's file.
    pub fn map(&self) -> &Spanned<String> {
        &self.map
    }

    fn transducer(&self, settings: &Settings, problems: &mut Problems) -> Option<Transducer> {
        match (&self.receptor, &self.gain, &self.saturation) {
            (None, Some(gain), Some(saturation)) => Some(Transducer::Added {
                gain: settings.quantity(gain, Dimension::CURRENT, problems),
                saturation: settings.positive(saturation, Dimension::CURRENT, problems),
            }),
            (Some(name), None, None) => Some(Transducer::Named(name.get_ref().clone(), settings.place(name.span()))),
            _ => {
                let message = "[senses] needs either `gain` and `saturation`, or `receptor`";
                let problem = settings.problem(self.map.span(), message);
                problems.push(problem.help("`receptor` is the id of a stretch receptor that the network's file has"));
                None
            }
        }
    }

    fn span(&self, settings: &Settings, problems: &mut Problems) -> Option<[f64; 2]> {
        let (head, tail) = match (&self.head, &self.tail) {
            (Some(head), Some(tail)) => (head, tail),
            (None, None) => return None,
            (Some(lonely), None) | (None, Some(lonely)) => {
                let problem = settings.problem(lonely.span(), "`head` and `tail` stand together, or neither");
                problems
                    .push(problem.help("give both, or leave out both where the first and last neuron are the ends"));
                return None;
            }
        };
        let span = [head, tail].map(|text| settings.quantity(text, Dimension::LENGTH, problems));
        if span[0] >= span[1] {
            let problem = settings.problem(tail.span(), "the tail is not behind the head");
            problems.push(problem.help("y grows towards the tail in the network's file"));
        }
        Some(span)
    }

    /// The receptors that the map names, and who feels touch.
    pub fn read(&self, settings: &Settings, problems: &mut Problems) -> (Vec<Receptor>, Vec<Touch>) {
        let transducer = self.transducer(settings, problems);
        let span = self.span(settings, problems);
        let map = settings.open_beside(self.map.get_ref());
        let read = map.and_then(|map| Ok((map.parse::<SensesMap>()?, map)));
        let (file, map) = match read {
            Ok(read) => read,
            Err(problem) => {
                let placed =
                    if problem.place.is_none() { problem.at(settings.place(self.map.span())) } else { problem };
                problems.push(placed);
                return Default::default();
            }
        };
        let touches = file.touch.into_iter().map(|touch| Touch {
            neurons: touch.neurons,
            field: [touch.from, touch.to],
            map: map.clone(),
        });
        let touches = touches.collect();
        let mut receptors = Vec::new();
        for stretch in &file.stretch {
            let Some(dorsal) = side(&stretch.side, &map, problems) else { continue };
            if stretch.from.partial_cmp(stretch.to.get_ref()) != Some(std::cmp::Ordering::Less) {
                let message =
                    format!("the field ends at {} before it begins at {}", stretch.to.get_ref(), stretch.from);
                problems
                    .push(map.problem(stretch.to.span(), message).help("let `to` lie nearer to the tail than `from`"));
            }
            let Some(mut transducer) = transducer.clone() else { continue };
            match (&mut transducer, &stretch.gain, &stretch.saturation) {
                (Transducer::Added { gain, saturation }, own_gain, own_saturation) => {
                    if let Some(text) = own_gain {
                        *gain = map.quantity(text, Dimension::CURRENT, problems);
                    }
                    if let Some(text) = own_saturation {
                        *saturation = map.positive(text, Dimension::CURRENT, problems);
                    }
                }
                (Transducer::Named(..), Some(own), _) | (Transducer::Named(..), None, Some(own)) => {
                    let problem = map.problem(own.span(), "these receptors are components of the network's own file");
                    problems.push(problem.help("leave out `gain` and `saturation`, or `receptor` in [senses]"));
                }
                (Transducer::Named(..), None, None) => {}
            }
            receptors.extend(stretch.neurons.iter().map(|neuron| Receptor {
                neuron: neuron.clone(),
                map: map.clone(),
                dorsal,
                field: [stretch.from, *stretch.to.get_ref()],
                around: stretch.around,
                feeling: Feeling {
                    when_longer: stretch.when_longer,
                    when_shorter: stretch.when_shorter,
                    relative_to_width: stretch.relative_to_width,
                    bending: stretch.feels == FeelsFile::Bending,
                },
                transducer: transducer.clone(),
                span,
            }));
        }
        (receptors, touches)
    }
}

fn side(side: &Spanned<String>, map: &Settings, problems: &mut Problems) -> Option<bool> {
    match side.get_ref().as_str() {
        "dorsal" => Some(true),
        "ventral" => Some(false),
        other => {
            let problem: Problem = map.problem(side.span(), format!("unknown side \"{other}\""));
            problems.push(match nearest(other, ["dorsal", "ventral"]) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help("a side is \"dorsal\" or \"ventral\""),
            });
            None
        }
    }
}
