//! What happens at once inside a component: conditions, events that come in, and events between its parts.
//!
//! ```text
//! test holds, or an event comes in  →  x ← g(…)  →  events out  →  a new regime, with what its entry changes
//! an event that a part sends runs along the wires (EventConnection) to other parts, and on from there
//! ```
//!
//! Events inside a component take no time and run depth first, so that all that follows from one cause can be written
//! as new values of states: what depends on a regime becomes a choice between the new value and the old one.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079.

use std::collections::HashMap;

use crate::error::Problem;
use crate::network::flat::{Assignments, Timed};
use crate::network::flatten::{Builder, REGIME};
use crate::network::graph::{Id, Node};
use crate::network::program::Binary;
use crate::neuroml::dynamics::{Actions, Dynamics};
use crate::neuroml::xml::Element;

/// How far an event may run inside a component: longer than any chain of parts, so that a circle ends.
const MAX_HOPS: usize = 32;

/// One way for events inside a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    from: (usize, String),
    to: (usize, String),
}

/// What one cause has changed so far.
#[derive(Default, Clone)]
struct Wave {
    /// New values of states.
    now: HashMap<usize, Id>,
    /// Whether an event leaves the component: under a guard, or always.
    sends: Option<Option<Id>>,
    /// Whether an event has reached another part.
    reached: bool,
    hops: usize,
}

impl<'m> Builder<'m> {
    /// Finds the ways of events between the parts.
    pub(super) fn wire(&mut self) -> Result<(), Problem> {
        for node in 0..self.types.len() {
            if let Some(structure) = &self.types[node].structure {
                self.wires_of(node, structure, &mut HashMap::new())?;
            }
        }
        Ok(())
    }

    fn wires_of(
        &mut self,
        node: usize,
        structure: &'m Element,
        names: &mut HashMap<&'m str, Option<usize>>,
    ) -> Result<(), Problem> {
        for member in &structure.children {
            match member.name.as_str() {
                "With" => {
                    let (instance, name) = (member.get("instance").unwrap_or("this"), member.get("as"));
                    let found = self.part(node, instance).map_err(|problem| problem.at(member.place()))?;
                    names.insert(name.unwrap_or(instance), found);
                }
                "EventConnection" => {
                    let too_much =
                        ["delay", "receiver", "receiverContainer"].into_iter().find(|a| member.get(a).is_some());
                    if let Some(attribute) = too_much {
                        let message =
                            format!("`{attribute}` is not understood inside of a cell, a synapse or an input");
                        return Err(Problem::new(message).at(member.place_of_value(attribute)));
                    }
                    let end =
                        |attribute: &str, port: &str, outgoing: bool| -> Result<Option<(usize, String)>, Problem> {
                            let path = member.get(attribute).unwrap_or("this");
                            let part = match names.get(path) {
                                Some(known) => *known,
                                None => self.part(node, path)?,
                            };
                            let Some(part) = part else { return Ok(None) };
                            let port = self.port(part, member.get(port), outgoing)?;
                            Ok(Some((part, port)))
                        };
                    let ends =
                        end("from", "sourcePort", true).and_then(|from| Ok((from, end("to", "targetPort", false)?)));
                    // What leads out of a component that stands alone leads nowhere.
                    if let (Some(from), Some(to)) = ends.map_err(|problem| problem.at(member.place()))? {
                        self.wires.push(Wire { from, to });
                    }
                }
                "ForEach" => {
                    let path = member.get("instances").unwrap_or_default();
                    for part in self.parts(node, path) {
                        let mut inner = names.clone();
                        inner.insert(member.get("as").unwrap_or_default(), Some(part));
                        self.wires_of(node, member, &mut inner)?;
                    }
                }
                "ChildInstance" => {}
                other => {
                    let message = format!("<{other}> is not understood inside of a cell, a synapse or an input");
                    return Err(Problem::new(message).at(member.place()));
                }
            }
        }
        Ok(())
    }

    /// The component that a path from another one names; none where it leads out of the tree.
    fn part(&self, node: usize, path: &str) -> Result<Option<usize>, Problem> {
        let mut at = node;
        for step in path.split('/') {
            let found = match step {
                "this" | "." | "" => Some(at),
                "parent" | ".." => match self.flat.tree[at].parent {
                    None => return Ok(None),
                    parent => parent,
                },
                name => self.flat.child(at, name).or_else(|| {
                    // A Path attribute, such as `spikeTarget`, holds the way.
                    let way = self.components[at].texts.get(name)?;
                    self.part(at, way).ok().flatten()
                }),
            };
            at = found
                .ok_or_else(|| Problem::new(format!("\"{path}\": no \"{step}\" in \"{}\"", self.types[at].name)))?;
        }
        Ok(Some(at))
    }

    /// All components that a path such as "children[*]" names.
    fn parts(&self, node: usize, path: &str) -> Vec<usize> {
        let mut here = vec![node];
        for step in path.split('/').map(|step| step.split('[').next().unwrap_or(step)) {
            here = here
                .into_iter()
                .flat_map(|at| match step {
                    "this" | "." | "" => vec![at],
                    ".." | "parent" => self.flat.tree[at].parent.into_iter().collect(),
                    slot => {
                        let children = self.flat.tree[at].children.iter().copied();
                        children.filter(|child| self.flat.tree[*child].slot == slot).collect()
                    }
                })
                .collect();
        }
        here
    }

    /// The port of that name, or the only one of its direction.
    fn port(&self, part: usize, wanted: Option<&str>, outgoing: bool) -> Result<String, Problem> {
        let component_type = self.types[part];
        let ports = component_type.ports.iter().filter(|(_, out)| *out == outgoing);
        let ports: Vec<&str> = ports.map(|(name, _)| name.as_str()).collect();
        let way = if outgoing { "outgoing" } else { "incoming" };
        match (wanted, ports.as_slice()) {
            (Some(wanted), ports) if ports.contains(&wanted) => Ok(wanted.to_string()),
            (None, [only]) => Ok((*only).to_string()),
            (wanted, _) => {
                let wanted = wanted.map_or(String::new(), |wanted| format!(" \"{wanted}\""));
                let message = format!("\"{}\" has no single {way} port{wanted}", component_type.name);
                Err(Problem::new(message).help(format!("its {way} ports: {}", ports.join(", "))))
            }
        }
    }

    /// Applies conditions in order: each sees the states as the ones before it left them.
    pub(super) fn conditions(
        &mut self,
        node: usize,
        dynamics: &'m Dynamics,
        now: &mut HashMap<usize, Id>,
    ) -> Result<(), Problem> {
        let common = dynamics.conditions.iter().map(|condition| (None, condition));
        let in_regimes = dynamics.regimes.iter().enumerate();
        let in_regimes = in_regimes.flat_map(|(index, regime)| regime.conditions.iter().map(move |c| (Some(index), c)));
        for (regime, condition) in common.chain(in_regimes) {
            let test = self.expression(node, &condition.test.expression)?;
            let mut test = self.with(test, now);
            if let Some(regime) = regime {
                // The regime in which the step began: a change takes effect with the next step.
                let here = self.in_regime(node, regime)?;
                test = self.flat.graph.binary(Binary::And, here, test);
            }
            let mut wave = Wave { now: now.clone(), ..Wave::default() };
            self.act(node, dynamics, &condition.actions, None, &mut wave)?;
            let changed = wave.now.into_iter().filter(|(state, value)| now.get(state) != Some(value));
            let mut own: Assignments = changed.collect();
            own.sort_unstable();
            if let Some(guard) = wave.sends {
                let test = guard.map_or(test, |guard| self.flat.graph.binary(Binary::And, test, guard));
                self.flat.timed.push(Timed { test, sends: true, assignments: own.clone() });
            }
            let moment_matters = condition.actions.transition.is_some() || wave.reached;
            if moment_matters && !matches!(wave.sends, Some(None)) {
                self.flat.timed.push(Timed { test, sends: false, assignments: own.clone() });
            }
            for (state, value) in own {
                let before = self.before(state, now);
                let chosen = self.flat.graph.select(test, value, before);
                now.insert(state, chosen);
            }
        }
        Ok(())
    }

    /// What an event that comes in changes: the root hears it, and the parts to which it is wired.
    pub(super) fn events(&mut self) -> Result<(), Problem> {
        let Some(dynamics) = &self.types[0].dynamics else { return Ok(()) };
        let heard = dynamics.events.iter().chain(dynamics.regimes.iter().flat_map(|regime| &regime.events));
        let mut ports: Vec<&str> = heard.map(|event| event.port.as_str()).collect();
        ports.sort_unstable();
        ports.dedup();
        let port = match ports.as_slice() {
            [] => return Ok(()),
            [only] => *only,
            many if many.contains(&"in") => "in",
            many => {
                let message = format!("events come in at several ports ({}), of which none is `in`", many.join(", "));
                return Err(Problem::new(message).help("connections reach one port of a component"));
            }
        };
        let mut wave = Wave::default();
        self.deliver(0, port, None, &mut wave)?;
        let mut changed: Assignments = wave.now.into_iter().collect();
        changed.sort_unstable();
        self.flat.on_event = changed;
        self.flat.event_passes = wave.sends.map(|guard| guard.unwrap_or_else(|| self.flat.graph.literal(1.0)));
        Ok(())
    }

    fn deliver(&mut self, node: usize, port: &str, guard: Option<Id>, wave: &mut Wave) -> Result<(), Problem> {
        let Some(dynamics) = &self.types[node].dynamics else { return Ok(()) };
        wave.hops += 1;
        if wave.hops > MAX_HOPS {
            return Err(Problem::new("events run in a circle inside of the component"));
        }
        // The regimes as the event finds them: one event does not pass through two.
        let mut in_regimes = Vec::new();
        for (index, regime) in dynamics.regimes.iter().enumerate() {
            for event in regime.events.iter().filter(|event| event.port == port) {
                let here = self.in_regime(node, index)?;
                let here = self.with(here, &wave.now);
                let guard = guard.map_or(here, |guard| self.flat.graph.binary(Binary::And, guard, here));
                in_regimes.push((Some(guard), event));
            }
        }
        let common = dynamics.events.iter().filter(|event| event.port == port).map(|event| (guard, event));
        for (guard, event) in common.chain(in_regimes) {
            self.act(node, dynamics, &event.actions, guard, wave)?;
        }
        wave.hops -= 1;
        Ok(())
    }

    /// New values, then events out, then a new regime with what its entry does.
    fn act(
        &mut self,
        node: usize,
        dynamics: &'m Dynamics,
        actions: &'m Actions,
        guard: Option<Id>,
        wave: &mut Wave,
    ) -> Result<(), Problem> {
        for assignment in &actions.assignments {
            let state = self.state(node, &assignment.variable)?;
            let value = self.expression(node, &assignment.value.expression)?;
            let value = self.with(value, &wave.now);
            self.set(state, value, guard, wave);
        }
        for (port, _) in &actions.events_out {
            if node == 0 && self.types[0].ports.iter().any(|(name, out)| name == port && *out) {
                wave.sends = Some(match (wave.sends, guard) {
                    (Some(None), _) | (_, None) => None,
                    (None, guard) => guard,
                    (Some(Some(other)), Some(guard)) => Some(self.flat.graph.binary(Binary::Or, other, guard)),
                });
            }
            let from = (node, port.clone());
            let ends: Vec<(usize, String)> =
                self.wires.iter().filter(|wire| wire.from == from).map(|wire| wire.to.clone()).collect();
            for (to, port) in ends {
                wave.reached = true;
                self.deliver(to, &port, guard, wave)?;
            }
        }
        if let Some(name) = &actions.transition {
            let index = dynamics.regimes.iter().position(|regime| regime.name == *name);
            let index = index.ok_or_else(|| Problem::new(format!("no regime \"{name}\"")))?;
            let state = self.state(node, REGIME)?;
            let value = self.flat.graph.literal(index as f64);
            self.set(state, value, guard, wave);
            self.act(node, dynamics, &dynamics.regimes[index].on_entry, guard, wave)?;
        }
        Ok(())
    }

    fn set(&mut self, state: usize, value: Id, guard: Option<Id>, wave: &mut Wave) {
        let value = match guard {
            Some(guard) => {
                let before = self.before(state, &wave.now);
                self.flat.graph.select(guard, value, before)
            }
            None => value,
        };
        wave.now.insert(state, value);
    }

    fn before(&mut self, state: usize, now: &HashMap<usize, Id>) -> Id {
        now.get(&state).copied().unwrap_or_else(|| self.flat.graph.leaf(Node::State(state)))
    }

    fn with(&mut self, root: Id, now: &HashMap<usize, Id>) -> Id {
        self.flat.graph.substitute(root, &|leaf| match leaf {
            Node::State(state) => now.get(&state).copied(),
            _ => None,
        })
    }
}
