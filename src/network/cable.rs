//! The potentials of cells of many compartments: one linear system a step, solved along each tree.
//!
//! ```text
//! (2C/dt − C J) m + Σ g (m − m_neighbour) = (2C/dt) Vₙ + C d,     V' = 2m − Vₙ
//! ```
//!
//! Vₙ the potential as the step begins, m the one in the middle of the step, C a compartment's capacitance [F], J and d
//! the slope [1/s] and the drive [V/s] of its own equations there (integrate.rs), g the conductance to a neighbour [S].
//! The trapezoidal rule with the rates of the middle: second order, stable at any dt. A joint without surface has C = 0.
//! The matrix is a tree's: elimination from the tips to the root and back costs one division a node.
//!
//! Source: Hines 1984, doi:10.1016/0020-7101(84)90008-4.

/// Where a compartment finds its columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seat {
    /// The state, as the step ends.
    pub state: u32,
    /// The state as the step began.
    pub start: u32,
    /// What drives it.
    pub drive: u32,
    /// How its rate depends on itself.
    pub slope: u32,
}

/// All trees, node after node, each after the node that it hangs on.
#[derive(Debug, Clone, Default)]
pub struct Cables {
    seats: Vec<Option<Seat>>,
    parents: Vec<u32>,
    /// To the parent [S]; 0 for a root.
    conductances: Vec<f64>,
    capacitances: Vec<f64>,
    /// What never changes of the diagonal.
    still: Vec<f64>,
    diagonal: Vec<f64>,
    right: Vec<f64>,
    /// 2/dt.
    pace: f64,
}

impl Cables {
    /// No cable yet, for steps of `dt` [s].
    pub fn new(dt: f64) -> Self {
        Self { pace: 2.0 / dt, ..Self::default() }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.seats.len()
    }

    /// Adds a node that hangs on an earlier one; a joint has no seat and no capacitance.
    pub fn add(&mut self, seat: Option<Seat>, capacitance: f64, parent: Option<(usize, f64)>) {
        let (parent, conductance) = parent.unwrap_or((self.nodes(), 0.0));
        self.seats.push(seat);
        self.parents.push(parent as u32);
        self.conductances.push(conductance);
        self.capacitances.push(capacitance);
        self.still.push(self.pace * capacitance + conductance);
        if conductance > 0.0 {
            self.still[parent] += conductance;
        }
        self.diagonal.push(0.0);
        self.right.push(0.0);
    }

    /// Moves all potentials through the step.
    pub fn solve(&mut self, data: &mut [f64]) {
        for (node, seat) in self.seats.iter().enumerate() {
            let (capacitance, still) = (self.capacitances[node], self.still[node]);
            (self.diagonal[node], self.right[node]) = match seat {
                Some(seat) => {
                    let at = |place: u32| data[place as usize];
                    let pull = self.pace * at(seat.start) + at(seat.drive);
                    (still - capacitance * at(seat.slope), capacitance * pull)
                }
                None => (still, 0.0),
            };
        }
        for node in (0..self.seats.len()).rev() {
            let conductance = self.conductances[node];
            let inverse = 1.0 / self.diagonal[node];
            self.diagonal[node] = inverse;
            if conductance > 0.0 {
                let parent = self.parents[node] as usize;
                self.diagonal[parent] -= conductance * conductance * inverse;
                self.right[parent] += conductance * inverse * self.right[node];
            }
        }
        for node in 0..self.seats.len() {
            let above = if self.conductances[node] > 0.0 { self.right[self.parents[node] as usize] } else { 0.0 };
            let middle = (self.right[node] + self.conductances[node] * above) * self.diagonal[node];
            self.right[node] = middle;
            if let Some(seat) = self.seats[node] {
                data[seat.state as usize] = 2.0 * middle - data[seat.start as usize];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passive_pair_comes_together_at_the_rate_of_its_time_constant() {
        // Two compartments of C, joined by g through a joint of 2g on each side: the difference falls with 2g/C.
        let (capacitance, g, dt) = (1e-12, 5e-9, 1e-5);
        let mut cables = Cables::new(dt);
        // data: states, starts, drives, slopes of the two.
        let mut data = vec![-0.06, -0.07, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let seat = |k: u32| Seat { state: k, start: 2 + k, drive: 4 + k, slope: 6 + k };
        cables.add(Some(seat(0)), capacitance, None);
        cables.add(None, 0.0, Some((0, 2.0 * g)));
        cables.add(Some(seat(1)), capacitance, Some((1, 2.0 * g)));
        for _ in 0..10 {
            (data[2], data[3]) = (data[0], data[1]);
            cables.solve(&mut data);
        }
        let exact = 0.01 * (-2.0 * g / capacitance * 10.0 * dt).exp();
        // The trapezoidal rule at z = 0.1 is off by z²/12 of the exponent, which is 1: 8e-4.
        assert!(((data[0] - data[1]) / exact - 1.0).abs() < 1e-3, "{} {exact}", data[0] - data[1]);
        assert!((data[0] + data[1] + 0.13).abs() < 1e-14, "charge is kept");
    }
}
