//! `[controller]` of an experiment: a wave, a policy or a circuit, and what of a policy's inside is recorded.

use std::path::PathBuf;

use serde::Deserialize;

use crate::circuit_part::CircuitFile;
use crate::controller::Controller;
use crate::controller::policy::Policy;
use crate::controller::policy_controller::PolicyController;
use crate::controller::traveling_wave::{TravelingWave, Wave};
use crate::error::{Place, Problem, Problems, nearest};
use crate::interventions::fits;
use crate::proprioception::{Sense, muscle_named};
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// What decides; one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControllerFile {
    traveling_wave: Option<WaveFile>,
    /// Of older files: `[controller.ltc]`, with `policy`.
    #[serde(alias = "ltc")]
    policy: Option<PolicyFile>,
    circuit: Option<CircuitFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaveFile {
    frequency: Spanned<String>,
    waves: f64,
    head_amplitude: f64,
    tail_amplitude: f64,
    ramp: Spanned<String>,
    reversal: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(alias = "policy")]
    file: Spanned<String>,
    #[serde(default)]
    senses: Vec<Spanned<String>>,
    #[serde(default)]
    drives: Vec<Spanned<String>>,
}

/// The controller that a table asks for; the files that it comes from are added to `files`.
pub(crate) fn read_controller(
    settings: &Settings,
    controller: &Spanned<ControllerFile>,
    files: &mut Vec<PathBuf>,
) -> Result<Box<dyn Controller>, Problems> {
    let ControllerFile { traveling_wave, policy, circuit } = controller.get_ref();
    match (traveling_wave, policy, circuit) {
        (Some(wave), None, None) => Ok(Box::new(read_wave(settings, wave)?)),
        (None, Some(policy), None) => Ok(Box::new(read_policy(settings, policy, files)?)),
        (None, None, Some(circuit)) => Ok(Box::new(circuit.read(settings, files)?)),
        _ => {
            let problem = settings.problem(controller.span(), "a worm has one controller");
            Err(problem.help("give [controller.traveling_wave], [controller.policy] or [controller.circuit]").into())
        }
    }
}

/// The names of what these patterns say of the inside of a controller, which traces it from now on.
pub(crate) fn trace(
    settings: &Settings,
    patterns: &[Spanned<String>],
    controller: Option<&mut (dyn Controller + 'static)>,
    problems: &mut Problems,
) -> Vec<String> {
    let Some(first) = patterns.first() else { return Vec::new() };
    let Some(controller) = controller.filter(|controller| !controller.inside().is_empty()) else {
        let problem = settings.problem(first.span(), "no policy whose inside could be recorded");
        problems.push(problem.help("give [controller.policy], or leave out `policy` of [recording]"));
        return Vec::new();
    };
    let names = controller.inside();
    let mut chosen = Vec::new();
    for pattern in patterns {
        let fitting = (0..names.len()).filter(|place| fits(pattern.get_ref(), &names[*place]));
        let before = chosen.len();
        chosen.extend(fitting.filter(|place| !chosen.contains(place)).collect::<Vec<usize>>());
        if chosen.len() == before && !names.iter().any(|name| fits(pattern.get_ref(), name)) {
            let message = format!("the policy has no neuron or synapse \"{}\"", pattern.get_ref());
            let near = nearest(pattern.get_ref(), names.iter().map(String::as_str));
            problems.push(settings.problem(pattern.span(), message).help(match near {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("one is \"{}\"; a star at the end stands for any letters", names[0]),
            }));
        }
    }
    controller.trace(&chosen);
    chosen.into_iter().map(|place| names[place].clone()).collect()
}

fn read_wave(settings: &Settings, file: &WaveFile) -> Result<TravelingWave, Problems> {
    let mut problems = Problems::new();
    let wave = Wave {
        frequency: settings.positive(&file.frequency, Dimension::PER_TIME, &mut problems),
        waves: file.waves,
        head_amplitude: file.head_amplitude,
        tail_amplitude: file.tail_amplitude,
        phase: 0.0,
        ramp: settings.not_negative(&file.ramp, Dimension::TIME, &mut problems),
        reversal: file.reversal.as_ref().map(|time| settings.positive(time, Dimension::TIME, &mut problems)),
    };
    problems.or_ok(())?;
    let at_the_wave = |problem: Problem| problem.at(settings.place(file.frequency.span()));
    TravelingWave::new(wave).map_err(|found| collect(found.into_iter().map(at_the_wave)))
}

fn read_policy(settings: &Settings, file: &PolicyFile, files: &mut Vec<PathBuf>) -> Result<PolicyController, Problems> {
    let path = settings.beside(file.file.get_ref());
    let policy_place = settings.place(file.file.span());
    let names = |list: &[Spanned<String>]| list.iter().map(|name| name.get_ref().clone()).collect();
    let controller = Policy::read(&path)
        .and_then(|policy| Ok(policy.controller(names(&file.senses), names(&file.drives))?))
        .map_err(|found| placed(found, &policy_place))?;
    files.push(path);
    // Names that the policy's own file gives are the fault of the line that names that file.
    let place_of = |list: &[Spanned<String>], wrong: &str| {
        list.iter()
            .find(|name| name.get_ref() == wrong)
            .map_or(policy_place.clone(), |name| settings.place(name.span()))
    };
    let unknown_sense = |name: &String| Some(Sense::named(name).err()?.at(place_of(&file.senses, name)));
    let unknown_drive = |name: &String| Some(muscle_named(name).err()?.at(place_of(&file.drives, name)));
    let senses = controller.senses().iter().filter_map(unknown_sense);
    collect(senses.chain(controller.drives().iter().filter_map(unknown_drive))).or_ok(())?;
    Ok(controller)
}

/// Problems of a file that could not be read get the place that names the file.
pub(crate) fn placed(found: Problems, place: &Place) -> Problems {
    collect(found.into_iter().map(|problem| if problem.place.is_none() { problem.at(place.clone()) } else { problem }))
}

fn collect(problems: impl Iterator<Item = Problem>) -> Problems {
    let mut all = Problems::new();
    all.extend(problems);
    all
}
