//! Components: a type with its numbers, in SI units, and its children.
//!
//! `<iafCell id="a" thresh="-55 mV" …/>` (NeuroML) and `<Component id="a" type="iafCell" …/>` (LEMS) are one thing.
//! An element inside a component fills the child place of its name, or else the first place whose type it is of;
//! a `type` attribute wins over both.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079.

use std::collections::BTreeMap;

use crate::error::{Place, Problem, Problems, nearest};
use crate::neuroml::component_type::{ComponentType, Vocabulary, nearest_type};
use crate::neuroml::xml::Element;

/// Attributes that every component may carry and that mean nothing to a simulation.
const MUTE_ATTRIBUTES: &[&str] = &["id", "type", "metaid", "neuroLexId", "name"];

/// Elements that people leave as notes inside components.
const MUTE_ELEMENTS: &[&str] = &["notes", "annotation", "property", "About", "Meta"];

/// A component with SI numbers.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its name; empty where it has none.
    pub id: String,
    /// Its type, which the vocabulary knows.
    pub type_name: String,
    /// Values of parameters [SI], defaults filled in.
    pub parameters: BTreeMap<String, f64>,
    /// Values of text attributes.
    pub texts: BTreeMap<String, String>,
    /// Ids of other components that attributes name, by attribute.
    pub references: BTreeMap<String, String>,
    /// The place that it fills and the component, in the order of the file.
    pub children: Vec<(String, Component)>,
    /// Where it stands.
    pub place: Place,
}

impl Component {
    /// The text or the printed parameter of that name, for filters like `[ion='ca']`.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let number = self.parameters.get(name).map(f64::to_string);
        let known = self.texts.get(name).or_else(|| self.references.get(name));
        known.cloned().or(number).or_else(|| (name == "id").then(|| self.id.clone()))
    }
}

/// Reads a component that stands by itself.
pub fn read(element: &Element, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<Component> {
    let type_name = if element.name == "Component" { element.get("type") } else { None };
    let type_name = type_name.unwrap_or(&element.name);
    let type_name = explicit_type(element, vocabulary).unwrap_or(type_name);
    read_as(element, type_name, vocabulary, problems)
}

/// The type that an attribute `type` names, if it is one.
fn explicit_type<'e>(element: &'e Element, vocabulary: &Vocabulary) -> Option<&'e str> {
    element.get("type").filter(|name| vocabulary.types.contains_key(*name))
}

fn read_as(element: &Element, type_name: &str, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<Component> {
    let Some(component_type) = vocabulary.types.get(type_name) else {
        let place = if element.name == type_name { element.place() } else { element.place_of_value("type") };
        let problem = Problem::new(format!("unknown component type \"{type_name}\"")).at(place);
        problems.push(match nearest_type(type_name, &vocabulary.types) {
            Some(known) => problem.help(format!("did you mean \"{known}\"?")),
            None => problem.help("is an include missing? The core types come with Cells.xml, Synapses.xml, Inputs.xml"),
        });
        return None;
    };
    let mut component = Component {
        id: element.get("id").unwrap_or_default().to_string(),
        type_name: type_name.to_string(),
        parameters: BTreeMap::new(),
        texts: BTreeMap::new(),
        references: BTreeMap::new(),
        children: Vec::new(),
        place: element.place(),
    };
    read_attributes(&mut component, element, component_type, vocabulary, problems);
    for child in &element.children {
        read_child(&mut component, child, component_type, vocabulary, problems);
    }
    Some(component)
}

fn read_attributes(
    component: &mut Component,
    element: &Element,
    component_type: &ComponentType,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) {
    for attribute in &element.attributes {
        let name = &attribute.name;
        if let Some(parameter) = component_type.parameters.iter().find(|parameter| &parameter.name == name) {
            let read = match parameter.dimension {
                Some(dimension) => vocabulary.units.parse_as(&attribute.value, dimension),
                None => vocabulary.units.parse(&attribute.value).map(|quantity| quantity.value),
            };
            match read {
                _ if parameter.fixed => problems.push(
                    Problem::new(format!("`{name}` is fixed by the type \"{}\"", component_type.name))
                        .at(element.place_of(attribute.at)),
                ),
                Ok(value) => {
                    component.parameters.insert(name.clone(), value);
                }
                Err(mut problem) => {
                    problem.message = format!("`{name}`: {}", problem.message);
                    problems.push(problem.at(element.place_of(attribute.value_at)));
                }
            }
        } else if component_type.references.iter().any(|(reference, _)| reference == name) {
            component.references.insert(name.clone(), attribute.value.clone());
        } else if component_type.texts.contains(name) {
            component.texts.insert(name.clone(), attribute.value.clone());
        } else if !MUTE_ATTRIBUTES.contains(&name.as_str()) {
            problems.push(unknown_attribute(element, name, component_type));
        }
    }
    for parameter in &component_type.parameters {
        if component.parameters.contains_key(&parameter.name) || element.get(&parameter.name).is_some() {
            continue;
        }
        match parameter.default {
            Some(value) => {
                component.parameters.insert(parameter.name.clone(), value);
            }
            None => {
                let what = parameter.dimension.map_or("a quantity".to_string(), |dimension| dimension.to_string());
                problems.push(
                    Problem::new(format!("<{}> needs `{}`, {what}", element.name, parameter.name))
                        .at(element.place())
                        .help(format!("add {}=\"…\"", parameter.name)),
                );
            }
        }
    }
}

fn unknown_attribute(element: &Element, name: &str, component_type: &ComponentType) -> Problem {
    let place = element.attribute(name).map_or(element.place(), |attribute| element.place_of(attribute.at));
    let problem = Problem::new(format!("\"{}\" has no attribute `{name}`", component_type.name)).at(place);
    let parameters = component_type.parameters.iter().map(|parameter| parameter.name.as_str());
    let references = component_type.references.iter().map(|(name, _)| name.as_str());
    let known: Vec<&str> =
        parameters.chain(references).chain(component_type.texts.iter().map(String::as_str)).collect();
    match nearest(name, known.iter().copied()) {
        Some(known) => problem.help(format!("did you mean `{known}`?")),
        None => problem.help(format!("it has {}", known.join(", "))),
    }
}

fn read_child(
    component: &mut Component,
    element: &Element,
    parent: &ComponentType,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) {
    let wanted = parent.slots.iter().any(|slot| slot.type_name == element.name);
    if MUTE_ELEMENTS.contains(&element.name.as_str()) && !wanted {
        return;
    }
    let by_name = parent.slots.iter().find(|slot| slot.name == element.name);
    let type_name = match (explicit_type(element, vocabulary), by_name) {
        (Some(explicit), _) => explicit,
        (None, Some(slot)) => element.get("type").unwrap_or(&slot.type_name),
        (None, None) if element.name == "Component" => element.get("type").unwrap_or_default(),
        (None, None) => &element.name,
    };
    let known_type = vocabulary.types.get(type_name);
    let slot = by_name.or_else(|| {
        let fits = |name: &str| known_type.is_some_and(|known| known.is(name));
        parent.slots.iter().find(|slot| fits(&slot.type_name))
    });
    if let (Some(_), None) = (known_type, slot) {
        problems.push(
            Problem::new(format!("\"{}\" has no place for a <{}>", parent.name, element.name)).at(element.place()),
        );
        return;
    }
    let Some(child) = read_as(element, type_name, vocabulary, problems) else { return };
    let Some(slot) = slot else { return };
    let twins = component.children.iter().filter(|(name, _)| *name == slot.name);
    for (_, twin) in twins {
        let message = if !slot.many {
            format!("a second <{}>: \"{}\" takes one", element.name, parent.name)
        } else if !child.id.is_empty() && twin.id == child.id {
            format!("a second <{}> with the id \"{}\"", element.name, child.id)
        } else {
            continue;
        };
        problems.push(Problem::new(message).at(element.place()).help(format!("the first is at {}", twin.place)));
        return;
    }
    component.children.push((slot.name.clone(), child));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::neuroml::{document, xml};

    fn read_one(text: &str) -> (Option<Component>, Problems) {
        let core = document::from_text(Path::new("core.nml"), "<neuroml/>").expect("the core reads");
        let (vocabulary, mut problems) = Vocabulary::read(&core);
        let element = xml::parse(Path::new("c.nml"), text).expect("XML");
        (read(&element, &vocabulary, &mut problems), problems)
    }

    #[test]
    fn a_component_becomes_si_numbers_with_defaults_in_both_ways_of_writing() {
        for text in [
            "<pulseGenerator id='p' delay='50 ms' duration='1s' amplitude='5pA'/>",
            "<Component id='p' type='pulseGenerator' delay='50 ms' duration='1s' amplitude='5pA'/>",
        ] {
            let (component, problems) = read_one(text);
            assert!(problems.is_empty(), "{problems}");
            let component = component.expect("a component");
            assert_eq!(component.parameters["delay"], 0.05);
            assert_eq!(component.parameters["weight"], 1.0);
        }
    }

    #[test]
    fn a_child_finds_its_place_by_name_by_type_and_by_attribute() {
        let (component, problems) = read_one(
            "<ionChannelHH id='c'><gateHHtauInf id='m' instances='3'><timeCourse type='fixedTimeCourse' tau='1ms'/>\
             <steadyState type='HHSigmoidVariable' rate='1' midpoint='0mV' scale='1mV'/></gateHHtauInf></ionChannelHH>",
        );
        assert!(problems.is_empty(), "{problems}");
        let (slot, gate) = &component.expect("a channel").children[0];
        assert_eq!((slot.as_str(), gate.children[1].1.type_name.as_str()), ("gates", "HHSigmoidVariable"));
    }

    #[test]
    fn wrong_numbers_names_and_absences_are_all_told_at_once() {
        let (_, problems) = read_one("<pulseGenerator id='p' delay='50 mV' duratoin='1s' amplitude='5pQ'/>");
        let text = problems.to_string();
        assert_eq!(problems.len(), 4, "{text}");
        assert!(text.contains("c.nml:1:31: `delay`: expected a time (s), found \"50 mV\", a voltage (V)"), "{text}");
        assert!(text.contains("did you mean `duration`?"), "{text}");
        assert!(text.contains("unknown unit \"pQ\""), "{text}");
        assert!(text.contains("needs `duration`, a time (s)"), "{text}");
        let (_, problems) = read_one("<pulseGenerater id='p'/>");
        assert!(problems.to_string().contains("did you mean \"pulseGenerator\"?"), "{problems}");
    }
}
