//! The Dynamics of a type as data: states, derived values, rates, and what happens on conditions and events.
//!
//! ```text
//! dx/dt = f(x, derived, parameters, t);   on a condition or an event: x ← g(…), events out, change of regime
//! ```
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079.

use crate::error::{Place, Problem, Problems};
use crate::neuroml::expression::Expression;
use crate::neuroml::xml::Element;
use crate::units::Dimension;

/// A dimension that may be anything is `None`.
pub type AnyDimension = Option<Dimension>;

/// An expression with its place.
#[derive(Debug, Clone)]
pub struct Formula {
    /// The expression.
    pub expression: Expression,
    /// Where its text begins.
    pub place: Place,
}

impl Formula {
    /// Reads the formula in an attribute; a fault becomes a problem with its place.
    fn read(element: &Element, attribute: &str, problems: &mut Problems) -> Option<Self> {
        let Some(text) = element.get(attribute) else {
            problems.push(Problem::new(format!("<{}> needs `{attribute}`", element.name)).at(element.place()));
            return None;
        };
        let place = element.place_of_value(attribute);
        match Expression::parse(text) {
            Ok(expression) => Some(Self { expression, place }),
            Err(fault) => {
                problems.push(fault.problem.at(shift(&place, fault.offset)));
                None
            }
        }
    }

    /// The place of a byte of the text.
    pub fn place_at(&self, offset: usize) -> Place {
        shift(&self.place, offset)
    }
}

/// Equations stand on one line and in ASCII but for rare cases, so that a byte is a column.
fn shift(place: &Place, offset: usize) -> Place {
    Place::new(place.file.clone(), place.line, place.column + offset as u32)
}

/// How the values of many are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reduce {
    Add,
    Multiply,
}

/// Where a derived value comes from.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Value {
    Formula(Formula),
    /// A path to the value of a child ("fast/q"), or of many ("gates[*]/fcond"), or of a peer ("peer/v").
    Select {
        path: String,
        reduce: Option<Reduce>,
        place: Place,
    },
    /// The first value whose condition holds; `None` always holds.
    Cases(Vec<(Option<Formula>, Formula)>),
}

/// A named value that follows from others.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub dimension: AnyDimension,
    /// Where it comes from.
    pub value: Value,
}

impl Derived {
    /// Reads a `DerivedVariable`, `ConditionalDerivedVariable` or `DerivedParameter`.
    pub fn read(element: &Element, dimension: AnyDimension, problems: &mut Problems) -> Option<Self> {
        let name = element.get("name")?.to_string();
        let value = if element.name == "ConditionalDerivedVariable" {
            let mut cases = Vec::new();
            for case in element.children_named("Case") {
                let condition = match case.get("condition") {
                    Some(_) => Some(Formula::read(case, "condition", problems)?),
                    None => None,
                };
                cases.push((condition, Formula::read(case, "value", problems)?));
            }
            Value::Cases(cases)
        } else if let Some(path) = element.get("select") {
            let reduce = match element.get("reduce") {
                None => None,
                Some("add") => Some(Reduce::Add),
                Some("multiply") => Some(Reduce::Multiply),
                Some(other) => {
                    problems.push(
                        Problem::new(format!("reduce is \"add\" or \"multiply\", found \"{other}\""))
                            .at(element.place_of_value("reduce")),
                    );
                    return None;
                }
            };
            Value::Select { path: path.to_string(), reduce, place: element.place_of_value("select") }
        } else {
            Value::Formula(Formula::read(element, "value", problems)?)
        };
        Some(Self { name, dimension, value })
    }
}

/// A variable that remembers.
#[derive(Debug, Clone)]
pub struct State {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub dimension: AnyDimension,
}

/// `variable ← value`, or d`variable`/dt = value.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The state variable.
    pub variable: String,
    /// The value.
    pub value: Formula,
}

/// What happens at once.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// New values of states, in order.
    pub assignments: Vec<Assignment>,
    /// Ports that send an event, with the place of each.
    pub events_out: Vec<(String, Place)>,
    /// The regime that begins.
    pub transition: Option<String>,
}

/// Actions while a test holds.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The test.
    pub test: Formula,
    /// What happens.
    pub actions: Actions,
}

/// Actions when an event comes in.
#[derive(Debug, Clone)]
pub struct Event {
    /// The port at which it comes in.
    pub port: String,
    /// Where the port stands.
    pub place: Place,
    /// What happens.
    pub actions: Actions,
}

/// A mode with rates and conditions of its own (the refractory time of a cell).
#[derive(Debug, Clone)]
pub struct Regime {
    /// Its name.
    pub name: String,
    /// Whether a run starts in it.
    pub initial: bool,
    /// Rates that hold in it.
    pub derivatives: Vec<Assignment>,
    /// What happens when it begins.
    pub on_entry: Actions,
    /// Conditions that are tested in it.
    pub conditions: Vec<Condition>,
    /// Events that it hears.
    pub events: Vec<Event>,
}

/// The whole of a type's dynamics.
#[derive(Debug, Clone, Default)]
pub struct Dynamics {
    /// Variables that remember.
    pub states: Vec<State>,
    /// Values that follow.
    pub derived: Vec<Derived>,
    /// Rates of states.
    pub derivatives: Vec<Assignment>,
    /// Values at t = 0.
    pub on_start: Actions,
    /// Conditions, in order.
    pub conditions: Vec<Condition>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Modes.
    pub regimes: Vec<Regime>,
    /// Kinetic schemes.
    pub schemes: Vec<Scheme>,
}

/// States between which something moves: d(from)/dt = −(forward · from − reverse · to) for each edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// The children that are states, and the variable in which each holds its share.
    pub nodes: (String, String),
    /// The children that are transitions, and the attributes that name their two ends.
    pub edges: (String, String, String),
    /// The variables of a transition that are its rates there and back.
    pub rates: (String, String),
}

impl Dynamics {
    /// Reads a `Dynamics` element.
    pub fn read(
        element: &Element,
        dimension: impl Fn(&Element, &mut Problems) -> AnyDimension,
        problems: &mut Problems,
    ) -> Self {
        let mut dynamics = Self::default();
        for member in &element.children {
            match member.name.as_str() {
                "StateVariable" => {
                    let dimension = dimension(member, problems);
                    let name = member.get("name").unwrap_or_default().to_string();
                    dynamics.states.push(State { name, dimension });
                }
                "DerivedVariable" | "ConditionalDerivedVariable" => {
                    // What is exposed has the dimension of its exposure, though files leave it out here.
                    let left_out = member.get("dimension").is_none() && member.get("exposure").is_some();
                    let dimension = if left_out { None } else { dimension(member, problems) };
                    dynamics.derived.extend(Derived::read(member, dimension, problems));
                }
                "TimeDerivative" => dynamics.derivatives.extend(assignment(member, problems)),
                "OnStart" => {
                    let actions = read_actions(member, problems);
                    dynamics.on_start.assignments.extend(actions.assignments);
                }
                "OnCondition" => dynamics.conditions.extend(condition(member, problems)),
                "OnEvent" => dynamics.events.extend(event(member, problems)),
                "Regime" => dynamics.regimes.push(regime(member, problems)),
                "KineticScheme" => {
                    let mut text = |name: &str| {
                        let given = member.get(name).map(str::to_string);
                        given.unwrap_or_else(|| {
                            let message = format!("a KineticScheme needs `{name}`");
                            problems.push(Problem::new(message).at(member.place()));
                            String::new()
                        })
                    };
                    dynamics.schemes.push(Scheme {
                        nodes: (text("nodes"), text("stateVariable")),
                        edges: (text("edges"), text("edgeSource"), text("edgeTarget")),
                        rates: (text("forwardRate"), text("reverseRate")),
                    });
                }
                "Super" => {}
                other => {
                    problems.push(Problem::new(format!("<{other}> is not a member of Dynamics")).at(member.place()));
                }
            }
        }
        dynamics
    }

    /// These and others that extend them: a state, a derived value or a regime of the same name takes the place of the
    /// inherited one, as does the rate of a state; conditions, events and what happens at the start are added.
    pub fn with(mut self, own: Self) -> Self {
        fn replace<T>(to: &mut Vec<T>, own: Vec<T>, name: impl Fn(&T) -> &String) {
            to.retain(|inherited| own.iter().all(|item| name(item) != name(inherited)));
            to.extend(own);
        }
        replace(&mut self.states, own.states, |state| &state.name);
        replace(&mut self.derived, own.derived, |derived| &derived.name);
        replace(&mut self.derivatives, own.derivatives, |rate| &rate.variable);
        replace(&mut self.regimes, own.regimes, |regime| &regime.name);
        self.on_start.assignments.extend(own.on_start.assignments);
        self.conditions.extend(own.conditions);
        self.events.extend(own.events);
        self.schemes.extend(own.schemes);
        self
    }
}

fn assignment(element: &Element, problems: &mut Problems) -> Option<Assignment> {
    let variable = element.get("variable").unwrap_or_default().to_string();
    Formula::read(element, "value", problems).map(|value| Assignment { variable, value })
}

fn condition(element: &Element, problems: &mut Problems) -> Option<Condition> {
    let test = Formula::read(element, "test", problems)?;
    Some(Condition { test, actions: read_actions(element, problems) })
}

fn event(element: &Element, problems: &mut Problems) -> Option<Event> {
    let port = element.get("port").unwrap_or_default().to_string();
    Some(Event { port, place: element.place_of_value("port"), actions: read_actions(element, problems) })
}

fn read_actions(element: &Element, problems: &mut Problems) -> Actions {
    let mut actions = Actions::default();
    for member in &element.children {
        match member.name.as_str() {
            "StateAssignment" => actions.assignments.extend(assignment(member, problems)),
            "EventOut" => {
                let port = member.get("port").unwrap_or_default().to_string();
                actions.events_out.push((port, member.place_of_value("port")));
            }
            "Transition" => actions.transition = member.get("regime").map(str::to_string),
            other => {
                problems.push(Problem::new(format!("<{other}> is not an action")).at(member.place()));
            }
        }
    }
    actions
}

fn regime(element: &Element, problems: &mut Problems) -> Regime {
    let mut regime = Regime {
        name: element.get("name").unwrap_or_default().to_string(),
        initial: element.get("initial") == Some("true"),
        derivatives: Vec::new(),
        on_entry: Actions::default(),
        conditions: Vec::new(),
        events: Vec::new(),
    };
    for member in &element.children {
        match member.name.as_str() {
            "TimeDerivative" => regime.derivatives.extend(assignment(member, problems)),
            "OnEntry" => regime.on_entry = read_actions(member, problems),
            "OnCondition" => regime.conditions.extend(condition(member, problems)),
            "OnEvent" => regime.events.extend(event(member, problems)),
            other => {
                problems.push(Problem::new(format!("<{other}> is not a member of a Regime")).at(member.place()));
            }
        }
    }
    regime
}
