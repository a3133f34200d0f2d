//! The body of a worm, whichever it is: particles in three dimensions, or rods in the plane.
//!
//! Both take the activation of the 95 muscles and give a midline, the muscles' strain, and points to record. The
//! anatomy's file chooses: `kind = "rod"`, or `kind = "particles"`, which is also meant where nothing is said.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use crate::body::anatomy::Anatomy;
use crate::body::medium::Medium;
use crate::body::midline::Midline;
use crate::body::obstacle::Obstacle;
use crate::body::particles::Vec3;
use crate::body::rod::{Rod, SIDES};
use crate::body::rod_anatomy::RodAnatomy;
use crate::body::surroundings::Surroundings;
use crate::body::{Body, Diverged, Scheme};
use crate::error::{Problem, Problems, nearest};
use crate::names::{MUSCLE_COUNT, MUSCLE_ROWS, muscles};
use crate::settings::{Settings, Spanned};

/// A worm as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub enum WormAnatomy {
    /// Tissue, liquid and cuticle (`anatomy.rs`).
    Particles(Box<Anatomy>),
    /// Rods, springs and dashpots (`rod_anatomy.rs`).
    Rod(Box<RodAnatomy>),
}

/// The one key that both kinds of file have.
#[derive(Deserialize)]
struct Kind {
    kind: Option<Spanned<String>>,
}

impl WormAnatomy {
    /// Reads the file of either kind.
    ///
    /// # Errors
    /// Every problem in it, with its place and mend.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::read(&Settings::open(path)?)
    }

    /// Reads settings that are already in memory.
    ///
    /// # Errors
    /// Every problem in them, with its place and mend.
    pub fn read(settings: &Settings) -> Result<Self, Problems> {
        let Some(kind) = settings.parse::<Kind>()?.kind else {
            return Ok(Self::Particles(Box::new(Anatomy::read(settings)?)));
        };
        match kind.get_ref().as_str() {
            "particles" => Ok(Self::Particles(Box::new(Anatomy::read(settings)?))),
            "rod" => Ok(Self::Rod(Box::new(RodAnatomy::read(settings)?))),
            other => {
                let problem = settings.problem(kind.span(), format!("unknown kind of body \"{other}\""));
                Err(match nearest(other, ["particles", "rod"]) {
                    Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                    None => problem.help("a body is of \"particles\" or a \"rod\""),
                }
                .into())
            }
        }
    }

    /// What the file calls it.
    pub fn name(&self) -> &str {
        match self {
            Self::Particles(anatomy) => &anatomy.name,
            Self::Rod(anatomy) => &anatomy.name,
        }
    }

    /// Width of the body at each row of muscles, over its largest.
    pub fn relative_widths(&self) -> [f64; MUSCLE_ROWS] {
        match self {
            Self::Particles(anatomy) => {
                let largest = anatomy.radius.iter().map(|(_, radius)| *radius).fold(0.0, f64::max);
                std::array::from_fn(|row| anatomy.radius_at((row as f64 + 0.5) / MUSCLE_ROWS as f64) / largest)
            }
            Self::Rod(anatomy) => {
                let (radii, each) = (anatomy.radii(), anatomy.segments / MUSCLE_ROWS);
                // Of a row with several segments the harmonic mean: strain over width is added up.
                let inverse = |m: usize| anatomy.diameter / (radii[m] + radii[m + 1]);
                std::array::from_fn(|row| each as f64 / (row * each..(row + 1) * each).map(inverse).sum::<f64>())
            }
        }
    }

    /// Largest half-width of the body over its length.
    pub fn slenderness(&self) -> f64 {
        match self {
            Self::Particles(anatomy) => {
                anatomy.radius.iter().map(|(_, radius)| *radius).fold(0.0, f64::max) / anatomy.length
            }
            Self::Rod(anatomy) => 0.5 * anatomy.diameter / anatomy.length,
        }
    }

    /// Time in which a muscle's activation follows its drive [s], and how far below rest a drive may pull it.
    pub fn muscle(&self) -> (f64, f64) {
        match self {
            Self::Particles(anatomy) => (anatomy.activation_time, 0.0),
            Self::Rod(anatomy) => (anatomy.activation_time, anatomy.inhibition),
        }
    }
}

/// A worm's body in its medium.
#[derive(Debug, Clone)]
pub enum WormBody {
    /// Particles, and the pull of one fibre at activation 1 [N].
    Particles(Box<Body>, f64),
    /// Rods.
    Rod(Box<RodBody>),
}

/// A row of rods with what is felt and seen of it.
#[derive(Debug, Clone)]
pub struct RodBody {
    rod: Rod,
    midline: Midline,
    rest_length: f64,
    rest_area: f64,
    /// Ends of the rods, back and belly in turn, and their velocities.
    position: Vec<Vec3>,
    velocity: Vec<Vec3>,
}

impl WormBody {
    /// Whether rods can be in this medium: they are balanced by drag alone, and lie in the plane.
    ///
    /// # Errors
    /// What rods can't have, or lack.
    fn rods_bear(medium: &Medium) -> Result<(), Problem> {
        if medium.floor.is_some() || medium.gravity > 0.0 {
            let problem = Problem::new(format!("rods know neither floor nor gravity, and {} has them", medium.name));
            return Err(problem.help("give a medium of drag alone, such as agar, or a body of particles"));
        }
        if medium.liquid.is_some() {
            let problem =
                Problem::new(format!("rods have no surface that the particles of {} could touch", medium.name));
            return Err(problem.help("give a medium of drag alone, such as water.toml, or a body of particles"));
        }
        if medium.normal_drag > 0.0 && medium.tangential_drag > 0.0 {
            return Ok(());
        }
        let problem =
            Problem::new(format!("rods have no inertia, and {} has no drag: nothing holds them", medium.name));
        Err(problem.help("give a medium with [resistive] drag, or a body of particles"))
    }

    /// Whether obstacles are felt by points that stand `apart` from each other [m], and don't slip between them.
    ///
    /// # Errors
    /// One that is too thin.
    fn points_find(obstacles: &[Obstacle], apart: f64) -> Result<(), Problem> {
        let thinnest = obstacles.iter().filter_map(Obstacle::radius).fold(f64::INFINITY, f64::min);
        if thinnest >= 0.5 * apart {
            return Ok(());
        }
        let message = format!("an obstacle of radius {:.1} um slips between the points of this body", 1e6 * thinnest);
        let help = format!("give {:.1} um at least, half of what lies between two of them", 0.5e6 * apart);
        Err(Problem::new(message).help(help))
    }

    /// Whether a body can be in this medium: rods as above; particles need room in a box of liquid, and the implicit
    /// scheme.
    ///
    /// # Errors
    /// What the body can't have, or lacks.
    pub fn bears(anatomy: &WormAnatomy, medium: &Medium, scheme: Scheme) -> Result<(), Problem> {
        match (anatomy, &medium.liquid) {
            (WormAnatomy::Rod(anatomy), _) => {
                Self::points_find(&medium.obstacles, anatomy.pitch())?;
                Self::rods_bear(medium)
            }
            (WormAnatomy::Particles(_), Some(_)) if scheme == Scheme::Explicit => {
                let problem =
                    Problem::new(format!("the explicit scheme knows no liquid around a body, as {} has", medium.name));
                Err(problem.help("leave out `scheme`, or give a medium without [liquid]"))
            }
            (WormAnatomy::Particles(anatomy), basin) => {
                Self::points_find(&medium.obstacles, anatomy.spacing)?;
                basin.as_ref().map_or(Ok(()), |basin| Surroundings::have_room(basin, anatomy))
            }
        }
    }

    /// Builds a worm, straight and at rest, the head at positive x; a row of rods in a medium that it can bear.
    pub fn new(anatomy: &WormAnatomy, medium: &Medium, scheme: Scheme) -> Self {
        match anatomy {
            WormAnatomy::Particles(anatomy) => {
                Self::Particles(Box::new(Body::new(anatomy, medium.clone(), scheme)), anatomy.fibre_force)
            }
            WormAnatomy::Rod(anatomy) => {
                let mut rod = Rod::new(anatomy, medium.normal_drag, medium.tangential_drag);
                rod.meet(&medium.obstacles);
                let mut body = RodBody {
                    rest_length: anatomy.length,
                    rest_area: 1.0,
                    midline: Midline::default(),
                    position: Vec::new(),
                    velocity: Vec::new(),
                    rod,
                };
                body.look();
                body.rest_area = body.area();
                Self::Rod(Box::new(body))
            }
        }
    }

    /// Moves the body over one step of `dt` [s]; `activation` is that of each muscle, 0 … 1.
    ///
    /// # Errors
    /// When its forces find no balance; the body is then as before the step.
    pub fn step(&mut self, dt: f64, activation: &[f64]) -> Result<(), Diverged> {
        match self {
            Self::Particles(body, force) => {
                let pull: Vec<f64> = activation.iter().map(|activation| activation * *force).collect();
                body.step(dt, &pull)
            }
            Self::Rod(body) => {
                let rows = by_rows(activation);
                let segments = body.rod.anatomy().segments;
                let of_segments: Vec<[f64; SIDES]> = (0..segments).map(|m| rows[m * MUSCLE_ROWS / segments]).collect();
                body.rod.step(dt, &of_segments)?;
                body.look();
                Ok(())
            }
        }
    }

    /// Holds the part between two places, 0 head … 1 tail, at a curvature, positive to the back [1/m], with springs so
    /// many times as stiff as its own. Particles can't be held yet; an experiment that asks for it is refused.
    pub fn hold(&mut self, part: [f64; 2], curvature: f64, firmness: f64) {
        match self {
            Self::Particles(..) => {}
            Self::Rod(body) => body.rod.hold(part, curvature, firmness),
        }
    }

    /// Holds no part any more.
    pub fn release(&mut self) {
        match self {
            Self::Particles(..) => {}
            Self::Rod(body) => body.rod.release(),
        }
    }

    /// From now on the medium drags so much across and along the body [kg/(m·s)].
    pub fn set_drag(&mut self, normal: f64, tangential: f64) {
        match self {
            Self::Particles(body, _) => body.set_drag(normal, tangential),
            Self::Rod(body) => body.rod.set_drag(normal, tangential),
        }
    }

    /// The largest stable step [s], where the scheme has one.
    pub fn largest_step(&self) -> Option<f64> {
        match self {
            Self::Particles(body, _) => body.largest_step(),
            Self::Rod(_) => None,
        }
    }

    /// The midline, head to tail.
    pub fn midline(&self) -> &Midline {
        match self {
            Self::Particles(body, _) => body.midline(),
            Self::Rod(body) => &body.midline,
        }
    }

    /// Length of the midline at rest [m].
    pub fn rest_length(&self) -> f64 {
        match self {
            Self::Particles(body, _) => body.rest_length(),
            Self::Rod(body) => body.rest_length,
        }
    }

    /// Arc length of the midline over that at rest.
    pub fn relative_length(&self) -> f64 {
        self.midline().length() / self.rest_length()
    }

    /// Volume inside the cuticle over that at rest; of rods, the area inside the outline.
    pub fn relative_volume(&self) -> f64 {
        match self {
            Self::Particles(body, _) => body.relative_volume(),
            Self::Rod(body) => body.area() / body.rest_area,
        }
    }

    /// How much longer each muscle is than at rest, as a fraction.
    pub fn muscle_strain(&self) -> Vec<f64> {
        match self {
            Self::Particles(body, _) => body.muscle_strain(),
            Self::Rod(body) => body.muscle_strain(),
        }
    }

    /// Centre of mass [m]; of rods, which have no mass, the mean of their centres.
    pub fn center_of_mass(&self) -> Vec3 {
        match self {
            Self::Particles(body, _) => body.center_of_mass(),
            Self::Rod(body) => body.midline.points.iter().sum::<Vec3>() / body.midline.points.len() as f64,
        }
    }

    /// Positions of all particles; of rods, their ends on the back and on the belly in turn [m].
    pub fn position(&self) -> &[Vec3] {
        match self {
            Self::Particles(body, _) => body.position(),
            Self::Rod(body) => &body.position,
        }
    }

    /// Velocities of the same [m/s].
    pub fn velocity(&self) -> &[Vec3] {
        match self {
            Self::Particles(body, _) => body.velocity(),
            Self::Rod(body) => &body.velocity,
        }
    }

    /// Density of every particle [kg/m³] and its pressure [Pa]; rods have neither.
    pub fn density_and_pressure(&self) -> (Cow<'_, [f64]>, Cow<'_, [f64]>) {
        match self {
            Self::Particles(body, _) => (body.density().into(), body.pressure().into()),
            Self::Rod(_) => (Cow::default(), Cow::default()),
        }
    }

    /// Mean pressure of the liquid [Pa], where there is one.
    pub fn mean_pressure(&self) -> f64 {
        match self {
            Self::Particles(body, _) => body.mean_pressure(),
            Self::Rod(_) => 0.0,
        }
    }

    /// Largest density error of the last step, as a fraction of rest density.
    pub fn density_error(&self) -> f64 {
        match self {
            Self::Particles(body, _) => body.density_error(),
            Self::Rod(_) => 0.0,
        }
    }

    /// Pairs of points that a spring joins.
    pub fn springs(&self) -> Vec<[u32; 2]> {
        match self {
            Self::Particles(body, _) => {
                body.tissue().springs.iter().map(|spring| [spring.a as u32, spring.b as u32]).collect()
            }
            Self::Rod(body) => {
                let rods = 0..body.midline.points.len() as u32;
                let last = rods.end - 1;
                let along =
                    (0..last).flat_map(|i| [[0, 2], [1, 3], [0, 3], [1, 2]].map(|pair| pair.map(|j| 2 * i + j)));
                rods.map(|i| [2 * i, 2 * i + 1]).chain(along).collect()
            }
        }
    }

    /// Triples of points that span the cuticle.
    pub fn triangles(&self) -> Vec<[u32; 3]> {
        match self {
            Self::Particles(body, _) => {
                body.tissue().triangles.iter().map(|triangle| triangle.map(|corner| corner as u32)).collect()
            }
            Self::Rod(_) => Vec::new(),
        }
    }

    /// How many of the points are tissue and not liquid, and the mass of each [kg]; rods have no inertia.
    pub fn tissue_and_mass(&self) -> (usize, f64) {
        match self {
            Self::Particles(body, _) => (body.tissue().position.len(), body.particle_mass()),
            Self::Rod(body) => (body.position.len(), 0.0),
        }
    }

    /// All that the next step and the next frame depend on.
    pub fn state(&self) -> Vec<f64> {
        match self {
            Self::Particles(body, _) => body.state(),
            Self::Rod(body) => body.rod.state(),
        }
    }

    /// Goes on from a state that [`WormBody::state`] of the same body gave.
    ///
    /// # Errors
    /// The state of another body.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        match self {
            Self::Particles(body, _) => body.restore(state),
            Self::Rod(body) => {
                body.rod.restore(state)?;
                body.look();
                Ok(())
            }
        }
    }
}

/// Activation of the back and the belly in each row: the mean of left and right, or the one that there is.
fn by_rows(activation: &[f64]) -> [[f64; SIDES]; MUSCLE_ROWS] {
    let mut rows = [[[0.0; 2]; SIDES]; MUSCLE_ROWS];
    for ((quadrant, row), activation) in muscles().into_iter().zip(activation) {
        let [sum, count] = &mut rows[row - 1][usize::from(!quadrant.is_dorsal())];
        *sum += activation;
        *count += 1.0;
    }
    rows.map(|row| row.map(|[sum, count]| sum / count))
}

impl RodBody {
    /// Sees the rods as they now lie.
    fn look(&mut self) {
        let rods = self.rod.pose().len();
        let centre = |i: usize| Vec3::new(self.rod.pose()[i][0], self.rod.pose()[i][1], 0.0);
        self.position.clear();
        self.position.extend((0..rods).flat_map(|i| [self.rod.end(i, 0), self.rod.end(i, 1)]));
        let to_the_back: Vec<Vec3> =
            self.position.as_chunks::<2>().0.iter().map(|[back, belly]| back - belly).collect();
        self.velocity.clear();
        self.velocity.extend(self.rod.velocity().iter().zip(&to_the_back).flat_map(|([vx, vy, spin], across)| {
            let (v, turn) = (Vec3::new(*vx, *vy, 0.0), Vec3::new(-across.y, across.x, 0.0) * (0.5 * spin));
            [v + turn, v - turn]
        }));
        self.midline = Midline::through((0..rods).map(centre).collect(), &to_the_back);
    }

    /// Area inside the outline [m²].
    fn area(&self) -> f64 {
        let quads = self.position.as_chunks::<2>().0.windows(2);
        quads.map(|pair| 0.5 * (pair[1][1] - pair[0][0]).cross(&(pair[1][0] - pair[0][1])).z.abs()).sum()
    }

    fn muscle_strain(&self) -> Vec<f64> {
        let each = self.rod.anatomy().segments / MUSCLE_ROWS;
        let strain = |row: usize, side: usize| {
            let lengths = (row * each..(row + 1) * each).map(|segment| self.rod.lateral(segment, side));
            let [length, rest] = lengths.fold([0.0; 2], |[a, b], [length, rest]| [a + length, b + rest]);
            length / rest - 1.0
        };
        let rows: Vec<[f64; SIDES]> = (0..MUSCLE_ROWS).map(|row| [strain(row, 0), strain(row, 1)]).collect();
        let of_muscle =
            |(quadrant, row): (crate::names::Quadrant, usize)| rows[row - 1][usize::from(!quadrant.is_dorsal())];
        let strains: Vec<f64> = muscles().into_iter().map(of_muscle).collect();
        debug_assert_eq!(strains.len(), MUSCLE_COUNT);
        strains
    }
}
