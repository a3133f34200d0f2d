//! What an experiment does to its worm: cells and contacts that are taken away, a stretch of body that is held, a medium
//! that changes, a tap. Each is a table of the experiment's file.

use serde::Deserialize;

use crate::body::medium::Medium;
use crate::error::{Problem, Problems, nearest};
use crate::proprioception::muscle_named;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;
use crate::worm::{Change, Clamp, Happening};

/// `[ablate]`: what is taken away before the run begins.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablations {
    /// Neurons or classes; `DB*` is every cell whose name begins like this. They stay in the recording, at rest.
    #[serde(default)]
    pub neurons: Vec<Spanned<String>>,
    /// Muscles, which no longer pull.
    #[serde(default)]
    pub muscles: Vec<Spanned<String>>,
    /// "AVB > DB1": chemical synapses from the one to the other.
    #[serde(default)]
    pub synapses: Vec<Spanned<String>>,
    /// "AVB - DB1": gap junctions between the two.
    #[serde(default)]
    pub gap_junctions: Vec<Spanned<String>>,
}

/// A touch: a sense of controllers, and a short current into the neurons that feel it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// When [s].
    pub at: f64,
    /// Where along the body it is felt, 0 head … 1 tail; everywhere if the plate is tapped.
    pub place: Option<f64>,
    /// What a neuron that feels it gets [A]; 0 where there are no neurons.
    pub current: f64,
    /// For how long [s].
    pub duration: f64,
    /// The table in the experiment's file.
    pub span: std::ops::Range<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClampFile {
    part: Spanned<[f64; 2]>,
    curvature: Spanned<String>,
    from: Spanned<String>,
    duration: Spanned<String>,
}

impl ClampFile {
    /// A problem with this clamp.
    pub(crate) fn problem(&self, settings: &Settings, message: &str) -> Problem {
        settings.problem(self.part.span(), message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeFile {
    at: Spanned<String>,
    medium: Spanned<String>,
    mixture: Option<Spanned<f64>>,
    viscosity: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TapFile {
    at: Spanned<String>,
    place: Option<Spanned<f64>>,
    current: Option<Spanned<String>>,
    duration: Spanned<String>,
}

/// The clamps of an experiment.
pub(crate) fn read_clamps(files: &[ClampFile], settings: &Settings, problems: &mut Problems) -> Vec<Happening> {
    let read = |file: &ClampFile| {
        let [head, tail] = *file.part.get_ref();
        if !(0.0 <= head && head < tail && tail <= 1.0) {
            let problem = settings.problem(file.part.span(), format!("the worm has no part from {head} to {tail}"));
            problems.push(problem.help("give two places along the body, 0 head to 1 tail: part = [0.4, 0.6]"));
        }
        let per_length = Dimension::NONE.over(Dimension::LENGTH);
        let curvature = settings.quantity(&file.curvature, per_length, problems);
        let from = settings.not_negative(&file.from, Dimension::TIME, problems);
        let duration = settings.positive(&file.duration, Dimension::TIME, problems);
        Happening { from, until: from + duration, change: Change::Clamp(Clamp { part: [head, tail], curvature }) }
    };
    files.iter().map(read).collect()
}

/// The changes of medium of an experiment, each of which lasts to its end.
pub(crate) fn read_changes(files: &[ChangeFile], settings: &Settings, problems: &mut Problems) -> Vec<Happening> {
    let mut happenings = Vec::new();
    for file in files {
        let at = settings.not_negative(&file.at, Dimension::TIME, problems);
        let read = settings.open_beside(file.medium.get_ref()).map_err(Problems::from);
        let place = settings.place(file.medium.span());
        let mut medium = match read.and_then(|settings| Medium::read(&settings)) {
            Ok(medium) => medium,
            Err(found) => {
                problems.extend(
                    found
                        .into_iter()
                        .map(|problem| if problem.place.is_none() { problem.at(place.clone()) } else { problem }),
                );
                continue;
            }
        };
        change_medium(&mut medium, settings, file.mixture.as_ref(), file.viscosity.as_ref(), problems);
        if medium.normal_drag <= 0.0 || medium.tangential_drag <= 0.0 || medium.floor.is_some() || medium.gravity > 0.0
        {
            let problem = settings.problem(file.medium.span(), format!("a run can't change to {}", medium.name));
            problems.push(problem.help("give a medium of [resistive] drag alone"));
        }
        let drag = Change::Drag([medium.normal_drag, medium.tangential_drag]);
        happenings.push(Happening { from: at, until: f64::INFINITY, change: drag });
    }
    happenings
}

/// A medium in the mixture and with the viscosity that the experiment asks for.
pub(crate) fn change_medium(
    medium: &mut Medium,
    settings: &Settings,
    mixture: Option<&Spanned<f64>>,
    viscosity: Option<&Spanned<String>>,
    problems: &mut Problems,
) {
    if let Some(mixture) = mixture
        && let Err(problem) = medium.mix(*mixture.get_ref())
    {
        problems.push(problem.at(settings.place(mixture.span())));
    }
    if let Some(text) = viscosity {
        let viscosity = settings.positive(text, Dimension::VISCOSITY, problems);
        if let Err(problem) = medium.set_viscosity(viscosity) {
            problems.push(problem.at(settings.place(text.span())));
        }
    }
}

/// The taps of an experiment.
pub(crate) fn read_taps(
    files: &[Spanned<TapFile>],
    has_network: bool,
    settings: &Settings,
    problems: &mut Problems,
) -> Vec<Tap> {
    let read = |spanned: &Spanned<TapFile>| {
        let file = spanned.get_ref();
        if let Some(place) = &file.place
            && !(0.0..=1.0).contains(place.get_ref())
        {
            let message = format!("{} is not a place along the body", place.get_ref());
            problems
                .push(settings.problem(place.span(), message).help("give a place from 0, the head, to 1, the tail"));
        }
        let current = match &file.current {
            Some(current) => settings.quantity(current, Dimension::CURRENT, problems),
            None if has_network => {
                let problem = settings.problem(spanned.span(), "a tap without a `current`");
                problems.push(problem.help("say what a neuron that feels it gets: current = \"20 pA\""));
                0.0
            }
            None => 0.0,
        };
        Tap {
            at: settings.not_negative(&file.at, Dimension::TIME, problems),
            place: file.place.as_ref().map(|place| *place.get_ref()),
            current,
            duration: settings.positive(&file.duration, Dimension::TIME, problems),
            span: spanned.span(),
        }
    };
    files.iter().map(read).collect()
}

impl Tap {
    /// What it is to the body: a controller may feel it.
    pub(crate) fn happening(&self) -> Happening {
        Happening { from: self.at, until: self.at + self.duration, change: Change::Touch(self.place) }
    }
}

impl Ablations {
    /// The muscles that no longer pull, by number; an unknown one becomes a problem.
    pub fn muscles(&self, settings: &Settings, problems: &mut Problems) -> Vec<usize> {
        let known = crate::names::muscle_names();
        let mut all = Vec::new();
        for name in &self.muscles {
            let place = settings.place(name.span());
            if name.get_ref().contains('*') {
                let fitting: Vec<usize> = known
                    .iter()
                    .enumerate()
                    .filter(|(_, known)| fits(name.get_ref(), known))
                    .map(|(at, _)| at)
                    .collect();
                if fitting.is_empty() {
                    let problem = Problem::new(format!("no muscle is called \"{}\"", name.get_ref())).at(place);
                    problems.push(problem.help("muscles are MDL01 to MVR24: \"MD*\" is all of the back"));
                }
                all.extend(fitting);
            } else {
                match muscle_named(name.get_ref()) {
                    Ok(muscle) => all.push(muscle),
                    Err(problem) => problems.push(problem.at(place)),
                }
            }
        }
        all
    }
}

/// Whether a name is what a pattern says: itself, or what begins like it where it ends with a star.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The two ends of "AVB > DB1" or, with another sign, "AVB - DB1".
pub(crate) fn ends(text: &str, sign: char) -> Result<[&str; 2], Problem> {
    let ends = text.split_once(sign).map(|(a, b)| [a.trim(), b.trim()]);
    ends.filter(|ends| ends.iter().all(|end| !end.is_empty())).ok_or_else(|| {
        let problem = Problem::new(format!("\"{text}\" does not name two cells"));
        problem.help(format!("write \"AVB {sign} DB1\""))
    })
}

/// That no cell has a name, with the nearest that one has.
pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
    let problem = Problem::new(format!("no neuron or class is called \"{name}\""));
    match nearest(name, known) {
        Some(near) => problem.help(format!("did you mean \"{near}\"?")),
        None => problem.help("name a neuron, a class, or the beginning of names with a star: \"DB*\""),
    }
}
