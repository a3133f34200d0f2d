//! Equations as a graph in which equal parts are one: simplified and differentiated (and by `emit.rs` made a program).
//!
//! Parts that follow from parameters alone carry their value and leave the program (they are *hoisted*). The shape of
//! a graph does not depend on the values of parameters, so that components of one shape share one program; the one
//! exception is a power with a whole exponent, which becomes multiplications.

use std::collections::HashMap;

use crate::network::program::{Binary, Unary};

/// A node of a graph.
pub type Id = usize;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Node {
    /// A number that an equation writes, as bits.
    Literal(u64),
    /// The n-th parameter that the equations use.
    Parameter(usize),
    State(usize),
    Input(usize),
    Time,
    Unary(Unary, Id),
    Binary(Binary, Id, Id),
    Select(Id, Id, Id),
}

/// Equations with shared parts. Children always come before their parents.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// The value of a node that follows from parameters and literals alone.
    values: Vec<Option<f64>>,
    /// Only looked up, never walked.
    known: HashMap<Node, Id>,
    parameters: usize,
}

/// The largest whole exponent that becomes multiplications.
const LARGEST_POWER: f64 = 16.0;

impl Graph {
    /// What a node is.
    pub fn node(&self, id: Id) -> Node {
        self.nodes[id]
    }

    /// Its value, if it follows from parameters alone.
    pub fn value(&self, id: Id) -> Option<f64> {
        self.values[id]
    }

    /// How many nodes it has; their ids count from 0.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    fn add(&mut self, node: Node, value: Option<f64>) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        self.nodes.push(node);
        self.values.push(value);
        self.known.insert(node, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// A number.
    pub fn literal(&mut self, value: f64) -> Id {
        self.add(Node::Literal(value.to_bits()), Some(value))
    }

    /// A parameter; each call makes a new one.
    pub fn parameter(&mut self, value: f64) -> Id {
        self.parameters += 1;
        self.add(Node::Parameter(self.parameters), Some(value))
    }

    /// A state, an input or the time.
    pub fn leaf(&mut self, node: Node) -> Id {
        self.add(node, None)
    }

    fn is_literal(&self, id: Id, value: f64) -> bool {
        matches!(self.nodes[id], Node::Literal(bits) if f64::from_bits(bits) == value)
    }

    /// An operation on one node.
    pub fn unary(&mut self, operation: Unary, x: Id) -> Id {
        let value = self.values[x].map(|x| operation.of(x));
        match (self.nodes[x], value) {
            (Node::Literal(_), Some(value)) => self.literal(value),
            (Node::Unary(Unary::Negate, inner), _) if operation == Unary::Negate => inner,
            (Node::Binary(Binary::Mul, a, b), None)
                if operation == Unary::Negate && (self.values[a].is_some() || self.values[b].is_some()) =>
            {
                let minus = self.literal(-1.0);
                self.binary(Binary::Mul, minus, x)
            }
            _ => self.add(Node::Unary(operation, x), value),
        }
    }

    /// An operation on two nodes.
    pub fn binary(&mut self, operation: Binary, a: Id, b: Id) -> Id {
        use Binary::{Add, And, Div, Mul, Or, Pow, Sub};
        let value = self.values[a].zip(self.values[b]).map(|(a, b)| operation.of(a, b));
        if let (Node::Literal(_), Node::Literal(_), Some(value)) = (self.nodes[a], self.nodes[b], value) {
            return self.literal(value);
        }
        match operation {
            Add | Or if self.is_literal(a, 0.0) => b,
            Add | Sub | Or if self.is_literal(b, 0.0) => a,
            Sub if self.is_literal(a, 0.0) => self.unary(Unary::Negate, b),
            Mul | And if self.is_literal(a, 0.0) || self.is_literal(b, 0.0) => self.literal(0.0),
            Div if self.is_literal(a, 0.0) => a,
            Mul | And if self.is_literal(a, 1.0) => b,
            Mul | Div | And if self.is_literal(b, 1.0) => a,
            // A division costs five multiplications; the reciprocal of a parameter is taken once.
            Div if self.values[b].is_some() && self.values[a].is_none() => {
                let one = self.literal(1.0);
                let reciprocal = self.binary(Div, one, b);
                self.binary(Mul, a, reciprocal)
            }
            Pow => match self.values[b] {
                Some(power) if power.fract() == 0.0 && power.abs() <= LARGEST_POWER => self.whole_power(a, power),
                _ => self.add(Node::Binary(Pow, a, b), value),
            },
            Mul => match self.constant_times(a, b).or_else(|| self.constant_times(b, a)) {
                Some(product) => product,
                None => self.add(Node::Binary(Mul, a, b), value),
            },
            Div => match self.logistic_below(b) {
                Some(logistic) => self.binary(Mul, a, logistic),
                None => self.add(Node::Binary(Div, a, b), value),
            },
            _ => self.add(Node::Binary(operation, a, b), value),
        }
    }

    /// A constant times a value that is itself a constant times something, as one constant times that thing.
    fn constant_times(&mut self, constant: Id, x: Id) -> Option<Id> {
        let value = self.values[constant]?;
        let (operation, inner, rest) = match self.nodes[x] {
            _ if self.values[x].is_some() => return None,
            Node::Unary(Unary::Negate, rest) => {
                let constant = self.unary(Unary::Negate, constant);
                return Some(self.binary(Binary::Mul, constant, rest));
            }
            Node::Binary(Binary::Mul, a, b) if self.values[b].is_some() => (Binary::Mul, b, a),
            Node::Binary(operation @ (Binary::Mul | Binary::Div), a, b) if self.values[a].is_some() => {
                (operation, a, b)
            }
            _ => return None,
        };
        let product = value * self.values[inner]?;
        // Where the product of the constants alone is too large or too small, the order matters.
        if !product.is_normal() && value != 0.0 && self.values[inner] != Some(0.0) {
            return None;
        }
        let constant = self.binary(Binary::Mul, constant, inner);
        Some(self.binary(operation, constant, rest))
    }

    /// 1/x where x = 1 + eᶻ: the logistic function of −z, one operation in the place of three.
    fn logistic_below(&mut self, x: Id) -> Option<Id> {
        let Node::Binary(Binary::Add, a, b) = self.nodes[x] else { return None };
        let other = if self.is_literal(a, 1.0) { b } else { a };
        let (true, Node::Unary(Unary::Exp, z)) =
            (self.is_literal(a, 1.0) || self.is_literal(b, 1.0), self.nodes[other])
        else {
            return None;
        };
        let minus = self.unary(Unary::Negate, z);
        Some(self.unary(Unary::Logistic, minus))
    }

    fn whole_power(&mut self, base: Id, power: f64) -> Id {
        let mut result = self.literal(1.0);
        let mut square = base;
        let mut left = power.abs() as u32;
        while left > 0 {
            if left % 2 == 1 {
                result = self.binary(Binary::Mul, result, square);
            }
            square = self.binary(Binary::Mul, square, square);
            left /= 2;
        }
        if power < 0.0 {
            let one = self.literal(1.0);
            return self.binary(Binary::Div, one, result);
        }
        result
    }

    /// `then` where `condition` is not 0, else `other`.
    pub fn select(&mut self, condition: Id, then: Id, other: Id) -> Id {
        if then == other {
            return then;
        }
        if let Node::Literal(bits) = self.nodes[condition] {
            return if f64::from_bits(bits) != 0.0 { then } else { other };
        }
        let values = (self.values[condition], self.values[then], self.values[other]);
        let value = match values {
            (Some(condition), Some(then), Some(other)) => Some(if condition != 0.0 { then } else { other }),
            _ => None,
        };
        self.add(Node::Select(condition, then, other), value)
    }

    /// Calls `visit` for the nodes below `root`, children first, each once.
    pub(super) fn below(&self, roots: &[Id], mut visit: impl FnMut(Id)) {
        // Children come before their parents: nothing after the last root is below any.
        let end = roots.iter().max().map_or(0, |last| last + 1);
        let mut wanted = vec![false; end];
        for root in roots {
            wanted[*root] = true;
        }
        for id in (0..end).rev() {
            if wanted[id] {
                self.children(id, |child| wanted[child] = true);
            }
        }
        (0..end).filter(|id| wanted[*id]).for_each(&mut visit);
    }

    pub(super) fn children(&self, id: Id, mut visit: impl FnMut(Id)) {
        match self.nodes[id] {
            Node::Unary(_, a) => visit(a),
            Node::Binary(_, a, b) => [a, b].into_iter().for_each(visit),
            Node::Select(a, b, c) => [a, b, c].into_iter().for_each(visit),
            _ => {}
        }
    }

    /// Whether a value depends on a leaf.
    pub fn depends(&self, root: Id, leaf: Node) -> bool {
        self.leaves(&[root]).contains(&leaf)
    }

    /// Whether a value is made of a leaf by sums, products and choices between them alone, with no choice made by it.
    pub fn is_straight(&self, root: Id, leaf: Node) -> bool {
        let mut touched = vec![false; root + 1];
        let mut straight = true;
        self.below(&[root], |id| {
            let mut any = false;
            self.children(id, |child| any |= touched[child]);
            straight &= match self.nodes[id] {
                Node::Binary(Binary::Add | Binary::Sub | Binary::Mul, ..) | Node::Unary(Unary::Negate, _) => true,
                Node::Binary(Binary::Div, _, below) => !touched[below],
                Node::Select(condition, ..) => !touched[condition],
                _ => !any,
            };
            touched[id] = any || self.nodes[id] == leaf;
        });
        straight
    }

    /// The states, inputs and time that values depend on, in order of appearance.
    pub fn leaves(&self, roots: &[Id]) -> Vec<Node> {
        let mut leaves = Vec::new();
        self.below(roots, |id| {
            if matches!(self.nodes[id], Node::State(_) | Node::Input(_) | Node::Time) {
                leaves.push(self.nodes[id]);
            }
        });
        leaves
    }

    /// The same value with leaves replaced.
    pub fn substitute(&mut self, root: Id, replace: &dyn Fn(Node) -> Option<Id>) -> Id {
        let mut order = Vec::new();
        self.below(&[root], |id| order.push(id));
        let mut new: HashMap<Id, Id> = HashMap::new();
        for id in order {
            let at = |id: Id| new.get(&id).copied().unwrap_or(id);
            let node = match self.nodes[id] {
                Node::Unary(operation, a) => self.unary(operation, at(a)),
                Node::Binary(operation, a, b) => self.binary(operation, at(a), at(b)),
                Node::Select(a, b, c) => self.select(at(a), at(b), at(c)),
                leaf => replace(leaf).unwrap_or(id),
            };
            new.insert(id, node);
        }
        new.get(&root).copied().unwrap_or(root)
    }

    /// ∂root/∂leaf; a condition counts as constant, a step (floor, comparison) as flat.
    pub fn differentiate(&mut self, root: Id, leaf: Node) -> Id {
        let mut order = Vec::new();
        self.below(&[root], |id| order.push(id));
        let mut slopes: HashMap<Id, Id> = HashMap::new();
        let zero = self.literal(0.0);
        for id in order {
            let at = |id: Id| slopes.get(&id).copied().unwrap_or(zero);
            let slope = match self.nodes[id] {
                node if node == leaf => self.literal(1.0),
                _ if self.values[id].is_some() => zero,
                Node::Unary(operation, x) if at(x) != zero => self.slope_of_unary(operation, x, id, at(x)),
                Node::Binary(operation, a, b) if at(a) != zero || at(b) != zero => {
                    self.slope_of_binary(operation, [a, b, id], at(a), at(b))
                }
                Node::Select(condition, a, b) => {
                    let (a, b) = (at(a), at(b));
                    self.select(condition, a, b)
                }
                _ => zero,
            };
            slopes.insert(id, slope);
        }
        slopes.get(&root).copied().unwrap_or(zero)
    }

    fn slope_of_unary(&mut self, operation: Unary, x: Id, value: Id, dx: Id) -> Id {
        use Binary::{Add, Div, Mul, Sub};
        let one = self.literal(1.0);
        let outer = match operation {
            Unary::Negate => return self.unary(Unary::Negate, dx),
            Unary::Exp => value,
            Unary::Log => return self.binary(Div, dx, x),
            Unary::Log10 => {
                let ten = self.literal(std::f64::consts::LN_10);
                let scaled = self.binary(Mul, x, ten);
                return self.binary(Div, dx, scaled);
            }
            Unary::Sqrt => {
                let twice = self.binary(Add, value, value);
                return self.binary(Div, dx, twice);
            }
            Unary::Sin => self.unary(Unary::Cos, x),
            Unary::Cos => {
                let sine = self.unary(Unary::Sin, x);
                self.unary(Unary::Negate, sine)
            }
            Unary::Logistic => {
                let rest = self.binary(Sub, one, value);
                self.binary(Mul, value, rest)
            }
            Unary::Sinh => self.unary(Unary::Cosh, x),
            Unary::Cosh => self.unary(Unary::Sinh, x),
            Unary::Tanh => {
                let square = self.binary(Mul, value, value);
                self.binary(Sub, one, square)
            }
            Unary::Abs => {
                let zero = self.literal(0.0);
                let below = self.binary(Binary::Less, x, zero);
                let minus = self.literal(-1.0);
                self.select(below, minus, one)
            }
            // The rest is flat, or so rare that its slope is left out: the slope only steers the integrator.
            _ => return self.literal(0.0),
        };
        self.binary(Mul, outer, dx)
    }

    fn slope_of_binary(&mut self, operation: Binary, [a, b, value]: [Id; 3], da: Id, db: Id) -> Id {
        use Binary::{Add, Div, Mul, Pow, Sub};
        match operation {
            Add | Sub => self.binary(operation, da, db),
            Mul => {
                let left = self.binary(Mul, da, b);
                let right = self.binary(Mul, a, db);
                self.binary(Add, left, right)
            }
            Div => {
                let right = self.binary(Mul, value, db);
                let top = self.binary(Sub, da, right);
                self.binary(Div, top, b)
            }
            Pow => {
                // Only the base varies in equations of this field: d(aᵇ) = b aᵇ⁻¹ da.
                let one = self.literal(1.0);
                let less = self.binary(Sub, b, one);
                let power = self.binary(Pow, a, less);
                let outer = self.binary(Mul, b, power);
                self.binary(Mul, outer, da)
            }
            _ => self.literal(0.0),
        }
    }

    /// The value of a node for one instance.
    pub fn evaluate(&self, root: Id, leaf: &dyn Fn(Node) -> f64) -> f64 {
        if let Some(value) = self.values[root] {
            return value;
        }
        let mut values = vec![f64::NAN; root + 1];
        self.below(&[root], |id| {
            let at = |id: Id| values[id];
            values[id] = match (self.values[id], self.nodes[id]) {
                (Some(value), _) => value,
                (None, Node::Unary(operation, a)) => operation.of(at(a)),
                (None, Node::Binary(operation, a, b)) => operation.of(at(a), at(b)),
                (None, Node::Select(c, a, b)) => at(if at(c) != 0.0 { a } else { b }),
                (None, node) => leaf(node),
            };
        });
        values[root]
    }

    /// What follows from parameters alone, where some of them have other values.
    pub fn values_given(&self, given: &[(Id, f64)], wanted: &[Id]) -> Vec<f64> {
        let mut values = self.values.clone();
        for (id, value) in given {
            values[*id] = Some(*value);
        }
        for id in (0..self.nodes.len()).filter(|id| self.values[*id].is_some()) {
            let at = |id: Id| values[id].unwrap_or(f64::NAN);
            values[id] = match self.nodes[id] {
                Node::Unary(operation, a) => Some(operation.of(at(a))),
                Node::Binary(operation, a, b) => Some(operation.of(at(a), at(b))),
                Node::Select(c, a, b) => Some(at(if at(c) != 0.0 { a } else { b })),
                _ => values[id],
            };
        }
        wanted.iter().map(|id| values[*id].unwrap_or(f64::NAN)).collect()
    }

    /// The value of a node for one instance where some parameters have other values.
    pub fn evaluate_given(&self, root: Id, given: &[(Id, f64)], leaf: &dyn Fn(Node) -> f64) -> f64 {
        if given.is_empty() {
            return self.evaluate(root, leaf);
        }
        let mut values = vec![f64::NAN; root + 1];
        self.below(&[root], |id| {
            let at = |id: Id| values[id];
            values[id] = match (given.iter().find(|(known, _)| *known == id), self.nodes[id]) {
                (Some((_, value)), _) => *value,
                (None, Node::Literal(_) | Node::Parameter(_)) => self.values[id].unwrap_or(f64::NAN),
                (None, Node::Unary(operation, a)) => operation.of(at(a)),
                (None, Node::Binary(operation, a, b)) => operation.of(at(a), at(b)),
                (None, Node::Select(c, a, b)) => at(if at(c) != 0.0 { a } else { b }),
                (None, node) => leaf(node),
            };
        });
        values[root]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_the_limit_of_differences() {
        let mut graph = Graph::default();
        let x = graph.leaf(Node::State(0));
        let p = graph.parameter(0.7);
        let e = graph.unary(Unary::Exp, x);
        let t = graph.unary(Unary::Tanh, e);
        let q = graph.binary(Binary::Div, t, x);
        let cube = graph.literal(3.0);
        let power = graph.binary(Binary::Pow, x, cube);
        let scaled = graph.binary(Binary::Mul, p, power);
        let f = graph.binary(Binary::Sub, q, scaled);
        let slope = graph.differentiate(f, Node::State(0));
        for x in [-1.3, 0.2, 0.9] {
            let h = 1e-6;
            let difference = (graph.evaluate(f, &|_| x + h) - graph.evaluate(f, &|_| x - h)) / (2.0 * h);
            // Central differences are good to h² and to the rounding 1e-16/h.
            assert!((graph.evaluate(slope, &|_| x) - difference).abs() < 1e-8);
        }
    }

    #[test]
    fn constants_before_a_value_become_one_and_a_sigmoid_one_operation() {
        let mut graph = Graph::default();
        let (a, b) = (graph.parameter(2.0), graph.parameter(-3.0));
        let x = graph.leaf(Node::State(0));
        let inner = graph.binary(Binary::Mul, x, b);
        let minus = graph.unary(Unary::Negate, inner);
        let outer = graph.binary(Binary::Mul, a, minus);
        assert!(matches!(graph.node(outer), Node::Binary(Binary::Mul, factor, rest)
            if graph.value(factor) == Some(6.0) && rest == x));
        let one = graph.literal(1.0);
        let power = graph.unary(Unary::Exp, minus);
        let below = graph.binary(Binary::Add, one, power);
        let sigmoid = graph.binary(Binary::Div, one, below);
        assert!(matches!(graph.node(sigmoid), Node::Unary(Unary::Logistic, _)));
        let slope = graph.differentiate(sigmoid, Node::State(0));
        for x in [-2.0_f64, 0.0, 0.3] {
            let s = 1.0 / (1.0 + (3.0 * x).exp());
            // Both go through a few roundings of 1e-16.
            assert!((graph.evaluate(sigmoid, &|_| x) - s).abs() < 1e-15);
            assert!((graph.evaluate(slope, &|_| x) + 3.0 * s * (1.0 - s)).abs() < 3e-15);
        }
    }

    #[test]
    fn constants_too_large_together_are_left_apart() {
        let mut graph = Graph::default();
        let (a, b) = (graph.parameter(1e200), graph.parameter(1e200));
        let x = graph.leaf(Node::State(0));
        let inner = graph.binary(Binary::Mul, a, x);
        let outer = graph.binary(Binary::Mul, b, inner);
        assert_eq!(graph.evaluate(outer, &|_| 1e-200), 1e200);
        assert_eq!(graph.evaluate(outer, &|_| 0.0), 0.0);
    }
}
