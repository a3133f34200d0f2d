//! The shape of a flat set: its columns and its programs, before instances join it.

use crate::network::flat::{Flat, Input};
use crate::network::graph::{Id, Node};
use crate::network::integrate::{Target, Writes};
use crate::network::population::Group;
use crate::network::program::{Action, Program, Source};

/// A flat set with its programs, before it joins a group.
pub struct Shape {
    /// A group without instances.
    pub group: Group,
    /// The values of this component that its programs use.
    pub hoisted: Vec<f64>,
    /// The nodes of these values.
    pub hoisted_ids: Vec<Id>,
}

impl Group {
    /// All its programs.
    pub(super) fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        [&mut self.export, &mut self.conditions].into_iter().chain(&mut self.stages)
    }
}

/// The value with which an attached flat set feeds an input of its cell, if it does.
pub fn output(flat: &mut Flat, input: &Input) -> Option<Id> {
    let id = match input {
        Input::Attached(exposure) => flat.find(exposure).ok()?,
        Input::Slope(exposure, variable) => {
            let value = flat.find(exposure).ok()?;
            let host = Input::Host(variable.clone());
            let index = flat.inputs.iter().position(|known| *known == host)?;
            flat.graph.differentiate(value, Node::Input(index))
        }
        _ => return None,
    };
    (!matches!(flat.graph.node(id), Node::Literal(bits) if f64::from_bits(bits) == 0.0)).then_some(id)
}

/// Gives a flat set its columns and writes its programs.
pub fn shape(flat: &Flat, stages: &[Writes], outputs: &[(Input, Id)], exports: &[(String, Id)]) -> Shape {
    let states = flat.states.len();
    let mut group = Group {
        states,
        moving: flat.states.iter().map(|state| state.rate.is_some()).collect(),
        inputs: flat.inputs.clone(),
        columns: 2 * states + flat.inputs.len(),
        ..Group::default()
    };
    let mut hoisted = Vec::new();
    let column = |group: &mut Group| {
        group.columns += 1;
        (group.columns - 1) as u16
    };
    let mut fed = Vec::new();
    for (input, id) in outputs {
        let to = column(&mut group);
        group.outputs.push((input.clone(), to));
        fed.push((*id, to));
    }
    let mut exported = Vec::new();
    for (name, id) in exports {
        let to = column(&mut group);
        group.exports.push((name.clone(), to));
        exported.push((*id, to));
    }
    let to = |group: &Group, target: Target| match target {
        Target::State(state) => state as u16,
        Target::Trial(state) => (group.states + state) as u16,
        Target::Input(input) => group.input_column(input) as u16,
    };
    let write = |group: &Group, writes: &[(Id, Target)]| -> Vec<(Id, u16)> {
        writes.iter().map(|(id, target)| (*id, to(group, *target))).collect()
    };
    let from = |group: Group, trial: bool| {
        move |leaf: Node| match leaf {
            Node::State(state) => group.state_column(state, trial) as u16,
            Node::Input(input) => group.input_column(input) as u16,
            _ => 0,
        }
    };
    group.starts = (0..states).map(|state| group.find_start(state)).collect();
    let (now, trial) = (from(group.clone(), false), from(group.clone(), true));
    group.export = flat.graph.emit(&exported, &trial, &mut hoisted);
    for stage in stages {
        let writes: Vec<(Id, u16)> = write(&group, stage).into_iter().chain(fed.iter().copied()).collect();
        group.stages.push(flat.graph.emit(&writes, &trial, &mut hoisted));
    }
    // Conditions write beside the states, so that a closer look finds the states as they were.
    let mut after: Vec<(Id, u16)> =
        flat.after_conditions.iter().map(|(state, id)| (*id, (states + *state) as u16)).collect();
    group.assigned = flat.after_conditions.iter().map(|(state, _)| *state).collect();
    if let Some(event) = flat.timed_out {
        let to = column(&mut group);
        group.timed_column = Some(to);
        after.push((event, to));
    }
    group.conditions = flat.graph.emit(&after, &now, &mut hoisted);
    let roots: Vec<Id> = after.iter().map(|(id, _)| *id).collect();
    group.conditions_look_out = flat.graph.leaves(&roots).iter().any(|leaf| matches!(leaf, Node::Input(_)));
    let values = hoisted.iter().map(|id| flat.graph.value(*id).unwrap_or(f64::NAN)).collect();
    Shape { group, hoisted: values, hoisted_ids: hoisted }
}

/// Puts columns and uniforms in the place of hoisted values.
pub fn settle(program: &mut Program, sources: &[Result<u16, f64>]) {
    let mut uniforms = std::mem::take(&mut program.uniforms);
    let mut settle = |source: &mut Source| {
        if let Source::Hoisted(slot) = source {
            *source = match sources[*slot as usize] {
                Ok(column) => Source::Column(column),
                Err(value) => {
                    let known = uniforms.iter().position(|bits| *bits == value.to_bits());
                    let index = known.unwrap_or_else(|| {
                        uniforms.push(value.to_bits());
                        uniforms.len() - 1
                    });
                    Source::Uniform(index as u16)
                }
            };
        }
    };
    for step in &mut program.steps {
        match &mut step.action {
            Action::Unary(_, a) => settle(a),
            Action::Binary(_, a, b) => [a, b].into_iter().for_each(&mut settle),
            Action::Select(a, b, c) | Action::MulAdd(a, b, c) | Action::MulSub(a, b, c) | Action::SubMul(a, b, c) => {
                [a, b, c].into_iter().for_each(&mut settle)
            }
        }
    }
    program.stores.iter_mut().for_each(|(source, _)| settle(source));
    program.uniforms = uniforms;
}
