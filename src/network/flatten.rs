//! A component with all its children (a cell with channels, gates and calcium) becomes one flat set of equations.
//!
//! Names are looked up as LEMS means them: what a component does not define itself, the nearest enclosing component
//! offers (`Requirement`); a path selects from children ("gates[*]/fcond"), from what is attached ("synapses[*]/i") or
//! from the other cell of a connection ("peer/v"). The last two, and the variables of the cell that carries a synapse,
//! are the *inputs* of the flat set.

use std::collections::HashMap;

use crate::error::Problem;
use crate::network::events::Wire;
use crate::network::flat::{Assignments, Flat, Input, State, TreeNode};
use crate::network::graph::{Graph, Id, Node};
use crate::network::program::{Binary, Unary};
use crate::neuroml::component::Component;
use crate::neuroml::component_type::ComponentType;
use crate::neuroml::dynamics::{Dynamics, Reduce, Scheme, Value};
use crate::neuroml::expression::{self, Expression, Function};
use crate::neuroml::model::Model;

impl Flat {
    /// Makes the flat set of a component; `attached` says that it stands on a cell.
    ///
    /// # Errors
    /// A name or path that leads nowhere, equations that need one another, a part of the language not understood yet.
    pub fn new(model: &Model, component: &Component, attached: bool) -> Result<Self, Problem> {
        let flat = Self {
            graph: Graph::default(),
            states: Vec::new(),
            inputs: Vec::new(),
            tree: Vec::new(),
            after_conditions: Vec::new(),
            timed_out: None,
            timed: Vec::new(),
            on_event: Vec::new(),
            event_passes: None,
            parameters: Vec::new(),
            cable: false,
            variables: HashMap::new(),
        };
        let mut builder = Builder {
            model,
            flat,
            components: Vec::new(),
            types: Vec::new(),
            wires: Vec::new(),
            active: Vec::new(),
            attached,
        };
        builder.plant(component, "", None)?;
        builder.wire().and_then(|()| builder.equations()).map_err(|mut problem| {
            // The equation may stand in a core file; the component that it fails for is the user's.
            problem.message = format!("\"{}\": {}", component.id, problem.message);
            problem.at(component.place.clone())
        })?;
        Ok(builder.flat)
    }
}

/// A flat set in the making.
pub(super) struct Builder<'m> {
    model: &'m Model,
    pub(super) flat: Flat,
    pub(super) components: Vec<&'m Component>,
    pub(super) types: Vec<&'m ComponentType>,
    /// The ways of events between the parts.
    pub(super) wires: Vec<Wire>,
    active: Vec<(usize, String)>,
    attached: bool,
}

impl<'m> Builder<'m> {
    /// Adds a component and its children to the tree.
    fn plant(&mut self, component: &'m Component, slot: &str, parent: Option<usize>) -> Result<usize, Problem> {
        let model = self.model;
        let index = self.flat.tree.len();
        // 64 levels: a component that refers to itself never ends.
        let depth = std::iter::successors(parent, |at| self.flat.tree[*at].parent).count();
        if depth > 64 {
            return Err(Problem::new("components refer to one another in a circle").at(component.place.clone()));
        }
        self.flat.tree.push(TreeNode {
            slot: slot.to_string(),
            id: component.id.clone(),
            type_name: component.type_name.clone(),
            parent,
            children: Vec::new(),
        });
        let component_type = &model.vocabulary.types[&component.type_name];
        self.components.push(component);
        self.types.push(component_type);
        for (slot, child) in &component.children {
            let child = self.plant(child, slot, Some(index))?;
            self.flat.tree[index].children.push(child);
        }
        for reference in &component_type.child_instances {
            let Some(id) = component.references.get(reference) else { continue };
            let child = model.component_of_type(id, "Component")?;
            let child = self.plant(child, reference, Some(index))?;
            self.flat.tree[index].children.push(child);
        }
        Ok(index)
    }

    fn equations(&mut self) -> Result<(), Problem> {
        for node in 0..self.types.len() {
            let Some(dynamics) = &self.types[node].dynamics else { continue };
            let names = dynamics.states.iter().map(|state| state.name.clone());
            let regime = (!dynamics.regimes.is_empty()).then(|| REGIME.to_string());
            for name in names.chain(regime) {
                let leaf = self.flat.graph.leaf(Node::State(self.flat.states.len()));
                self.flat.variables.insert((node, name.clone()), leaf);
                self.flat.states.push(State { node, name, initial: None, rate: None, slope: None });
            }
        }
        for node in 0..self.types.len() {
            let Some(dynamics) = &self.types[node].dynamics else { continue };
            self.rates(node, dynamics)?;
        }
        for node in 0..self.types.len() {
            for scheme in self.types[node].dynamics.iter().flat_map(|dynamics| &dynamics.schemes) {
                self.scheme(node, scheme)?;
            }
        }
        let mut now = HashMap::new();
        for node in 0..self.types.len() {
            let Some(dynamics) = &self.types[node].dynamics else { continue };
            self.conditions(node, dynamics, &mut now)?;
        }
        let mut after: Assignments = now.into_iter().collect();
        after.sort_unstable();
        self.flat.after_conditions = after;
        let tests: Vec<Id> = self.flat.timed.iter().map(|timed| timed.test).collect();
        self.flat.timed_out = tests.into_iter().reduce(|a, b| self.flat.graph.binary(Binary::Or, a, b));
        self.events()?;
        // Everything that has a value can be probed; what lacks a child or a temperature simply has none.
        for node in 0..self.types.len() {
            let component_type = self.types[node];
            let derived = component_type.dynamics.iter().flat_map(|dynamics| &dynamics.derived);
            let names = derived.chain(&component_type.derived_parameters).map(|derived| derived.name.clone());
            let parameters = component_type.parameters.iter().map(|parameter| parameter.name.clone());
            for name in names.chain(parameters).collect::<Vec<_>>() {
                let _ = self.value(node, &name);
            }
        }
        Ok(())
    }

    pub(super) fn state(&self, node: usize, name: &str) -> Result<usize, Problem> {
        let known = self.flat.states.iter().position(|state| state.node == node && state.name == name);
        known.ok_or_else(|| Problem::new(format!("no state variable \"{name}\"")))
    }

    fn rates(&mut self, node: usize, dynamics: &'m Dynamics) -> Result<(), Problem> {
        for assignment in &dynamics.on_start.assignments {
            let state = self.state(node, &assignment.variable)?;
            self.flat.states[state].initial = Some(self.expression(node, &assignment.value.expression)?);
        }
        for rate in &dynamics.derivatives {
            let state = self.state(node, &rate.variable)?;
            self.flat.states[state].rate = Some(self.expression(node, &rate.value.expression)?);
        }
        for (index, regime) in dynamics.regimes.iter().enumerate() {
            if regime.initial {
                let state = self.state(node, REGIME)?;
                self.flat.states[state].initial = Some(self.flat.graph.literal(index as f64));
            }
            for rate in &regime.derivatives {
                let state = self.state(node, &rate.variable)?;
                let value = self.expression(node, &rate.value.expression)?;
                let here = self.in_regime(node, index)?;
                let before = match self.flat.states[state].rate {
                    Some(before) => before,
                    None => self.flat.graph.literal(0.0),
                };
                self.flat.states[state].rate = Some(self.flat.graph.select(here, value, before));
            }
        }
        Ok(())
    }

    /// A kinetic scheme: all is in its first state at t = 0, and moves along the transitions.
    fn scheme(&mut self, node: usize, scheme: &Scheme) -> Result<(), Problem> {
        let children = |slot: &str| -> Vec<usize> {
            self.flat.tree[node].children.iter().copied().filter(|child| self.flat.tree[*child].slot == slot).collect()
        };
        let (nodes, edges) = (children(&scheme.nodes.0), children(&scheme.edges.0));
        for (index, child) in nodes.iter().enumerate() {
            let state = self.state(*child, &scheme.nodes.1)?;
            self.flat.states[state].initial = Some(self.flat.graph.literal(if index == 0 { 1.0 } else { 0.0 }));
            self.flat.states[state].rate = Some(self.flat.graph.literal(0.0));
        }
        for edge in edges {
            let mut ends = Vec::new();
            for attribute in [&scheme.edges.1, &scheme.edges.2] {
                let id = self.components[edge].attribute(attribute).unwrap_or_default();
                let end = nodes.iter().find(|child| self.flat.tree[**child].id == id).ok_or_else(|| {
                    let place = self.components[edge].place.clone();
                    Problem::new(format!("`{attribute}` names no state of the gate: \"{id}\"")).at(place)
                })?;
                ends.push(self.state(*end, &scheme.nodes.1)?);
            }
            let mut flows = Vec::new();
            for (state, rate) in ends.iter().zip([&scheme.rates.0, &scheme.rates.1]) {
                let rate = self.value(edge, rate)?;
                let share = self.flat.graph.leaf(Node::State(*state));
                flows.push(self.flat.graph.binary(Binary::Mul, rate, share));
            }
            let flow = self.flat.graph.binary(Binary::Sub, flows[0], flows[1]);
            for (state, operation) in ends.into_iter().zip([Binary::Sub, Binary::Add]) {
                if let Some(rate) = self.flat.states[state].rate {
                    self.flat.states[state].rate = Some(self.flat.graph.binary(operation, rate, flow));
                }
            }
        }
        Ok(())
    }

    pub(super) fn in_regime(&mut self, node: usize, index: usize) -> Result<Id, Problem> {
        let regime = self.value(node, REGIME)?;
        let index = self.flat.graph.literal(index as f64);
        Ok(self.flat.graph.binary(Binary::Equal, regime, index))
    }

    /// The value that a name has for a component of the tree.
    fn value(&mut self, node: usize, name: &str) -> Result<Id, Problem> {
        let key = (node, name.to_string());
        if let Some(known) = self.flat.variables.get(&key) {
            return Ok(*known);
        }
        if self.active.contains(&key) {
            return Err(Problem::new(format!("the equation of \"{name}\" needs its own result")));
        }
        self.active.push(key.clone());
        let value = self.find_value(node, name);
        self.active.pop();
        if let Ok(value) = value {
            self.flat.variables.insert(key, value);
        }
        value
    }

    fn find_value(&mut self, node: usize, name: &str) -> Result<Id, Problem> {
        let component_type = self.types[node];
        let dynamic = component_type.dynamics.iter().flat_map(|dynamics| &dynamics.derived);
        if let Some(derived) = dynamic.chain(&component_type.derived_parameters).find(|derived| derived.name == name) {
            return self.derived(node, &derived.value);
        }
        if node == 0 && self.attached && name == "weight" && component_type.parameters.iter().any(|p| p.name == name) {
            return Ok(self.flat.input(Input::Weight));
        }
        if let Some(value) = self.components[node].parameters.get(name) {
            let id = self.flat.graph.parameter(*value);
            self.flat.parameters.push((node, name.to_string(), id));
            return Ok(id);
        }
        if let Some((_, value, _)) = component_type.constants.iter().find(|(known, ..)| known == name) {
            return Ok(self.flat.graph.literal(*value));
        }
        if name == "t" {
            return Ok(self.flat.graph.leaf(Node::Time));
        }
        let mut above = self.flat.tree[node].parent;
        while let Some(parent) = above {
            if self.offers(parent, name) {
                return self.value(parent, name);
            }
            above = self.flat.tree[parent].parent;
        }
        if name == "temperature" {
            let temperature = self.model.network.temperature.ok_or_else(|| {
                let problem = Problem::new(format!("\"{}\" needs a temperature", component_type.name));
                problem.help("write <network type=\"networkWithTemperature\" temperature=\"20 degC\" …>")
            })?;
            return Ok(self.flat.graph.parameter(temperature));
        }
        if self.attached {
            return Ok(self.flat.input(Input::Host(name.to_string())));
        }
        Err(Problem::new(format!("\"{}\" needs \"{name}\", which nothing around it offers", component_type.name)))
    }

    fn offers(&self, node: usize, name: &str) -> bool {
        let component_type = self.types[node];
        let dynamics = component_type.dynamics.as_ref();
        let derived = dynamics.into_iter().flat_map(|dynamics| &dynamics.derived);
        self.components[node].parameters.contains_key(name)
            || derived.chain(&component_type.derived_parameters).any(|derived| derived.name == name)
            || dynamics.is_some_and(|dynamics| dynamics.states.iter().any(|state| state.name == name))
    }

    fn derived(&mut self, node: usize, value: &'m Value) -> Result<Id, Problem> {
        match value {
            Value::Formula(formula) => self.expression(node, &formula.expression),
            Value::Cases(cases) => {
                let mut chosen = None;
                for (condition, value) in cases.iter().rev() {
                    let value = self.expression(node, &value.expression)?;
                    chosen = Some(match (condition, chosen) {
                        (None, _) => value,
                        (Some(condition), other) => {
                            let condition = self.expression(node, &condition.expression)?;
                            let other = match other {
                                Some(other) => other,
                                None => self.flat.graph.literal(0.0),
                            };
                            self.flat.graph.select(condition, value, other)
                        }
                    });
                }
                chosen.ok_or_else(|| Problem::new("a ConditionalDerivedVariable without a Case"))
            }
            Value::Select { path, reduce, place } => {
                self.select(node, path, *reduce).map_err(|problem| match problem.place {
                    Some(_) => problem,
                    None => problem.at(place.clone()),
                })
            }
        }
    }

    fn select(&mut self, node: usize, path: &str, reduce: Option<Reduce>) -> Result<Id, Problem> {
        let steps: Vec<&str> = path.split('/').collect();
        let Some((name, steps)) = steps.split_last() else { return Err(Problem::new("an empty path")) };
        if let Some(first) = steps.first() {
            let first = first.split('[').next().unwrap_or(first);
            if self.types[node].instance_requirements.iter().any(|known| known == first) {
                return Ok(self.flat.input(Input::Peer((*name).to_string())));
            }
            if node == 0 && self.types[node].attachments.iter().any(|slot| slot.name == first) {
                let all = steps[0] == first || steps[0].ends_with("[*]");
                if !all || steps.len() > 1 || reduce == Some(Reduce::Multiply) {
                    let problem =
                        Problem::new(format!("\"{path}\": of what is attached, only the sum of all is understood"));
                    return Err(problem.help(format!("write select=\"{first}[*]/{name}\" reduce=\"add\"")));
                }
                return Ok(self.flat.input(Input::Attached((*name).to_string())));
            }
        }
        let mut here = vec![node];
        for step in steps {
            let (step, filter) = step.split_once('[').unwrap_or((step, ""));
            let filter = filter.trim_end_matches(']').split_once('=');
            let mut next = Vec::new();
            for at in here {
                if step == ".." {
                    next.extend(self.flat.tree[at].parent);
                    continue;
                }
                let many: Vec<usize> =
                    self.flat.tree[at].children.iter().copied().filter(|c| self.flat.tree[*c].slot == step).collect();
                let found = if many.is_empty() { self.flat.child(at, step).into_iter().collect() } else { many };
                next.extend(found.into_iter().filter(|child: &usize| {
                    filter.is_none_or(|(name, wanted)| {
                        let wanted = wanted.trim_matches(['\'', '"']);
                        self.components[*child].attribute(name).as_deref() == Some(wanted)
                    })
                }));
            }
            here = next;
        }
        let mut values = Vec::new();
        for at in here {
            values.push(self.value(at, name)?);
        }
        let graph = &mut self.flat.graph;
        match reduce {
            Some(Reduce::Add) => {
                let zero = graph.literal(0.0);
                Ok(values.into_iter().fold(zero, |a, b| graph.binary(Binary::Add, a, b)))
            }
            Some(Reduce::Multiply) => {
                let one = graph.literal(1.0);
                Ok(values.into_iter().fold(one, |a, b| graph.binary(Binary::Mul, a, b)))
            }
            None => match values.as_slice() {
                [value] => Ok(*value),
                _ => Err(Problem::new(format!("\"{path}\" leads to {} values, not to one", values.len()))),
            },
        }
    }

    pub(super) fn expression(&mut self, node: usize, expression: &Expression) -> Result<Id, Problem> {
        Ok(match expression {
            Expression::Number(value) => self.flat.graph.literal(*value),
            Expression::Name(name, _) => self.value(node, name)?,
            Expression::Negate(inner) => {
                let inner = self.expression(node, inner)?;
                self.flat.graph.unary(Unary::Negate, inner)
            }
            // Each `random` of the text draws for itself.
            Expression::Call(Function::Random, inner, _) => {
                let inner = self.expression(node, inner)?;
                let drawn = self.flat.inputs.iter().filter(|input| matches!(input, Input::Noise(_))).count();
                let noise = self.flat.input(Input::Noise(drawn));
                self.flat.graph.binary(Binary::Mul, inner, noise)
            }
            Expression::Call(function, inner, _) => {
                let inner = self.expression(node, inner)?;
                self.flat.graph.unary(unary_of(*function)?, inner)
            }
            Expression::Binary(operation, a, b, _) => {
                let (a, b) = (self.expression(node, a)?, self.expression(node, b)?);
                let (operation, [a, b]) = binary_of(*operation, [a, b]);
                self.flat.graph.binary(operation, a, b)
            }
        })
    }
}

/// The state that holds the index of the regime of a component.
pub(super) const REGIME: &str = "(regime)";

/// An operation of a text, with its operands in the order of ours.
pub(super) fn binary_of<T>(operation: expression::Binary, [a, b]: [T; 2]) -> (Binary, [T; 2]) {
    use expression::Binary as Op;
    match operation {
        Op::Add => (Binary::Add, [a, b]),
        Op::Sub => (Binary::Sub, [a, b]),
        Op::Mul => (Binary::Mul, [a, b]),
        Op::Div => (Binary::Div, [a, b]),
        Op::Pow => (Binary::Pow, [a, b]),
        Op::Less => (Binary::Less, [a, b]),
        Op::LessEqual => (Binary::LessEqual, [a, b]),
        Op::Greater => (Binary::Less, [b, a]),
        Op::GreaterEqual => (Binary::LessEqual, [b, a]),
        Op::Equal => (Binary::Equal, [a, b]),
        Op::NotEqual => (Binary::NotEqual, [a, b]),
        Op::And => (Binary::And, [a, b]),
        Op::Or => (Binary::Or, [a, b]),
    }
}

/// A function of a text.
///
/// # Errors
/// For `random`, which is none.
pub(super) fn unary_of(function: Function) -> Result<Unary, Problem> {
    Ok(match function {
        Function::Exp => Unary::Exp,
        Function::Log => Unary::Log,
        Function::Log10 => Unary::Log10,
        Function::Sqrt => Unary::Sqrt,
        Function::Abs => Unary::Abs,
        Function::Sin => Unary::Sin,
        Function::Cos => Unary::Cos,
        Function::Tan => Unary::Tan,
        Function::Sinh => Unary::Sinh,
        Function::Cosh => Unary::Cosh,
        Function::Tanh => Unary::Tanh,
        Function::Asin => Unary::Asin,
        Function::Acos => Unary::Acos,
        Function::Atan => Unary::Atan,
        Function::Ceil => Unary::Ceil,
        Function::Floor => Unary::Floor,
        Function::Heaviside => Unary::Heaviside,
        Function::Not => Unary::Not,
        Function::Random => return Err(Problem::new("random() is no function of its argument alone")),
    })
}
