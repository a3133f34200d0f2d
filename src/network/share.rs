//! What many synapses of one neuron would compute alike is computed once.
//!
//! ```text
//! ds/dt = (s∞(V_peer) − s)/τ(V_peer)    the same s in every synapse that this peer makes, whatever cell it feeds
//! I = w g s (E − V_host)                each synapse its own
//! ```
//!
//! Where the states of a synapse follow from the other cell alone (no weight, no host, no event), its flat set is
//! parted: the *source* holds the states, one instance for each peer; the *target* reads them and has none. A neuron
//! with thirteen graded synapses so solves one equation and not thirteen; the bits are the same.

use crate::network::flat::{Flat, Input};
use crate::network::graph::{Id, Node};

/// Parts a flat set: returns the source and leaves the target, or nothing where the states are each synapse's own.
pub fn part(flat: &mut Flat) -> Option<Flat> {
    let moving = flat.states.iter().all(|state| state.rate.is_some());
    if flat.states.is_empty()
        || !moving
        || !flat.timed.is_empty()
        || !flat.on_event.is_empty()
        || flat.event_passes.is_some()
    {
        return None;
    }
    let changes = flat.after_conditions.iter().map(|(_, value)| *value);
    let rates = flat.states.iter().flat_map(|state| state.rate.into_iter().chain(state.initial));
    let equations: Vec<Id> = rates.chain(changes).collect();
    let hears = |leaf: &Node| matches!(leaf, Node::Input(input) if matches!(flat.inputs[*input], Input::Peer(_)));
    let leaves = flat.graph.leaves(&equations);
    if !leaves.iter().any(hears) || !of_peer(flat, &equations) {
        return None;
    }
    let mut source = flat.clone();
    source.variables.retain(|_, id| of_peer(flat, &[*id]));
    // Only the peer's inputs stay, in their order.
    source.inputs.retain(|input| matches!(input, Input::Peer(_)));
    let places: Vec<Option<Id>> = flat
        .inputs
        .iter()
        .map(|input| source.inputs.iter().position(|known| known == input))
        .map(|place| place.map(|place| source.graph.leaf(Node::Input(place))))
        .collect();
    let to_source = |leaf: Node| match leaf {
        Node::Input(input) => places[input],
        _ => None,
    };
    let Flat { graph, states, variables, after_conditions, .. } = &mut source;
    for id in states.iter_mut().flat_map(|state| state.rate.iter_mut().chain(&mut state.initial)) {
        *id = graph.substitute(*id, &to_source);
    }
    // In order of their nodes, so that the graph is the same in every run.
    let mut ids: Vec<&mut Id> = variables.values_mut().chain(after_conditions.iter_mut().map(|(_, id)| id)).collect();
    ids.sort_unstable();
    for id in ids {
        *id = graph.substitute(*id, &to_source);
    }
    let shared: Vec<Id> = (0..flat.states.len()).map(|state| flat.input(Input::Shared(state))).collect();
    let to_target = |leaf: Node| match leaf {
        Node::State(state) => Some(shared[state]),
        _ => None,
    };
    let Flat { graph, variables, .. } = flat;
    let mut ids: Vec<&mut Id> = variables.values_mut().collect();
    ids.sort_unstable();
    for id in ids {
        *id = graph.substitute(*id, &to_target);
    }
    flat.states.clear();
    flat.after_conditions.clear();
    Some(source)
}

/// Whether values follow from the other cell and the states alone.
fn of_peer(flat: &Flat, values: &[Id]) -> bool {
    flat.graph.leaves(values).iter().all(|leaf| match leaf {
        Node::Input(input) => matches!(flat.inputs[*input], Input::Peer(_)),
        _ => true,
    })
}

/// Whether a target looks at an input itself, and does not leave it to its source.
pub fn looks_at(target: &Flat, input: usize) -> bool {
    let own = |leaf: &Node| matches!(leaf, Node::Input(input) if !matches!(target.inputs[*input], Input::Peer(_) | Input::Shared(_)));
    target.variables.values().any(|id| {
        let leaves = target.graph.leaves(&[*id]);
        leaves.contains(&Node::Input(input)) && leaves.iter().any(own)
    })
}
