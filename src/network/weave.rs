//! Synapses that are a product of what one cell gives and what the other has become a sparse matrix.
//!
//! ```text
//! i = w g s (E − V)   →   I = Σⱼ aⱼ sⱼ + V Σⱼ bⱼ sⱼ,   aⱼ = w g E,  bⱼ = −w g,   ∂I/∂V = Σⱼ bⱼ sⱼ
//! i = w g (Vⱼ − V)    →   I = Σⱼ aⱼ Vⱼ + V b,          aⱼ = w g,    b = −Σⱼ w g
//! ```
//!
//! i the current of one synapse, I the sum over all that feed a cell, s or Vⱼ what the other cell gives, V the host's
//! own potential. An analogue synapse without memory of its own (a graded synapse whose state is its peer's, see
//! share.rs; a gap junction) is of this form. The form is found in the equations, by multiplying out; no synapse is
//! known here by name. A row of the matrix costs two multiplications per connection, in a fixed order; running each
//! synapse as an instance costs ten times as much.

use crate::network::flat::{Flat, Input};
use crate::network::graph::{Id, Node};
use crate::network::program::{Binary, Unary};

/// One summand of an equation multiplied out: a factor that does not change, times a variable of the other cell (if
/// any), times a variable of the host (if any); variables are inputs by index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What parameters and the weight make of it.
    pub factor: Id,
    /// The input that comes from the other cell.
    pub peer: Option<usize>,
    /// The input that comes from the host.
    pub host: Option<usize>,
}

/// The most summands of one equation; more are no product of two.
const MOST_TERMS: usize = 8;

/// Multiplies a value out; nothing if it is not of this form.
pub fn terms(flat: &mut Flat, value: Id) -> Option<Vec<Term>> {
    let bare = flat.states.is_empty() && flat.timed.is_empty() && flat.on_event.is_empty();
    if !bare || !flat.after_conditions.is_empty() {
        return None;
    }
    let all = expand(flat, value)?;
    let mut together: Vec<Term> = Vec::new();
    for term in all {
        match together.iter_mut().find(|known| (known.peer, known.host) == (term.peer, term.host)) {
            Some(known) => known.factor = flat.graph.binary(Binary::Add, known.factor, term.factor),
            None => together.push(term),
        }
    }
    Some(together)
}

fn expand(flat: &mut Flat, id: Id) -> Option<Vec<Term>> {
    let still = |factor| Some(vec![Term { factor, peer: None, host: None }]);
    if flat.graph.value(id).is_some() {
        return still(id);
    }
    match flat.graph.node(id) {
        Node::Input(input) => {
            let one = flat.graph.literal(1.0);
            match flat.inputs[input] {
                Input::Weight => still(id),
                Input::Peer(_) | Input::Shared(_) => Some(vec![Term { factor: one, peer: Some(input), host: None }]),
                Input::Host(_) => Some(vec![Term { factor: one, peer: None, host: Some(input) }]),
                _ => None,
            }
        }
        Node::Unary(Unary::Negate, inner) => {
            let mut terms = expand(flat, inner)?;
            for term in &mut terms {
                term.factor = flat.graph.unary(Unary::Negate, term.factor);
            }
            Some(terms)
        }
        Node::Binary(operation @ (Binary::Add | Binary::Sub), a, b) => {
            let mut terms = expand(flat, a)?;
            for mut term in expand(flat, b)? {
                if operation == Binary::Sub {
                    term.factor = flat.graph.unary(Unary::Negate, term.factor);
                }
                terms.push(term);
            }
            (terms.len() <= MOST_TERMS).then_some(terms)
        }
        Node::Binary(Binary::Mul, a, b) => {
            let (left, right) = (expand(flat, a)?, expand(flat, b)?);
            let mut terms = Vec::with_capacity(left.len() * right.len());
            for a in &left {
                for b in &right {
                    // A square of a variable is no product of two cells.
                    if (a.peer.is_some() && b.peer.is_some()) || (a.host.is_some() && b.host.is_some()) {
                        return None;
                    }
                    let factor = flat.graph.binary(Binary::Mul, a.factor, b.factor);
                    terms.push(Term { factor, peer: a.peer.or(b.peer), host: a.host.or(b.host) });
                }
            }
            (terms.len() <= MOST_TERMS).then_some(terms)
        }
        _ => None,
    }
}

/// One connection: what it reads, and the factors of that alone and of that times the host's variable.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Thread {
    source: u32,
    alone: f64,
    by_host: f64,
}

/// Everything that feeds one input of one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where the sum is added.
    pub target: u32,
    /// Where its slope along the host's variable is added.
    pub slope: Option<u32>,
    /// Where the host's variable is.
    pub host: Option<u32>,
    first: u32,
    end: u32,
    alone: f64,
    by_host: f64,
}

/// The matrix: a row for each cell that is fed.
#[derive(Debug, Clone, Default)]
pub struct Weave {
    rows: Vec<Row>,
    threads: Vec<Thread>,
}

impl Weave {
    /// Begins the row of a cell; what is added next belongs to it.
    pub fn begin(&mut self, target: u32, slope: Option<u32>, host: Option<u32>) {
        let first = self.threads.len() as u32;
        self.rows.push(Row { target, slope, host, first, end: first, alone: 0.0, by_host: 0.0 });
    }

    /// Adds `alone` + `by_host` · (the host's variable) to the row, times what stands at `source` if there is one.
    /// Connections from one source are one.
    pub fn add(&mut self, source: Option<u32>, alone: f64, by_host: f64) {
        let Some(row) = self.rows.last_mut() else { return };
        match source {
            None => {
                row.alone += alone;
                row.by_host += by_host;
            }
            Some(source) => {
                let own = &mut self.threads[row.first as usize..];
                match own.iter_mut().find(|thread| thread.source == source) {
                    Some(thread) => {
                        thread.alone += alone;
                        thread.by_host += by_host;
                    }
                    None => self.threads.push(Thread { source, alone, by_host }),
                }
                row.end = self.threads.len() as u32;
            }
        }
    }

    /// Adds all rows to the inputs of the cells, which must have been cleared.
    pub fn run(&self, data: &mut [f64]) {
        for row in &self.rows {
            let (mut alone, mut by_host) = (row.alone, row.by_host);
            for thread in &self.threads[row.first as usize..row.end as usize] {
                let x = data[thread.source as usize];
                alone += thread.alone * x;
                by_host += thread.by_host * x;
            }
            let host = row.host.map_or(0.0, |host| data[host as usize]);
            data[row.target as usize] += alone + by_host * host;
            if let Some(slope) = row.slope {
                data[slope as usize] += by_host;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_sum_of_its_synapses_and_its_slope_that_of_theirs() {
        // data: [V of the host, s of two peers, I, ∂I/∂V]
        let mut data = [-0.05, 0.2, 0.7, 0.0, 0.0];
        let synapses = [(1, 2e-9, 0.0), (2, 3e-9, -0.07), (1, 1e-9, 0.04)];
        let mut weave = Weave::default();
        weave.begin(3, Some(4), Some(0));
        for (source, g, reversal) in synapses {
            weave.add(Some(source), g * reversal, -g);
        }
        weave.add(None, 1e-12, 0.0);
        assert_eq!(weave.threads.len(), 2, "connections from one source are one");
        weave.run(&mut data);
        let current: f64 = synapses.iter().map(|(j, g, e)| g * data[*j as usize] * (e - data[0])).sum();
        // Both are sums of a few numbers of one size: equal to a few units in the last place.
        assert!((data[3] - current - 1e-12).abs() < 1e-24, "{} {current}", data[3]);
        assert!((data[4] + 3e-9 * 0.2 + 3e-9 * 0.7).abs() < 1e-23);
    }
}
