//! A worm: the only file that knows both nerve and body.
//!
//! One step, read aloud: *sense, decide, fire, contract, move*.
//!
//!   sense      bending, stretch and touch of the body as it lies; late and with noise
//!              where that is asked for                                         → senses
//!   decide     the controller, if there is one                                 → drives
//!   fire       the network, if there is one, over the whole step: stretch      → drives
//!              into its receptors, what drives its muscles out
//!   contract   drives become activation, activation the pull of fibres
//!   move       the body, over the whole step
//!
//! What the network feels is the body at the beginning of the step, what the body feels is the network at its end:
//! an error of first order in the step, 5 ms against the 100 ms of a muscle.

use std::collections::VecDeque;

use crate::body::worm_body::WormBody;
use crate::controller::Controller;
use crate::controller::numpy_random::Pcg64;
use crate::error::{Problem, Problems, RunFailure};
use crate::muscle::Muscles;
use crate::names::{MUSCLE_COUNT, muscle_names};
use crate::network::spikes::Spike;
use crate::network::{Network, Port, Probe};
use crate::proprioception::{Felt, ReceptiveField, Sense, muscle_named};

/// Something that happens to the body on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// When it begins [s].
    pub from: f64,
    /// When it ends [s].
    pub until: f64,
    /// What.
    pub change: Change,
}

/// What can happen to a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A part of it is held in a shape.
    Clamp(Clamp),
    /// Its medium has this drag across and along it from now on [kg/(m·s)].
    Drag([f64; 2]),
    /// It is touched at a place along it, 0 head … 1 tail; everywhere if the plate is tapped.
    Touch(Option<f64>),
}

/// A stretch of body that is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// From where to where, 0 head … 1 tail.
    pub part: [f64; 2],
    /// The curvature in which it is held, positive to the back [1/m].
    pub curvature: f64,
}

/// How senses are disturbed: each is what it was some steps ago, with normal noise of its own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Disturbance {
    /// How late, in steps of the worm.
    pub delay: usize,
    /// Standard deviation of the noise on κL; on the strain of a muscle it is that times `slenderness`.
    pub noise: f64,
    /// Half-width over length: what a unit of κL is in strain.
    pub slenderness: f64,
    /// Seed of the noise, which is a function of it and of the step.
    pub seed: u64,
}

/// How long a clamp takes to close [s]: a stretch of body that is bent is not straightened in no time.
const CLOSING: f64 = 0.2;

/// How many times stiffer than at rest a closed clamp makes the body: muscles up to 20 times as stiff as the relaxed
/// body, as in `models/rod.toml`, bend it by less than a hundredth of what they would.
const FIRMNESS: f64 = 5000.0;

/// A body with what moves it.
pub struct Worm {
    body: WormBody,
    muscles: Muscles,
    controller: Option<Mind>,
    nerve: Option<Nerve>,
    /// Drive of each muscle, 0 … 1, or below 0 where it is inhibited.
    drives: Vec<f64>,
    /// Muscles that do not pull.
    ablated: Vec<usize>,
    happenings: Vec<Happening>,
    felt: Felt,
    /// How senses are disturbed, and what was felt before, the oldest first.
    disturbed: Option<(Disturbance, VecDeque<Felt>)>,
    /// Step of the coupling [s].
    step: f64,
    body_substeps: usize,
    steps: usize,
}

/// A controller with its names resolved.
struct Mind {
    controller: Box<dyn Controller>,
    senses: Vec<Sense>,
    muscles: Vec<usize>,
    inputs: Vec<f64>,
    outputs: Vec<f64>,
}

/// A network with the places where the body touches it.
pub struct Nerve {
    network: Network,
    substeps: usize,
    /// What drives each muscle, where the network has it: a value of its cell, and the values for none and all of its
    /// force.
    drive: Vec<Option<Probe>>,
    range: [f64; 2],
    receptors: Vec<(Port, ReceptiveField)>,
}

impl Nerve {
    /// A network that takes `substeps` substeps in a step of the worm and drives the muscles that it has.
    ///
    /// A muscle's drive is where `variable` of its cell lies in `range`, between the values for none and all of its force:
    /// calcium [mol/m³], a potential [V], or a number that is the drive already, between 0 and 1. A receptor's port takes
    /// the stretch of its field.
    pub fn new(
        network: Network,
        substeps: usize,
        (variable, range): (&str, [f64; 2]),
        receptors: Vec<(Port, ReceptiveField)>,
    ) -> Self {
        let drive = muscle_names().iter().map(|name| network.probe(&format!("{name}/{variable}")).ok()).collect();
        Self { network, substeps, drive, range, receptors }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Fires over one step: stretch in, drives out.
    fn fire(&mut self, felt: &Felt, drives: &mut [f64]) -> Result<(), RunFailure> {
        for (port, field) in &self.receptors {
            self.network.write(*port, field.stretch(felt));
        }
        for _ in 0..self.substeps {
            self.network.step()?;
        }
        let [slack, full] = self.range;
        for (drive, probe) in drives.iter_mut().zip(&self.drive) {
            if let Some(probe) = probe {
                *drive = (self.network.read(*probe) - slack) / (full - slack);
            }
        }
        Ok(())
    }
}

impl Worm {
    /// A worm at rest. `step` is that of the coupling [s], in `body_substeps` substeps of the body.
    ///
    /// A muscle that both the network and the controller drive follows the controller.
    ///
    /// # Errors
    /// Every sense or muscle of the controller that does not exist, and a step that the explicit scheme can't take.
    pub fn new(
        body: WormBody,
        muscles: Muscles,
        controller: Option<Box<dyn Controller>>,
        nerve: Option<Nerve>,
        step: f64,
        body_substeps: usize,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        if let Some(largest) = body.largest_step()
            && step / body_substeps as f64 > largest
        {
            let message = format!(
                "a substep of {:.3} us is too large for the explicit scheme of this body, which is stable up to {:.3} us",
                1e6 * step / body_substeps as f64,
                1e6 * largest
            );
            let enough = (step / largest).ceil();
            problems
                .push(Problem::new(message).help(format!("give [body] substeps = {enough}, or scheme = \"implicit\"")));
        }
        let controller = controller.map(|controller| Mind::new(controller, &mut problems));
        let felt = Felt::by(&body);
        let drives = vec![0.0; MUSCLE_COUNT];
        let (ablated, happenings) = (Vec::new(), Vec::new());
        problems.or_ok(Self {
            body,
            muscles,
            controller,
            nerve,
            drives,
            ablated,
            happenings,
            felt,
            disturbed: None,
            step,
            body_substeps,
            steps: 0,
        })
    }

    /// Takes the pull of these muscles away, by number, and lets these things happen to the body on the way.
    pub fn intervene(&mut self, ablated: Vec<usize>, happenings: Vec<Happening>) {
        (self.ablated, self.happenings) = (ablated, happenings);
    }

    /// Disturbs what is felt from now on.
    pub fn disturb(&mut self, disturbance: Disturbance) {
        self.disturbed = Some((disturbance, VecDeque::new()));
    }

    /// What is felt at this moment.
    fn sense(&mut self) -> Felt {
        let time = self.time();
        let mut now = Felt::by(&self.body);
        for happening in self.happenings.iter().filter(|happening| (happening.from..happening.until).contains(&time)) {
            if let Change::Touch(place) = happening.change {
                now.feel_touch(place);
            }
        }
        let Some((Disturbance { delay, noise, slenderness, seed }, past)) = &mut self.disturbed else { return now };
        past.push_back(now.clone());
        let mut felt = if past.len() > *delay { past.pop_front().unwrap_or(now) } else { past[0].clone() };
        if *noise > 0.0 {
            let mut chance = Pcg64::new(seed.wrapping_add(self.steps as u64));
            felt.curvature.iter_mut().for_each(|bend| *bend += *noise * chance.normal());
            felt.strain.iter_mut().for_each(|strain| *strain += *noise * *slenderness * chance.normal());
        }
        felt
    }

    /// What happens to the body at this moment. Nothing is remembered, so that a run which is gone on with needs no more
    /// than its clock.
    fn happen(&mut self) {
        if self.happenings.is_empty() {
            return;
        }
        let time = self.time();
        self.body.release();
        for happening in self.happenings.iter().filter(|happening| (happening.from..happening.until).contains(&time)) {
            match happening.change {
                Change::Clamp(Clamp { part, curvature }) => {
                    let closed = ((time - happening.from + self.step) / CLOSING).min(1.0);
                    self.body.hold(part, curvature, 1.0 + (FIRMNESS - 1.0) * closed);
                }
                Change::Drag([normal, tangential]) => self.body.set_drag(normal, tangential),
                // It is felt, and moves nothing.
                Change::Touch(_) => {}
            }
        }
    }

    /// Sense, decide, fire, contract, move.
    ///
    /// # Errors
    /// Who lost what, and when: a cell whose voltage is not a number, a body whose forces find no balance.
    pub fn step(&mut self) -> Result<(), RunFailure> {
        self.decide()?;
        self.act()
    }

    /// The first half of a step: sense, decide, fire.
    ///
    /// # Errors
    /// A cell whose voltage is not a number.
    pub fn decide(&mut self) -> Result<(), RunFailure> {
        self.felt = self.sense();
        if let Some(nerve) = &mut self.nerve {
            nerve.fire(&self.felt, &mut self.drives)?;
        }
        if let Some(mind) = &mut self.controller {
            mind.decide(self.steps as f64 * self.step, self.step, &self.felt, &mut self.drives);
        }
        Ok(())
    }

    /// The second half: contract, move.
    ///
    /// # Errors
    /// A body whose forces find no balance.
    pub fn act(&mut self) -> Result<(), RunFailure> {
        for muscle in &self.ablated {
            self.drives[*muscle] = 0.0;
        }
        self.muscles.follow(&self.drives, self.step);
        self.happen();
        for _ in 0..self.body_substeps {
            self.body.step(self.step / self.body_substeps as f64, self.muscles.activation()).map_err(|diverged| {
                RunFailure {
                    time: self.time(),
                    what: diverged.what,
                    help: Some("try a smaller `step`, more [body] substeps, or less muscle force".to_string()),
                }
            })?;
        }
        self.steps += 1;
        Ok(())
    }

    /// Simulated time [s].
    pub fn time(&self) -> f64 {
        self.steps as f64 * self.step
    }

    /// Length of a step [s].
    pub fn step_length(&self) -> f64 {
        self.step
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The body.
    pub fn body(&self) -> &WormBody {
        &self.body
    }

    /// Activation of each muscle, 0 … 1.
    pub fn activation(&self) -> &[f64] {
        self.muscles.activation()
    }

    /// Drive of each muscle as it was decided last, to be changed between [`Worm::decide`] and [`Worm::act`] by who drives
    /// the worm from outside; 95 numbers in the order of [`muscle_names`].
    pub fn drives_mut(&mut self) -> &mut [f64] {
        &mut self.drives
    }

    /// What the worm felt at the beginning of its last step.
    pub fn felt(&self) -> &Felt {
        &self.felt
    }

    /// What is traced of the inside of the controller.
    pub fn traced(&self) -> Vec<f64> {
        self.controller.as_ref().map_or_else(Vec::new, |mind| mind.controller.traced())
    }

    /// The network, if it has one.
    pub fn network(&self) -> Option<&Network> {
        self.nerve.as_ref().map(Nerve::network)
    }

    /// The spikes since they were last asked for.
    pub fn drain_spikes(&mut self) -> Vec<Spike> {
        self.nerve.as_mut().map_or_else(Vec::new, |nerve| nerve.network.drain_spikes())
    }

    /// All that the next step and the next frame depend on: to go on from here, and to compare runs bit for bit. What a
    /// disturbed worm felt before is not in it: no experiment disturbs, and none is gone on with so.
    pub fn state(&self) -> Vec<f64> {
        let mut state = vec![self.steps as f64];
        let mind = self.controller.as_ref().map_or_else(Vec::new, |mind| mind.controller.state());
        let nerve = self.nerve.as_ref().map_or_else(Vec::new, |nerve| nerve.network.state());
        for part in [&self.drives[..], &self.body.state(), self.muscles.state(), &mind, &nerve] {
            state.push(part.len() as f64);
            state.extend(part);
        }
        state
    }

    /// How many numbers longer [`Worm::state`] may become.
    pub fn room(&self) -> usize {
        self.nerve.as_ref().map_or(0, |nerve| nerve.network.room_for_events())
    }

    /// Goes on from a state that [`Worm::state`] of the same worm gave.
    ///
    /// # Errors
    /// The state of another worm.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        let of_another = || Problem::new("the checkpoint is that of another worm");
        let (steps, mut left) = state.split_first().ok_or_else(of_another)?;
        let mut part = || {
            let (length, rest) = left.split_first().ok_or_else(of_another)?;
            let (part, rest) = rest.split_at_checked(*length as usize).ok_or_else(of_another)?;
            left = rest;
            Ok::<_, Problem>(part)
        };
        let drives = part()?;
        if drives.len() != self.drives.len() {
            return Err(of_another());
        }
        self.drives.copy_from_slice(drives);
        self.body.restore(part()?)?;
        self.muscles.restore(part()?)?;
        match (&mut self.controller, part()?) {
            (Some(mind), state) => mind.controller.restore(state)?,
            (None, []) => {}
            (None, _) => return Err(of_another()),
        }
        match (&mut self.nerve, part()?) {
            (Some(nerve), state) => nerve.network.restore(state)?,
            (None, []) => {}
            (None, _) => return Err(of_another()),
        }
        self.steps = *steps as usize;
        self.felt = Felt::by(&self.body);
        Ok(())
    }
}

impl Mind {
    fn new(controller: Box<dyn Controller>, problems: &mut Problems) -> Self {
        let mut keep = |problem| problems.push(problem);
        let senses: Vec<Sense> =
            controller.senses().iter().filter_map(|name| Sense::named(name).map_err(&mut keep).ok()).collect();
        let muscles: Vec<usize> =
            controller.drives().iter().filter_map(|name| muscle_named(name).map_err(&mut keep).ok()).collect();
        Self { inputs: vec![0.0; senses.len()], outputs: vec![0.0; muscles.len()], controller, senses, muscles }
    }

    fn decide(&mut self, time: f64, dt: f64, felt: &Felt, drives: &mut [f64]) {
        for (input, sense) in self.inputs.iter_mut().zip(&self.senses) {
            *input = sense.of(felt);
        }
        self.controller.step(time, dt, &self.inputs, &mut self.outputs);
        for (muscle, output) in self.muscles.iter().zip(&self.outputs) {
            drives[*muscle] = *output;
        }
    }
}
