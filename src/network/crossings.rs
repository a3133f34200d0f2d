//! When within a step a threshold was crossed, and how the cell goes on from there.
//!
//! ```text
//! θ = g(x₀) / (g(x₀) − g(x₁)),   t* = t₀ + θ dt,   x* = x₀ + θ (x₁ − x₀)
//! x' = r + h φ₁(h J) f(r),       r = x* after the assignments,   h = (1 − θ) dt
//! ```
//!
//! g what the condition compares (v − threshold), x₀ and x₁ the states before and after the step, r the state after
//! the reset, f and J its rate and slope. Without it, every spike would come up to one step late, an error of first
//! order that adds up from spike to spike; with it the error of a spike time is of second order.
//!
//! Source: Hansel et al. 1998, doi:10.1162/089976698300017845; Shelley & Tao 2001, doi:10.1023/A:1012885314187.

use crate::network::Network;
use crate::network::flat::{Flat, Timed};
use crate::network::graph::{Graph, Id, Node};
use crate::network::population::Group;
use crate::network::program::{Binary, Unary};

/// A cell at both ends of a step.
struct Passage<'a> {
    group: &'a Group,
    flat: &'a Flat,
    data: &'a [f64],
    lane: usize,
    old: Vec<f64>,
    new: Vec<f64>,
    /// The times of both ends [s].
    times: [f64; 2],
}

impl Passage<'_> {
    fn value(&self, root: Id, states: &[f64], time: f64) -> f64 {
        self.flat.graph.evaluate(root, &|leaf| match leaf {
            Node::State(state) => states[state],
            Node::Input(input) => self.data[self.group.at(self.lane, self.group.input_column(input))],
            _ => time,
        })
    }

    /// Where in the step a test became true, from 0 to 1: where the last of its comparisons did.
    fn fraction(&self, test: Id) -> f64 {
        let mut comparisons = Vec::new();
        comparisons_of(&self.flat.graph, test, &mut comparisons);
        let mut latest: f64 = 0.0;
        for (low, high) in comparisons {
            let gap = |states: &[f64], time| self.value(high, states, time) - self.value(low, states, time);
            let (before, after) = (gap(&self.old, self.times[0]), gap(&self.new, self.times[1]));
            if before < 0.0 && after >= 0.0 && after.is_finite() {
                latest = latest.max(before / (before - after));
            }
        }
        latest
    }
}

/// The comparisons low < high that must all hold.
fn comparisons_of(graph: &Graph, test: Id, found: &mut Vec<(Id, Id)>) {
    match graph.node(test) {
        Node::Binary(Binary::And, a, b) => {
            comparisons_of(graph, a, found);
            comparisons_of(graph, b, found);
        }
        Node::Binary(Binary::Less | Binary::LessEqual, low, high) => found.push((low, high)),
        _ => {}
    }
}

impl Network {
    /// Looks closer at a cell in which a condition with an event or a new regime became true: gives the time of its
    /// event [s], if one goes out, and the states at the end of the step where they differ from `assigned`.
    pub(super) fn cross(&self, index: usize, lane: usize, assigned: &[f64]) -> (Option<f64>, Vec<f64>) {
        let group = &self.groups[index];
        let flat = &self.flats[group.flat_of[lane]];
        let start = (self.steps - 1) as f64 * self.dt;
        let passage = Passage {
            group,
            flat,
            data: &self.data,
            lane,
            old: (0..group.states).map(|state| self.at_start(index, lane, state)).collect(),
            new: (0..group.states).map(|state| self.data[group.at(lane, state)]).collect(),
            times: [self.time_of(self.steps - 1), self.time_of(self.steps)],
        };
        let holds = |timed: &&Timed| passage.value(timed.test, &passage.new, passage.times[1]) != 0.0;
        let Some(fired) = flat.timed.iter().find(holds) else { return (None, assigned.to_vec()) };
        let fraction = passage.fraction(fired.test);
        // Several at once (two spikes of an array within a step) are taken at the end of the step.
        // Where the motion stays as it is and an event goes out, nothing depends on the others.
        let moved = changes_motion(flat, fired);
        let others = flat.timed.iter().filter(|timed| (moved || !fired.sends) && holds(timed));
        let others: Vec<&Timed> = others.filter(|timed| timed.assignments != fired.assignments).collect();
        if !others.is_empty() {
            let sends = others.iter().chain([&fired]).any(|timed| timed.sends);
            return (sends.then_some(start + fraction * self.dt), assigned.to_vec());
        }
        let event = fired.sends.then_some(start + fraction * self.dt);
        if !moved || !self.exact_crossings() {
            return (event, assigned.to_vec());
        }
        let time = start + fraction * self.dt;
        let between: Vec<f64> =
            passage.old.iter().zip(&passage.new).map(|(old, new)| old + fraction * (new - old)).collect();
        let mut reset = between.clone();
        for (state, value) in &fired.assignments {
            reset[*state] = passage.value(*value, &between, time);
        }
        let rest = (1.0 - fraction) * self.dt;
        let mut end = reset.clone();
        for (state, known) in flat.states.iter().enumerate() {
            let (Some(rate), Some(slope)) = (known.rate, known.slope) else { continue };
            let z = rest * passage.value(slope, &reset, time);
            end[state] += rest * Unary::Phi1.of(z) * passage.value(rate, &reset, time);
        }
        (event, end)
    }
}

/// Whether an assignment touches what moves by itself, or how it moves.
fn changes_motion(flat: &Flat, timed: &Timed) -> bool {
    let rates: Vec<Id> = flat.states.iter().filter_map(|state| state.rate).collect();
    let steering = flat.graph.leaves(&rates);
    timed
        .assignments
        .iter()
        .any(|(state, _)| steering.contains(&Node::State(*state)) || flat.states[*state].rate.is_some())
}
