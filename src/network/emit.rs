//! A graph written out as a program: which parts are computed, in which order, and where each result stands.
//!
//! A product that only one sum needs is fused into it. A result goes straight into its column where nothing reads that
//! column from then on, else into a temporary, which is free again after its last reader.

use std::collections::HashMap;

use crate::network::graph::{Graph, Id, Node};
use crate::network::program::{Action, Binary, Place, Program, Source, Step};

impl Graph {
    /// The sums that take a product which nothing else needs: its two factors and the other summand.
    fn fused(&self, roots: &[Id]) -> Vec<Option<(Id, Id, Id)>> {
        let mut uses = vec![0; self.size()];
        roots.iter().for_each(|root| uses[*root] += 2);
        self.below(roots, |id| {
            if self.value(id).is_none() {
                self.children(id, |child| uses[child] += 1);
            }
        });
        let product = |id: Id| match self.node(id) {
            Node::Binary(Binary::Mul, x, y) if self.value(id).is_none() && uses[id] == 1 => Some((x, y)),
            _ => None,
        };
        let fuse = |id: Id| match self.node(id) {
            Node::Binary(Binary::Add | Binary::Sub, a, b) if self.value(id).is_none() && a != b => {
                let first = product(a).map(|(x, y)| (x, y, b));
                first.or_else(|| product(b).map(|(x, y)| (x, y, a)))
            }
            _ => None,
        };
        (0..self.size()).map(fuse).collect()
    }

    /// What an operation reads, with products that it takes into itself.
    fn operands(&self, id: Id, fused: &[Option<(Id, Id, Id)>], mut visit: impl FnMut(Id)) {
        match fused[id] {
            Some((x, y, z)) => [x, y, z].into_iter().for_each(visit),
            None => self.children(id, &mut visit),
        }
    }

    /// Writes a program that computes nodes into columns. Values that follow from parameters are appended to
    /// `hoisted` unless it holds them.
    pub fn emit(&self, outputs: &[(Id, u16)], column: &dyn Fn(Node) -> u16, hoisted: &mut Vec<Id>) -> Program {
        let mut program = Program::default();
        let roots: Vec<Id> = outputs.iter().map(|(id, _)| *id).collect();
        let fused = self.fused(&roots);
        let mut wanted = vec![false; self.size()];
        roots.iter().for_each(|root| wanted[*root] = true);
        let mut last_use = vec![0; self.size()];
        for id in (0..self.size()).rev() {
            if wanted[id] && self.value(id).is_none() {
                self.operands(id, &fused, |child| {
                    wanted[child] = true;
                    last_use[child] = last_use[child].max(id);
                });
            }
        }
        roots.iter().for_each(|root| last_use[*root] = usize::MAX);
        // A result goes straight into its column where nothing reads that column from then on.
        let mut last_read: HashMap<u16, usize> = HashMap::new();
        for id in (0..self.size()).filter(|id| wanted[*id] && self.value(*id).is_none()) {
            if let Node::State(_) | Node::Input(_) = self.node(id) {
                last_read.insert(column(self.node(id)), last_use[id]);
            }
        }
        let mut direct: HashMap<Id, u16> = HashMap::new();
        for (id, to) in outputs {
            let computed = matches!(self.node(*id), Node::Unary(..) | Node::Binary(..) | Node::Select(..));
            if computed && self.value(*id).is_none() && last_read.get(to).is_none_or(|last| last < id) {
                direct.entry(*id).or_insert(*to);
            }
        }
        let mut sources: HashMap<Id, Source> = HashMap::new();
        let mut free: Vec<u16> = Vec::new();
        for id in (0..self.size()).filter(|id| wanted[*id]) {
            let at = |id: Id| sources.get(&id).copied().unwrap_or(Source::Time);
            let action = match (self.value(id), self.node(id)) {
                (Some(value), Node::Literal(_)) => {
                    let uniform = program.uniform(value);
                    sources.insert(id, Source::Uniform(uniform));
                    continue;
                }
                (Some(_), _) => {
                    let slot = hoisted.iter().position(|known| *known == id).unwrap_or_else(|| {
                        hoisted.push(id);
                        hoisted.len() - 1
                    });
                    sources.insert(id, Source::Hoisted(slot as u16));
                    continue;
                }
                (None, Node::Unary(operation, a)) => Action::Unary(operation, at(a)),
                (None, Node::Binary(operation, a, b)) => match (operation, fused[id]) {
                    (Binary::Add, Some((x, y, z))) => Action::MulAdd(at(x), at(y), at(z)),
                    (_, Some((x, y, z))) if z == b => Action::MulSub(at(x), at(y), at(z)),
                    (_, Some((x, y, z))) => Action::SubMul(at(x), at(y), at(z)),
                    (operation, None) => Action::Binary(operation, at(a), at(b)),
                },
                (None, Node::Select(c, a, b)) => Action::Select(at(c), at(a), at(b)),
                (None, Node::Time) => {
                    sources.insert(id, Source::Time);
                    continue;
                }
                (None, leaf) => {
                    sources.insert(id, Source::Column(column(leaf)));
                    continue;
                }
            };
            let into = match direct.get(&id) {
                Some(column) => {
                    sources.insert(id, Source::Column(*column));
                    Place::Column(*column)
                }
                None => {
                    let into = free.pop().unwrap_or_else(|| {
                        program.temporaries += 1;
                        program.temporaries - 1
                    });
                    sources.insert(id, Source::Temporary(into));
                    Place::Temporary(into)
                }
            };
            // Freed after the result has its place, so that it never stands on an operand.
            self.operands(id, &fused, |child| {
                if last_use[child] == id
                    && let Some(Source::Temporary(index)) = sources.get(&child)
                    && !free.contains(index)
                {
                    free.push(*index);
                }
            });
            program.steps.push(Step { action, into });
        }
        let stores = outputs.iter().filter(|(id, column)| direct.get(id) != Some(column));
        program.stores = stores.map(|(id, column)| (sources[id], *column)).collect();
        program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_parameters_leaves_the_program() {
        let mut graph = Graph::default();
        let (a, b) = (graph.parameter(2.0), graph.parameter(3.0));
        let x = graph.leaf(Node::State(0));
        let ab = graph.binary(Binary::Mul, a, b);
        let y = graph.binary(Binary::Mul, ab, x);
        let mut hoisted = Vec::new();
        let program = graph.emit(&[(y, 1)], &|_| 0, &mut hoisted);
        assert_eq!((program.steps.len(), program.stores.len(), hoisted.len()), (1, 0, 1));
        assert_eq!(graph.value(hoisted[0]), Some(6.0));
    }
}
