//! One flat set of equations: states, inputs, rates, and what conditions and events change.
//!
//! A component with all its children, once their names are resolved (see flatten.rs).

use std::collections::HashMap;

use crate::error::{Problem, nearest};
use crate::network::graph::{Graph, Id, Node};

/// What comes from outside into a flat set of equations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// The weight of the connection.
    Weight,
    /// A variable of the cell that carries this synapse or input.
    Host(String),
    /// A variable of the other cell of the connection.
    Peer(String),
    /// The sum of an exposure over everything attached.
    Attached(String),
    /// The slope of that sum along one of the cell's own variables.
    Slope(String, String),
    /// What the integrator keeps of a state from one stage or step to the next.
    Kept(usize, Kept),
    /// A number between 0 and 1, new in every step; counted within a flat set.
    Noise(usize),
    /// A state that all synapses of one peer have in common (see share.rs).
    Shared(usize),
}

/// What an integrator may keep of a state (see integrate.rs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// The state as the step began.
    Start,
    /// The rate of the last look, or a sum of rates.
    Rate,
    /// Where the last look was.
    Point,
    /// How the rate depends on the state.
    Slope,
    /// What drove the state at the last look: its rate without its own linear part.
    Drive,
}

/// A variable that remembers.
#[derive(Debug, Clone)]
pub struct State {
    /// The component in the tree and the name.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Its value at t = 0.
    pub initial: Option<Id>,
    /// Its rate of change; none if only events and assignments change it.
    pub rate: Option<Id>,
    /// How its rate depends on itself, never above zero; set by the integrator.
    pub slope: Option<Id>,
}

/// A condition whose moment matters: it sends an event or begins a regime.
#[derive(Debug, Clone)]
pub struct Timed {
    /// When it holds.
    pub test: Id,
    /// Whether an event leaves the component.
    pub sends: bool,
    /// States in order with their new values.
    pub assignments: Assignments,
}

/// One component of the tree.
#[derive(Debug, Clone)]
pub struct TreeNode {
    /// The place in its parent that it fills.
    pub slot: String,
    /// Its id.
    pub id: String,
    /// Its type.
    pub type_name: String,
    /// Index of its parent.
    pub parent: Option<usize>,
    /// Indices of its children.
    pub children: Vec<usize>,
}

/// What an event at the port `in` changes: states in order with their new values.
pub type Assignments = Vec<(usize, Id)>;

/// The flat set of equations of a component.
#[derive(Debug, Clone)]
pub struct Flat {
    /// All equations.
    pub graph: Graph,
    /// All states.
    pub states: Vec<State>,
    /// All inputs.
    pub inputs: Vec<Input>,
    /// The tree of components; the first is the root.
    pub tree: Vec<TreeNode>,
    /// What the conditions make of each state that they touch, all conditions applied.
    pub after_conditions: Assignments,
    /// Whether any of the conditions below holds.
    pub timed_out: Option<Id>,
    /// Conditions whose moment matters, in order.
    pub timed: Vec<Timed>,
    /// What an event that comes in changes.
    pub on_event: Assignments,
    /// When an event that comes in makes one go out (a relay), if ever: where this is not zero.
    pub event_passes: Option<Id>,
    /// Parameters by component and name, where the equations have them.
    pub parameters: Vec<(usize, String, Id)>,
    /// Whether its potential is one of many that a cable joins (cable.rs).
    pub cable: bool,
    /// Every variable that has a value: its component and name.
    pub(super) variables: HashMap<(usize, String), Id>,
}

impl Flat {
    /// The value of a variable by its path from the root: "v", "biophys/…/k_fast/p/q".
    ///
    /// # Errors
    /// The step that leads nowhere, with the nearest that does.
    pub fn find(&self, path: &str) -> Result<Id, Problem> {
        let mut node = 0;
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        let Some((name, steps)) = steps.split_last() else { return Err(Problem::new("an empty path")) };
        for step in steps {
            let step = step.split('[').next().unwrap_or(step);
            node = self.child(node, step).ok_or_else(|| {
                let children = self.tree[node].children.iter().map(|child| &self.tree[*child]);
                let names: Vec<&str> =
                    children.map(|c| if c.id.is_empty() { &c.slot } else { &c.id }.as_str()).collect();
                suggest(format!("no \"{step}\" in \"{}\"", self.tree[node].type_name), step, &names)
            })?;
        }
        self.variables.get(&(node, (*name).to_string())).copied().ok_or_else(|| {
            let mut names: Vec<&str> =
                self.variables.keys().filter(|(at, _)| *at == node).map(|(_, name)| name.as_str()).collect();
            names.sort_unstable();
            suggest(format!("\"{}\" has no variable \"{name}\"", self.tree[node].type_name), name, &names)
        })
    }

    pub(super) fn child(&self, node: usize, step: &str) -> Option<usize> {
        let children = &self.tree[node].children;
        let by =
            |matches: &dyn Fn(&TreeNode) -> bool| children.iter().copied().find(|child| matches(&self.tree[*child]));
        by(&|child| child.id == step)
            .or_else(|| by(&|child| child.slot == step))
            .or_else(|| by(&|c| c.type_name == step))
    }

    /// The place of an input in the list of inputs, which grows where it is new.
    pub fn input(&mut self, input: Input) -> Id {
        let index = self.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        });
        self.graph.leaf(Node::Input(index))
    }

    /// A state in words: "k_fast/p/q".
    pub fn state_path(&self, state: usize) -> String {
        let State { node, name, .. } = &self.states[state];
        let mut path = name.clone();
        let mut at = *node;
        while let Some(parent) = self.tree[at].parent {
            let here = &self.tree[at];
            path = format!("{}/{path}", if here.id.is_empty() { &here.slot } else { &here.id });
            at = parent;
        }
        path
    }
}

fn suggest(message: String, wanted: &str, names: &[&str]) -> Problem {
    match nearest(wanted, names.iter().copied()) {
        Some(known) => Problem::new(message).help(format!("did you mean \"{known}\"?")),
        None => Problem::new(message).help(format!("there are {}", names.join(", "))),
    }
}
