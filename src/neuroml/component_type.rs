//! ComponentTypes: what a cell, a channel or a synapse *is*, as data; inheritance resolved, dimensions checked.
//!
//! A type inherits parameters, exposures, requirements, children, ports and structure from the type that it extends;
//! its own member of the same name wins. Its own `Dynamics`, if it has any, stand in the place of the inherited
//! ones as a whole, as in jLEMS, unless they begin with `<Super/>`: then they are added to the inherited ones. (jLEMS
//! does not inherit `Structure`; here a type that has none of its own keeps the inherited one.) Every equation is parsed here, and its dimension compared with the one declared.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Place, Problem, Problems, nearest};
use crate::neuroml::document::Document;
use crate::neuroml::dynamics::{AnyDimension, Assignment, Derived, Dynamics, Formula, Value};
use crate::neuroml::grammar;
use crate::neuroml::xml::Element;
use crate::units::{Dimension, Unit, UnitTable};

/// A number that a component gives.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub dimension: AnyDimension,
    /// Its value [SI] where a component gives none.
    pub default: Option<f64>,
    /// Whether components may give it; a `Fixed` value is given by the type.
    pub fixed: bool,
}

/// A place for child components.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The name by which paths reach it.
    pub name: String,
    /// The type that fits.
    pub type_name: String,
    /// Whether it holds many.
    pub many: bool,
}

/// One type, with all that it inherits.
#[derive(Debug, Clone, Default)]
pub struct ComponentType {
    /// Its name.
    pub name: String,
    /// Itself and all types that it extends, nearest first.
    pub lineage: Vec<String>,
    /// Parameters, properties and fixed values.
    pub parameters: Vec<Parameter>,
    /// Parameters that follow from others.
    pub derived_parameters: Vec<Derived>,
    /// Constants: name, value [SI], dimension.
    pub constants: Vec<(String, f64, Dimension)>,
    /// What others may read: name and dimension.
    pub exposures: Vec<(String, AnyDimension)>,
    /// What an enclosing component must offer: name and dimension.
    pub requirements: Vec<(String, AnyDimension)>,
    /// Other cells that a connection must bring ("peer").
    pub instance_requirements: Vec<String>,
    /// Places for children.
    pub slots: Vec<Slot>,
    /// Attributes that name another component: name and type.
    pub references: Vec<(String, String)>,
    /// Attributes that hold text (also paths and links).
    pub texts: Vec<String>,
    /// Places where connections attach synapses and inputs.
    pub attachments: Vec<Slot>,
    /// Event ports: name and whether events go out.
    pub ports: Vec<(String, bool)>,
    /// References that become children of every instance (`Structure/ChildInstance`).
    pub child_instances: Vec<String>,
    /// Event connections inside a component (`Structure/With … EventConnection`), as elements.
    pub structure: Option<Element>,
    /// How it changes in time.
    pub dynamics: Option<Dynamics>,
    place: Option<Place>,
}

impl ComponentType {
    /// Whether it is `name` or extends it.
    pub fn is(&self, name: &str) -> bool {
        self.lineage.iter().any(|ancestor| ancestor == name)
    }
}

/// All that the files define apart from components: dimensions, units, types.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// Dimensions by name.
    pub dimensions: BTreeMap<String, Dimension>,
    /// The units that a text may use.
    pub units: UnitTable,
    /// Types by name, inheritance resolved.
    pub types: BTreeMap<String, ComponentType>,
}

/// The elements that define; every other element of a document is a component.
pub const DEFINITIONS: &[&str] = &["Dimension", "Unit", "ComponentType", "Constant", "Target", "Assertion", "notes"];

impl Vocabulary {
    /// Reads the definitions of a document.
    ///
    /// # Errors
    /// All problems: unknown dimensions, units and types, cyclic inheritance, faulty or inconsistent equations.
    pub fn read(document: &Document) -> (Self, Problems) {
        let mut vocabulary = Self::default();
        let mut problems = Problems::new();
        for element in &document.elements {
            if matches!(element.name.as_str(), "ComponentType" | "Dimension" | "Unit" | "Constant") {
                grammar::check(element, &mut problems);
            }
        }
        let named = |name: &'static str| document.elements.iter().filter(move |element| element.name == name);
        vocabulary.dimensions.insert("none".to_string(), Dimension::NONE);
        for element in named("Dimension") {
            vocabulary.read_dimension(element, &mut problems);
        }
        for element in named("Unit") {
            vocabulary.read_unit(element, &mut problems);
        }
        let mut raw: BTreeMap<&str, &Element> = BTreeMap::new();
        for element in named("ComponentType") {
            let Some(name) = element.get("name") else {
                problems.push(Problem::new("a ComponentType without `name`").at(element.place()));
                continue;
            };
            if let Some(first) = raw.insert(name, element) {
                problems.push(
                    Problem::new(format!("ComponentType \"{name}\" is defined twice"))
                        .at(element.place())
                        .help(format!("the other definition is at {}", first.place())),
                );
            }
        }
        let names: Vec<&str> = raw.keys().copied().collect();
        for name in names {
            vocabulary.resolve(name, &raw, &mut Vec::new(), &mut problems);
        }
        for element in named("Constant") {
            vocabulary.read_constant(element, &mut problems);
        }
        for component_type in vocabulary.types.values() {
            vocabulary.check(component_type, &mut problems);
        }
        (vocabulary, problems)
    }

    fn read_dimension(&mut self, element: &Element, problems: &mut Problems) {
        let mut powers = [0; 7];
        for attribute in &element.attributes {
            let Some(index) = ["m", "l", "t", "i", "k", "n", "j"].iter().position(|base| *base == attribute.name)
            else {
                continue;
            };
            match attribute.value.trim().parse() {
                Ok(power) => powers[index] = power,
                Err(_) => problems.push(
                    Problem::new(format!("a power of a dimension is a whole number, found \"{}\"", attribute.value))
                        .at(element.place_of(attribute.value_at)),
                ),
            }
        }
        if let Some(name) = element.get("name") {
            self.dimensions.insert(name.to_string(), Dimension::from_powers(powers));
        }
    }

    fn read_unit(&mut self, element: &Element, problems: &mut Problems) {
        let number =
            |name: &str, default: f64| element.get(name).map_or(Some(default), |text| text.trim().parse().ok());
        let dimension = self.dimension(element, problems);
        let (power, scale, offset) = (number("power", 0.0), number("scale", 1.0), number("offset", 0.0));
        match (element.get("symbol"), dimension, power, scale, offset) {
            (Some(symbol), Some(dimension), Some(power), Some(scale), Some(offset)) => {
                // A power of ten is read from text, so that 10^-3 is the nearest number to it.
                let factor: f64 = format!("1e{power}").parse().unwrap_or(f64::NAN);
                self.units.define(symbol, Unit { dimension, scale: factor * scale, offset });
            }
            _ => problems.push(
                Problem::new("a Unit needs `symbol`, `dimension` and numbers for `power`, `scale`, `offset`")
                    .at(element.place()),
            ),
        }
    }

    /// A constant beside the types is known in all of them, unless a type has its own of that name.
    fn read_constant(&mut self, element: &Element, problems: &mut Problems) {
        let dimension = self.dimension(element, problems);
        let name = element.get("name").or(element.get("symbol")).unwrap_or_default();
        let Some(value) = self.quantity(element, "value", dimension, problems) else { return };
        for known in self.types.values_mut().filter(|known| known.constants.iter().all(|(own, ..)| own != name)) {
            known.constants.push((name.to_string(), value, dimension.unwrap_or(Dimension::NONE)));
        }
    }

    /// The dimension that an element names; `None` for "*" (any) and where it names none that is known.
    pub fn dimension(&self, element: &Element, problems: &mut Problems) -> AnyDimension {
        let name = element.get("dimension").unwrap_or("none").trim();
        if name == "*" {
            return None;
        }
        let known = self.dimensions.get(name).copied();
        if known.is_none() {
            let mut problem =
                Problem::new(format!("unknown dimension \"{name}\"")).at(element.place_of_value("dimension"));
            if let Some(known) = nearest(name, self.dimensions.keys().map(String::as_str)) {
                problem = problem.help(format!("did you mean \"{known}\"?"));
            }
            problems.push(problem);
        }
        known
    }

    /// Reads a type after the one that it extends.
    fn resolve<'a>(
        &mut self,
        name: &'a str,
        raw: &BTreeMap<&'a str, &'a Element>,
        path: &mut Vec<&'a str>,
        problems: &mut Problems,
    ) {
        let Some(element) = raw.get(name) else { return };
        if self.types.contains_key(name) {
            return;
        }
        path.push(name);
        let mut base = ComponentType::default();
        if let Some(parent) = element.get("extends") {
            let place = element.place_of_value("extends");
            if path.contains(&parent) {
                let chain = [path.as_slice(), &[parent]].concat().join(" → ");
                problems.push(
                    Problem::new(format!("ComponentTypes extend one another in a circle: {chain}"))
                        .at(place)
                        .help("take out one `extends`"),
                );
            } else {
                self.resolve(parent, raw, path, problems);
                match self.types.get(parent) {
                    Some(known) => base = known.clone(),
                    None => {
                        let message = format!("ComponentType \"{name}\" extends \"{parent}\", which is not defined");
                        let problem = Problem::new(message).at(place);
                        problems.push(match nearest(parent, raw.keys().copied()) {
                            Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                            None => problem,
                        });
                    }
                }
            }
        }
        path.pop();
        base.name = name.to_string();
        base.lineage.insert(0, name.to_string());
        base.place = Some(element.place());
        for member in &element.children {
            self.read_member(&mut base, member, problems);
        }
        for variable in element.children_named("Dynamics").flat_map(|dynamics| &dynamics.children) {
            self.check_exposure(&base, variable, problems);
        }
        self.types.insert(name.to_string(), base);
    }

    /// Whether a variable that is exposed fits an Exposure of its type.
    fn check_exposure(&self, component_type: &ComponentType, variable: &Element, problems: &mut Problems) {
        let Some(wanted) = variable.get("exposure") else { return };
        let place = || variable.place_of_value("exposure");
        let Some((_, declared)) = component_type.exposures.iter().find(|(name, _)| name == wanted) else {
            let problem = Problem::new(format!("\"{}\" has no Exposure \"{wanted}\"", component_type.name)).at(place());
            let known = nearest(wanted, component_type.exposures.iter().map(|(name, _)| name.as_str()));
            return problems.push(match known {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help(format!("add <Exposure name=\"{wanted}\" dimension=…/> to the type")),
            });
        };
        // Files leave the dimension out where the Exposure says it.
        let found = variable.get("dimension").and_then(|_| self.dimension(variable, &mut Problems::new()));
        if let (Some(declared), Some(found)) = (declared, found)
            && *declared != found
        {
            let message = format!("the Exposure \"{wanted}\" is {declared}, but what is exposed is {found}");
            problems.push(Problem::new(message).at(place()).help("give both the same `dimension`"));
        }
    }

    fn read_member(&self, to: &mut ComponentType, member: &Element, problems: &mut Problems) {
        let name = member.get("name").unwrap_or_default().to_string();
        let slot =
            |many| Slot { name: name.clone(), type_name: member.get("type").unwrap_or_default().to_string(), many };
        match member.name.as_str() {
            "Parameter" | "Property" | "IndexParameter" | "IntegerParameter" => {
                let dimension = self.dimension(member, problems);
                let attribute = if member.name == "Property" { "defaultValue" } else { "default" };
                let default = self.quantity(member, attribute, dimension, problems);
                replace(&mut to.parameters, Parameter { name, dimension, default, fixed: false }, |p| &p.name);
            }
            "Fixed" => {
                let name = member.get("parameter").unwrap_or_default();
                if let Some(parameter) = to.parameters.iter().position(|parameter| parameter.name == name) {
                    let value = self.quantity(member, "value", to.parameters[parameter].dimension, problems);
                    to.parameters[parameter].default = value;
                    to.parameters[parameter].fixed = true;
                } else {
                    problems.push(
                        Problem::new(format!("Fixed: no inherited parameter \"{name}\""))
                            .at(member.place_of_value("parameter")),
                    );
                }
            }
            "Constant" => {
                let dimension = self.dimension(member, problems);
                if let Some(value) = self.quantity(member, "value", dimension, problems) {
                    let dimension = dimension.unwrap_or(Dimension::NONE);
                    replace(&mut to.constants, (name, value, dimension), |c| &c.0);
                }
            }
            "DerivedParameter" => {
                let dimension = self.dimension(member, problems);
                if let Some(derived) = Derived::read(member, dimension, problems) {
                    // What a type works out, its components do not give, though the type that it extends asked for it.
                    to.parameters.retain(|parameter| parameter.name != derived.name);
                    replace(&mut to.derived_parameters, derived, |d| &d.name);
                }
            }
            "Exposure" => replace(&mut to.exposures, (name, self.dimension(member, problems)), |e| &e.0),
            "Requirement" => replace(&mut to.requirements, (name, self.dimension(member, problems)), |r| &r.0),
            "InstanceRequirement" => replace(&mut to.instance_requirements, name, |r| r),
            "Child" => replace(&mut to.slots, slot(false), |s| &s.name),
            "Children" => replace(&mut to.slots, slot(true), |s| &s.name),
            "Attachments" => replace(&mut to.attachments, slot(true), |s| &s.name),
            "ComponentReference" => {
                replace(&mut to.references, (name.clone(), slot(false).type_name), |r| &r.0);
            }
            "Text" | "Path" | "PathParameter" | "Link" => replace(&mut to.texts, name, |t| t),
            "EventPort" => replace(&mut to.ports, (name, member.get("direction") != Some("in")), |p| &p.0),
            "Structure" => {
                to.child_instances = member
                    .children_named("ChildInstance")
                    .filter_map(|e| e.get("component"))
                    .map(str::to_string)
                    .collect();
                to.structure = Some(member.clone());
            }
            "Dynamics" => {
                let own = Dynamics::read(member, |e, p| self.dimension(e, p), problems);
                let inherited = to.dynamics.take().filter(|_| member.children_named("Super").next().is_some());
                to.dynamics = Some(match inherited {
                    Some(inherited) => inherited.with(own),
                    None => own,
                });
            }
            "Simulation" | "About" | "Meta" | "notes" | "ComponentRequirement" => {}
            other => {
                problems.push(Problem::new(format!("<{other}> is not a member of a ComponentType")).at(member.place()))
            }
        }
    }

    fn quantity(&self, element: &Element, name: &str, dimension: AnyDimension, problems: &mut Problems) -> Option<f64> {
        let text = element.get(name)?;
        let read = match dimension {
            Some(dimension) => self.units.parse_as(text, dimension),
            None => self.units.parse(text).map(|quantity| quantity.value),
        };
        read.map_err(|problem| problems.push(problem.at(element.place_of_value(name)))).ok()
    }

    /// Whether every name of every equation is known and every dimension fits.
    fn check(&self, component_type: &ComponentType, problems: &mut Problems) {
        let mut scope: BTreeMap<&str, AnyDimension> = BTreeMap::new();
        scope.insert("t", Some(Dimension::TIME));
        scope.extend(component_type.requirements.iter().map(|(name, dimension)| (name.as_str(), *dimension)));
        scope.extend(component_type.constants.iter().map(|(name, _, dimension)| (name.as_str(), Some(*dimension))));
        scope.extend(component_type.parameters.iter().map(|p| (p.name.as_str(), p.dimension)));
        scope.extend(component_type.derived_parameters.iter().map(|d| (d.name.as_str(), d.dimension)));
        let mut check = Check { scope, component_type, problems };
        for derived in &component_type.derived_parameters {
            check.derived(derived);
        }
        let Some(dynamics) = &component_type.dynamics else { return };
        check.scope.extend(dynamics.states.iter().map(|state| (state.name.as_str(), state.dimension)));
        check.scope.extend(dynamics.derived.iter().map(|derived| (derived.name.as_str(), derived.dimension)));
        for derived in &dynamics.derived {
            check.derived(derived);
        }
        let regimes = dynamics.regimes.iter().flat_map(|regime| &regime.derivatives);
        for rate in dynamics.derivatives.iter().chain(regimes) {
            check.assignment(rate, Some(Dimension::PER_TIME), dynamics);
        }
        let actions = dynamics.conditions.iter().map(|c| &c.actions).chain(dynamics.events.iter().map(|e| &e.actions));
        let in_regimes = dynamics.regimes.iter().flat_map(|regime| {
            let conditions = regime.conditions.iter().map(|c| &c.actions);
            conditions.chain(regime.events.iter().map(|e| &e.actions)).chain([&regime.on_entry])
        });
        for action in actions.chain(in_regimes).chain([&dynamics.on_start]) {
            for assignment in &action.assignments {
                check.assignment(assignment, None, dynamics);
            }
            if let Some(wanted) = &action.transition
                && !dynamics.regimes.iter().any(|regime| regime.name == *wanted)
            {
                let problem = Problem::new(format!("no Regime \"{wanted}\" to go to"));
                let names = dynamics.regimes.iter().map(|regime| regime.name.as_str());
                let known = nearest(wanted, names);
                let place = component_type.place.clone();
                let problem = place.map_or(problem.clone(), |place| problem.at(place));
                check
                    .problems
                    .push(known.map_or(problem.clone(), |known| problem.help(format!("did you mean \"{known}\"?"))));
            }
            for port in &action.events_out {
                let known = component_type.ports.iter().any(|(name, out)| name == &port.0 && *out);
                if !known {
                    check
                        .problems
                        .push(Problem::new(format!("no outgoing event port \"{}\"", port.0)).at(port.1.clone()));
                }
            }
        }
        let in_regimes = dynamics.regimes.iter().flat_map(|regime| &regime.events);
        for event in dynamics.events.iter().chain(in_regimes) {
            if !component_type.ports.iter().any(|(name, out)| *name == event.port && !*out) {
                let ports = component_type.ports.iter().filter(|(_, out)| !*out).map(|(name, _)| name.as_str());
                let problem =
                    Problem::new(format!("no incoming event port \"{}\"", event.port)).at(event.place.clone());
                check.problems.push(match nearest(&event.port, ports) {
                    Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                    None => problem.help(format!("add <EventPort name=\"{}\" direction=\"in\"/>", event.port)),
                });
            }
        }
        let in_regimes = dynamics.regimes.iter().flat_map(|regime| &regime.conditions);
        for condition in dynamics.conditions.iter().chain(in_regimes) {
            check.formula(&condition.test, Some(Dimension::NONE), "the test");
        }
    }
}

struct Check<'a> {
    scope: BTreeMap<&'a str, AnyDimension>,
    component_type: &'a ComponentType,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn derived(&mut self, derived: &Derived) {
        match &derived.value {
            Value::Formula(formula) => self.formula(formula, derived.dimension, &derived.name),
            Value::Select { path, place, .. } => self.select(path, place),
            Value::Cases(cases) => {
                for (condition, value) in cases {
                    if let Some(condition) = condition {
                        self.formula(condition, Some(Dimension::NONE), "the condition");
                    }
                    self.formula(value, derived.dimension, &derived.name);
                }
            }
        }
    }

    /// Whether a path that gathers from many begins at a place of the type: else it would gather from none in silence.
    fn select(&mut self, path: &str, place: &Place) {
        let Some((first, _)) = path.split_once('[') else { return };
        let known = self.component_type;
        if first.contains('/') || first.starts_with('.') {
            return;
        }
        let slots = known.slots.iter().chain(&known.attachments).map(|slot| slot.name.as_str());
        let others = known.references.iter().map(|(name, _)| name.as_str());
        let others = others.chain(known.instance_requirements.iter().map(String::as_str));
        let names: Vec<&str> = slots.chain(others).collect();
        if names.contains(&first) {
            return;
        }
        let problem = Problem::new(format!("\"{}\" has no children \"{first}\"", known.name)).at(place.clone());
        self.problems.push(match nearest(first, names.iter().copied()) {
            Some(known) => problem.help(format!("did you mean \"{known}\"?")),
            None => problem
                .help(format!("declare <Children name=\"{first}\" type=…/> or <Attachments name=\"{first}\" type=…/>")),
        });
    }

    fn assignment(&mut self, assignment: &Assignment, factor: AnyDimension, dynamics: &Dynamics) {
        let Some(state) = dynamics.states.iter().find(|state| state.name == assignment.variable) else {
            let problem = Problem::new(format!("no state variable \"{}\"", assignment.variable))
                .at(assignment.value.place.clone());
            let known = nearest(&assignment.variable, dynamics.states.iter().map(|state| state.name.as_str()));
            return self.problems.push(match known {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem,
            });
        };
        let expected = state.dimension.map(|dimension| dimension.times(factor.unwrap_or(Dimension::NONE)));
        let what = if factor.is_some() { format!("d{}/dt", state.name) } else { state.name.clone() };
        self.formula(&assignment.value, expected, &what);
    }

    fn formula(&mut self, formula: &Formula, expected: AnyDimension, what: &str) {
        let of_name = |name: &str| {
            self.scope.get(name).copied().ok_or_else(|| {
                let type_name = &self.component_type.name;
                let message = format!("\"{name}\" is not defined in ComponentType \"{type_name}\"");
                match nearest(name, self.scope.keys().copied()) {
                    Some(known) => Problem::new(message).help(format!("did you mean \"{known}\"?")),
                    None => Problem::new(message)
                        .help("declare it as Parameter, Constant, Requirement, StateVariable or DerivedVariable"),
                }
            })
        };
        match formula.expression.dimension(&of_name) {
            Err(fault) => {
                let mut problem = fault.problem.at(formula.place_at(fault.offset));
                problem.help.get_or_insert_with(|| "a Constant can bring a missing unit: value=\"1 mV\"".to_string());
                self.problems.push(problem);
            }
            Ok(Some(found)) => {
                if let Some(expected) = expected.filter(|expected| *expected != found) {
                    self.problems.push(
                        Problem::new(format!("{what} is declared as {expected}, but the equation gives {found}"))
                            .at(formula.place.clone())
                            .help("mend the equation, or declare the other `dimension`"),
                    );
                }
            }
            Ok(None) => {}
        }
    }
}

/// Puts `item` in the place of the one of the same name, or at the end.
fn replace<T>(items: &mut Vec<T>, item: T, name: impl Fn(&T) -> &String) {
    match items.iter().position(|known| name(known) == name(&item)) {
        Some(index) => items[index] = item,
        None => items.push(item),
    }
}

/// The names of the types that a type could be meant by, for error messages.
pub fn nearest_type<'a>(name: &str, types: &'a BTreeMap<String, ComponentType>) -> Option<&'a str> {
    let names: BTreeSet<&str> = types.keys().map(String::as_str).collect();
    nearest(name, names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::neuroml::document;

    fn problems(types: &str) -> String {
        let text = format!("<Lems><Include file='NeuroMLCoreDimensions.xml'/>\n{types}</Lems>");
        let document = document::from_text(Path::new("t.xml"), &text).expect("well-formed");
        Vocabulary::read(&document).1.to_string()
    }

    #[test]
    fn the_core_types_are_consistent() {
        let document = document::from_text(Path::new("t.nml"), "<neuroml/>").expect("the core reads");
        let (vocabulary, problems) = Vocabulary::read(&document);
        assert!(problems.is_empty(), "{problems}");
        assert!(vocabulary.types["iafCell"].is("baseCell"));
    }

    #[test]
    fn an_equation_with_the_wrong_dimension_is_shown_where_it_stands() {
        let found = problems(
            "<ComponentType name='A'><Parameter name='g' dimension='conductance'/><Dynamics>\
             <StateVariable name='v' dimension='voltage'/>\n<TimeDerivative variable='v' value='v + g'/>\
             </Dynamics></ComponentType>",
        );
        assert!(found.starts_with("t.xml:3:39: a voltage (V) cannot be added to a conductance (S)"), "{found}");
    }

    #[test]
    fn circles_typos_and_unknown_symbols_are_named() {
        let found = problems("<ComponentType name='A' extends='B'/><ComponentType name='B' extends='A'/>");
        assert!(found.contains("A → B → A"), "{found}");
        let found = problems("<ComponentType name='Abcd'/><ComponentType name='B' extends='Abce'/>");
        assert!(found.contains("did you mean \"Abcd\"?"), "{found}");
        let found = problems(
            "<ComponentType name='A'><Parameter name='tau' dimension='time'/><Dynamics>\
             <StateVariable name='v' dimension='none'/><TimeDerivative variable='v' value='-v/taw'/></Dynamics>\
             </ComponentType>",
        );
        assert!(found.contains("\"taw\" is not defined") && found.contains("\"tau\"?"), "{found}");
    }
}
