//! The nervous system of an experiment: its network is loaded or made from a circuit, gets the experiment's stimuli and
//! receptors, and is compiled.

use crate::connectome;
use crate::error::{Error, Place, Problem, Problems, nearest};
use crate::experiment::{Drive, Experiment, NetworkPart};
use crate::interventions;
use crate::names::{MUSCLE_ROWS, muscle_place};
use crate::network::{Network, Options, Port, Probe};
use crate::neuroml::model::{Input, Model, Population, ProjectionKind};
use crate::proprioception::{ReceptiveField, Widths};
use crate::receptors::{Around, Transducer};
use crate::recording;
use crate::settings::{Settings, quantity};
use crate::worm::Nerve;

/// The cells of the network that are recorded.
pub struct Cells {
    pub neurons: Vec<String>,
    pub muscles: Vec<String>,
    pub neuron_probes: Vec<Probe>,
    pub muscle_probes: Vec<Probe>,
    /// Whether there are cells whose V is a number, without a unit.
    pub numbers: bool,
    /// Of each population: whether it is a muscle, and its place among the recorded ones.
    pub places: Vec<(recording::Population, u64)>,
}

/// Makes the connectome's network file where it is missing and its source is known.
pub fn make_missing(part: &NetworkPart, tell: &dyn Fn(&str)) -> Result<(), Error> {
    let Some(source) = part.source.filter(|_| part.circuit.is_none() && !part.file.exists()) else { return Ok(()) };
    let neuroml = part.file.parent().and_then(|built| built.parent()).unwrap_or(std::path::Path::new("neuroml"));
    let tables = neuroml.parent().unwrap_or(std::path::Path::new("")).join("models/connectome");
    tell(&format!("making {} from the tables of {}", part.file.display(), source.name()));
    let folder = part.file.parent().unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| {
        Problem::new(format!("{}: cannot make the folder: {source}", folder.display()))
            .help("name a network file in a folder that you may write to")
    })?;
    connectome::build(&tables, source, &neuroml.join("cells.nml"), &part.file)?;
    Ok(())
}

/// Loads the network, adds stimuli and receptors, compiles it.
pub fn build_nerve(experiment: &Experiment, part: &NetworkPart) -> Result<(Nerve, Cells), Problems> {
    let mut model = match &part.circuit {
        Some(circuit) => Model::from_text(&part.file.with_extension("net.nml"), &circuit.network()?)?,
        None => Model::load(&part.file)?,
    };
    let mut problems = Problems::new();
    let settings = &experiment.settings;
    change_components(&mut model, part, settings, &mut problems);
    let find = |model: &Model, name: &str, place: Place, problems: &mut Problems| {
        let found = model.populations().iter().position(|population| population.id == name);
        if found.is_none() {
            let problem = Problem::new(format!("no neuron of the name \"{name}\"")).at(place);
            let names = model.populations().iter().map(|population| population.id.as_str());
            problems.push(match nearest(name, names) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help(format!("the network is {}", part.file.display())),
            });
        }
        found
    };
    for (number, stimulus) in part.stimuli.iter().enumerate() {
        let id = format!("stimulus_{number}");
        model.add_component(&format!(
            "<pulseGenerator id=\"{id}\" delay=\"{:e} s\" duration=\"{:e} s\" amplitude=\"{:e} A\"/>",
            stimulus.from, stimulus.duration, stimulus.current
        ))?;
        for neuron in &stimulus.neurons {
            let place = settings.place(neuron.span());
            if find(&model, neuron.get_ref(), place, &mut problems).is_some() {
                model.attach_input(&id, neuron.get_ref(), 0, 1.0)?;
            }
        }
    }
    let span = body_span(&model);
    tap(&mut model, experiment, part, &mut problems)?;
    let mut fields = Vec::new();
    let anatomy = &experiment.anatomy;
    let widths = Widths { relative: anatomy.relative_widths(), slenderness: anatomy.slenderness() };
    for receptor in &part.receptors {
        let place = receptor.map.place(receptor.neuron.span());
        let Some(population) = find(&model, receptor.neuron.get_ref(), place, &mut problems) else { continue };
        let id = match &receptor.transducer {
            Transducer::Added { gain, saturation } => {
                let id = receptor_id(&fields, receptor.neuron.get_ref());
                model.add_component(&format!(
                    "<stretchReceptor id=\"{id}\" gain=\"{gain:e} A\" saturation=\"{saturation:e} A\"/>"
                ))?;
                model.attach_input(&id, receptor.neuron.get_ref(), 0, 1.0)?;
                id
            }
            Transducer::Named(id, place) => {
                if model.network.inputs.iter().any(|input| input.population == population && input.component == *id) {
                    id.clone()
                } else {
                    let message = format!("{} has no receptor \"{id}\"", receptor.neuron.get_ref());
                    let help = format!("put an <input> of that component on it in {}", part.file.display());
                    problems.push(Problem::new(message).at(place.clone()).help(help));
                    continue;
                }
            }
        };
        let own = match receptor.around {
            Around::Soma => place_along(&model, population, receptor.span.unwrap_or(span)),
            Around::Muscles => middle_of_muscles(&model, population).unwrap_or_else(|| {
                let message = format!("{} has no synapse on a muscle", receptor.neuron.get_ref());
                let place = receptor.map.place(receptor.neuron.span());
                problems.push(Problem::new(message).at(place).help("leave out `around`, or say around = \"soma\""));
                0.0
            }),
        };
        let field = receptor.field.map(|end| own + end);
        let field = ReceptiveField::new(receptor.dorsal, field, receptor.feeling, &widths);
        fields.push((format!("{}/0/{id}/stretch", receptor.neuron.get_ref()), field));
    }
    ablate(&mut model, experiment, &mut problems);
    problems.or_ok(())?;
    // A receptor of a neuron that was taken away feels nothing.
    fields.retain(|(path, _)| model.network.inputs.iter().any(|input| path.starts_with(&own_path(&model, input))));
    let network = Network::compile(&model, &Options { dt: part.dt, ..Options::default() })?;
    let receptors: Result<Vec<(Port, ReceptiveField)>, Problem> =
        fields.into_iter().map(|(path, field)| Ok((network.port(&path)?, field))).collect();
    let substeps = (experiment.step / part.dt).round() as usize;
    let cells = Cells::of(&model, &network)?;
    let drive = match &part.drive {
        Drive::Calcium(full) => ("caConc", [0.0, *full]),
        Drive::Potential(range) => ("v", *range),
        Drive::Variable(variable) => {
            check_drive(&network, variable.get_ref()).map_err(|problem| problem.at(settings.place(variable.span())))?;
            (variable.get_ref().as_str(), [0.0, 1.0])
        }
    };
    Ok((Nerve::new(network, substeps, drive, receptors?), cells))
}

/// The id of one more receptor of a neuron: `stretch_DB1`, `stretch_DB1_2` … as it feels one or more parts of the body.
fn receptor_id(fields: &[(String, ReceptiveField)], neuron: &str) -> String {
    let others = fields.iter().filter(|(path, _)| path.split('/').next() == Some(neuron)).count();
    if others == 0 { format!("stretch_{neuron}") } else { format!("stretch_{neuron}_{}", others + 1) }
}

/// Gives components of the network's file the numbers that the experiment has for them.
fn change_components(model: &mut Model, part: &NetworkPart, settings: &Settings, problems: &mut Problems) {
    for (id, parameters) in &part.components {
        for (name, value) in parameters {
            let place = settings.place(value.span());
            let Some(component) = model.components.get_mut(id) else {
                let problem = Problem::new(format!("the network has no component \"{id}\"")).at(place);
                problems.push(match nearest(id, model.components.keys().map(String::as_str)) {
                    Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                    None => problem.help(format!("the network is {}", part.file.display())),
                });
                continue;
            };
            let known = &model.vocabulary.types[&component.type_name].parameters;
            let Some(parameter) = known.iter().find(|parameter| parameter.name == *name && !parameter.fixed) else {
                let message = format!("\"{id}\", a {}, has no parameter `{name}`", component.type_name);
                let problem = Problem::new(message).at(place);
                problems.push(match nearest(name, known.iter().map(|parameter| parameter.name.as_str())) {
                    Some(known) => problem.help(format!("did you mean `{known}`?")),
                    None => problem,
                });
                continue;
            };
            match (quantity(value.get_ref()), parameter.dimension) {
                (Ok((value, found, _)), dimension) if dimension.is_none_or(|dimension| dimension == found) => {
                    component.parameters.insert(name.clone(), value);
                }
                (Ok((_, found, _)), dimension) => {
                    let wanted = dimension.map_or(String::new(), |dimension| format!("{dimension}, "));
                    problems.push(Problem::new(format!("`{name}` of \"{id}\" is {wanted}found {found}")).at(place));
                }
                (Err(problem), _) => problems.push(problem.at(place)),
            }
        }
    }
}

/// The path of an input on its cell.
fn own_path(model: &Model, input: &Input) -> String {
    format!("{}/{}/{}/", model.populations()[input.population].id, input.cell, input.component)
}

/// Gives every neuron that feels a tap its current.
fn tap(
    model: &mut Model,
    experiment: &Experiment,
    part: &NetworkPart,
    problems: &mut Problems,
) -> Result<(), Problems> {
    for (number, tap) in experiment.taps.iter().enumerate() {
        let id = format!("tap_{number}");
        model.add_component(&format!(
            "<pulseGenerator id=\"{id}\" delay=\"{:e} s\" duration=\"{:e} s\" amplitude=\"{:e} A\"/>",
            tap.at, tap.duration, tap.current
        ))?;
        let mut felt = 0;
        for touch in &part.touches {
            if tap.place.is_some_and(|place| !(touch.field[0]..=touch.field[1]).contains(&place)) {
                continue;
            }
            for neuron in &touch.neurons {
                let known = model.populations().iter().map(|population| population.id.as_str());
                match model.population_index(neuron.get_ref()) {
                    Ok(_) => drop(model.attach_input(&id, neuron.get_ref(), 0, 1.0)?),
                    Err(_) => problems
                        .push(interventions::unknown(neuron.get_ref(), known).at(touch.map.place(neuron.span()))),
                }
                felt += 1;
            }
        }
        if felt == 0 {
            let problem = experiment.settings.problem(tap.span.clone(), "no neuron feels this tap");
            problems
                .push(problem.help("name the neurons that feel touch, and where, as [[touch]] in the map of senses"));
        }
    }
    Ok(())
}

/// Takes contacts away: those of ablated cells, and those that are named.
fn ablate(model: &mut Model, experiment: &Experiment, problems: &mut Problems) {
    let (settings, ablations) = (&experiment.settings, &experiment.ablations);
    let mut malformed = Problems::new();
    let populations = &model.network.populations;
    let class = |population: &Population| {
        population.properties.iter().find(|(tag, _)| tag == "class").map(|(_, class)| class.clone()).unwrap_or_default()
    };
    let classes: Vec<String> = populations.iter().map(class).collect();
    let known = || populations.iter().map(|population| &population.id).chain(&classes).map(String::as_str);
    let mut named = |name: &str, place: Place| -> Vec<usize> {
        let all = populations.iter().zip(&classes).enumerate();
        let fitting: Vec<usize> = all
            .filter(|(_, (population, class))| {
                interventions::fits(name, &population.id) || (!class.is_empty() && interventions::fits(name, class))
            })
            .map(|(at, _)| at)
            .collect();
        if fitting.is_empty() {
            problems.push(interventions::unknown(name, known().filter(|name| !name.is_empty())).at(place));
        }
        fitting
    };
    let gone: Vec<usize> =
        ablations.neurons.iter().flat_map(|name| named(name.get_ref(), settings.place(name.span()))).collect();
    let mut cut = Vec::new();
    let pairs = ablations.synapses.iter().map(|text| (text, '>'));
    for (text, sign) in pairs.chain(ablations.gap_junctions.iter().map(|text| (text, '-'))) {
        let place = settings.place(text.span());
        match interventions::ends(text.get_ref(), sign) {
            Ok([a, b]) => {
                let ends = [named(a, place.clone()), named(b, place.clone())];
                cut.push((text.get_ref(), place, sign == '-', ends));
            }
            Err(problem) => malformed.push(problem.at(place)),
        }
    }
    let mut found = vec![false; cut.len()];
    model.network.projections.retain(|projection| {
        let electrical = projection.kind == ProjectionKind::Electrical;
        let mut stays = !gone.contains(&projection.pre) && !gone.contains(&projection.post);
        for ((.., gap, [from, to]), found) in cut.iter().zip(&mut found) {
            let along = from.contains(&projection.pre) && to.contains(&projection.post);
            let back = from.contains(&projection.post) && to.contains(&projection.pre);
            if *gap == electrical && (along || (*gap && back)) {
                *found = true;
                stays = false;
            }
        }
        stays
    });
    model.network.inputs.retain(|input| !gone.contains(&input.population));
    for ((text, place, gap, [from, to]), found) in cut.iter().zip(found) {
        if !found && !from.is_empty() && !to.is_empty() {
            let what = if *gap { "gap junction" } else { "synapse" };
            let problem = Problem::new(format!("there is no {what} \"{text}\"")).at(place.clone());
            malformed.push(problem.help("a synapse is written \"from > to\", a gap junction \"one - other\""));
        }
    }
    problems.extend(malformed);
}

/// Every muscle of the network must have the variable that is to drive it.
fn check_drive(network: &Network, variable: &str) -> Result<(), Problem> {
    let mut muscles = network.populations().iter().filter(|cells| muscle_place(&cells.id).is_some());
    muscles.try_for_each(|cells| network.probe(&format!("{}/0/{variable}", cells.id)).map(drop))
}

/// Where the network's neurons begin (the head) and end along the body axis [m], y in the files.
fn body_span(model: &Model) -> [f64; 2] {
    let ys = model
        .populations()
        .iter()
        .filter(|population| muscle_place(&population.id).is_none())
        .filter_map(|population| population.positions.first().map(|position| position[1]));
    ys.fold([f64::INFINITY, f64::NEG_INFINITY], |[head, tail], y| [head.min(y), tail.max(y)])
}

/// A cell's place along the body: 0 head … 1 tail; the middle where the file has no positions.
fn place_along(model: &Model, population: usize, [head, tail]: [f64; 2]) -> f64 {
    let y = model.populations()[population].positions.first().map(|position| position[1]);
    y.filter(|_| tail > head).map_or(0.5, |y| (y - head) / (tail - head))
}

/// The middle of the muscles that a cell has chemical synapses on, weighed by them, 0 head … 1 tail.
fn middle_of_muscles(model: &Model, population: usize) -> Option<f64> {
    let (mut places, mut weights) = (0.0, 0.0);
    for projection in model.network.projections.iter().filter(|projection| projection.pre == population) {
        let muscle = muscle_place(&model.populations()[projection.post].id);
        if let Some((_, row)) = muscle.filter(|_| projection.kind != ProjectionKind::Electrical) {
            let weight: f64 = projection.connections.iter().map(|connection| connection.weight.unwrap_or(1.0)).sum();
            places += weight * (row as f64 - 0.5) / MUSCLE_ROWS as f64;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| places / weights)
}

impl Cells {
    fn of(model: &Model, network: &Network) -> Result<Self, Problem> {
        let mut cells = Self {
            neurons: Vec::new(),
            muscles: Vec::new(),
            neuron_probes: Vec::new(),
            muscle_probes: Vec::new(),
            numbers: false,
            places: Vec::new(),
        };
        for population in model.populations() {
            let muscle = muscle_place(&population.id).is_some();
            // A cell without units has a V that is a number.
            let number = network.probe(&format!("{}/0/V", population.id));
            let probe = network.probe(&format!("{}/0/v", population.id)).or_else(|problem| {
                cells.numbers |= number.is_ok();
                number.map_err(|_| problem)
            })?;
            let (names, probes, kind) = if muscle {
                (&mut cells.muscles, &mut cells.muscle_probes, recording::Population::Muscles)
            } else {
                (&mut cells.neurons, &mut cells.neuron_probes, recording::Population::Neurons)
            };
            cells.places.push((kind, names.len() as u64));
            names.push(population.id.clone());
            probes.push(probe);
        }
        Ok(cells)
    }
}
