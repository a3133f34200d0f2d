//! Reads the particle files of OpenWorm's Sibernetic: which particles there are, and how they hang together.
//!
//! ```text
//!   [physical parameters]  name: value, optional
//!   [simulation box]       six lines: least and greatest x, y, z
//!   [position]             x y z type, elastic particles first, then liquid, then boundary
//!   [velocity]             x y z type, one line a particle; of a boundary particle its normal, into the box
//!   [connection]           32 lines an elastic particle: partner (−1 for none), rest length, muscle, 0
//!   [membranes]            three corners a triangle
//!   [particleMemIndex]     7 lines an elastic particle: its triangles, −1 for none
//!   [end]
//! ```
//!
//! Lengths are in the peer's own unit. The whole part of a type is what a particle is: 1 liquid, 2 elastic,
//! 3 boundary. Of an elastic particle the first decimal is its tissue, 3 for agar, and the next three the
//! cross-section of the worm that it belongs to.
//!
//! Source: the format as the program reads it, Sibernetic 0.0.6.

use std::path::Path;

use crate::body::particles::Vec3;
use crate::error::{Place, Problem, Problems, nearest, read_text};

/// Lines of `[connection]` that each elastic particle has.
pub const BONDS: usize = 32;

/// Lines of `[particleMemIndex]` that each elastic particle has.
const TRIANGLES: usize = 7;

/// Muscles that a connection may belong to: four rows of 24, numbered from 1.
pub const MUSCLES: usize = 96;

/// Problems after which reading stops: a wrong file has one in every line.
const ENOUGH: usize = 40;

/// The sections, in the order in which they stand.
const SECTIONS: [&str; 8] = [
    "physical parameters",
    "simulation box",
    "position",
    "velocity",
    "connection",
    "membranes",
    "particleMemIndex",
    "end",
];

/// One directed spring: what its owner feels of its partner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bond {
    /// The particle at the other end.
    pub partner: usize,
    /// Length without stress, in the file's unit.
    pub rest: f64,
    /// The muscle that contracts it, from 0, if one does.
    pub muscle: Option<usize>,
}

/// A file, read and checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParticleFile {
    /// How many elastic particles there are; they come first.
    pub elastic: usize,
    /// How many liquid particles follow them.
    pub liquid: usize,
    /// Where every particle is, in the file's unit; after the liquid come the boundary particles.
    pub position: Vec<Vec3>,
    /// Its velocity [m/s]; of a boundary particle its normal.
    pub velocity: Vec<Vec3>,
    /// The fourth number of each boundary particle's normal, its type.
    pub normal_code: Vec<f64>,
    /// Type of each particle that moves, as the number that it is written as.
    pub code: Vec<f64>,
    /// Whether each elastic particle is agar.
    pub agar: Vec<bool>,
    /// The cross-section of the worm that each elastic particle belongs to, if it names one.
    pub section: Vec<Option<usize>>,
    /// Springs of each elastic particle.
    pub bonds: Vec<Vec<Bond>>,
    /// Triangles between elastic particles.
    pub triangles: Vec<[usize; 3]>,
    /// Triangles that have each elastic particle as a corner, as the file lists them.
    pub triangles_of: Vec<Vec<usize>>,
    /// Gravity [m/s²] where the file gives it.
    pub gravity: [Option<f64>; 3],
    /// Other physical parameters that the file gives; the program that the format comes from uses none of them.
    pub unused: Vec<String>,
}

/// One line of the file: where it begins, and its text.
#[derive(Clone, Copy)]
struct Line<'a> {
    offset: usize,
    text: &'a str,
}

/// A section: its name's line and the lines below that are not empty.
struct Section<'a> {
    name: &'static str,
    head: Line<'a>,
    lines: Vec<Line<'a>>,
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    problems: Problems,
}

impl ParticleFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong in it, with its place and mend; reading stops after some forty problems.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::read(path, &read_text(path)?)
    }

    /// Reads `text`; `path` is what errors name.
    ///
    /// # Errors
    /// As [`ParticleFile::load`].
    pub fn read(path: &Path, text: &str) -> Result<Self, Problems> {
        let mut reader = Reader { path, text, problems: Problems::new() };
        let sections = reader.sections();
        let mut file = Self::default();
        let missing = SECTIONS[1..].iter().filter(|name| !sections.iter().any(|section| section.name == **name));
        for name in missing {
            let problem = Problem::new(format!("the section [{name}] is missing")).at(reader.end());
            reader.problems.push(problem.help(match *name {
                "end" => "the file may have been cut off; its last line must be [end]".to_string(),
                _ => format!("add it where it belongs: {}", bracketed(&SECTIONS[1..])),
            }));
        }
        // Without its sections in place, what stands in the others means nothing.
        reader.stop_at_problems()?;
        for section in &sections {
            match section.name {
                "physical parameters" => reader.parameters(section, &mut file),
                "simulation box" => reader.simulation_box(section),
                "position" => reader.positions(section, &mut file),
                "velocity" => reader.velocities(section, &mut file),
                "connection" => reader.connections(section, &mut file),
                "membranes" => reader.membranes(section, &mut file),
                "particleMemIndex" => reader.corners(section, &mut file),
                _ => {}
            }
            reader.stop_at_problems()?;
        }
        Ok(file)
    }

    /// How many particles move: all but the boundary.
    pub fn movers(&self) -> usize {
        self.elastic + self.liquid
    }

    /// What particle `i` is, in words.
    pub fn kind(&self, i: usize) -> &'static str {
        match i {
            _ if i < self.elastic => "elastic",
            _ if i < self.movers() => "liquid",
            _ => "boundary",
        }
    }
}

impl<'a> Reader<'a> {
    fn stop_at_problems(&mut self) -> Result<(), Problems> {
        std::mem::take(&mut self.problems).or_ok(())
    }

    fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::new(message).at(Place::at_offset(self.path, self.text, offset))
    }

    fn end(&self) -> Place {
        Place::at_offset(self.path, self.text, self.text.trim_end().len())
    }

    /// Cuts the text into sections; each may stand once, in order.
    fn sections(&mut self) -> Vec<Section<'a>> {
        let mut sections: Vec<Section<'a>> = Vec::new();
        let mut offset = 0;
        for text in self.text.split_inclusive('\n') {
            let line = Line { offset: offset + text.len() - text.trim_start().len(), text: text.trim() };
            offset += text.len();
            if line.text.is_empty() {
                continue;
            }
            let Some(name) = line.text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
                match sections.last_mut() {
                    Some(section) if section.name != "end" => section.lines.push(line),
                    Some(_) => {}
                    None => {
                        let problem = self.problem(line.offset, "text before the first section");
                        self.problems.push(problem.help("a particle file begins with [simulation box]"));
                        return sections;
                    }
                }
                continue;
            };
            let Some(rank) = SECTIONS.iter().position(|known| *known == name) else {
                let problem = self.problem(line.offset, format!("there is no section [{name}]"));
                self.problems.push(match nearest(name, SECTIONS) {
                    Some(known) => problem.help(format!("did you mean [{known}]?")),
                    None => problem.help(format!("the sections are {}", bracketed(&SECTIONS))),
                });
                return sections;
            };
            if let Some(before) = sections.iter().find(|section| SECTIONS[rank..].contains(&section.name)) {
                let problem = self.problem(line.offset, format!("[{name}] stands after [{}]", before.name));
                self.problems.push(problem.help("each section stands once, in the order of the format"));
                return sections;
            }
            sections.push(Section { name: SECTIONS[rank], head: line, lines: Vec::new() });
        }
        sections
    }

    /// The fields of a line with their offsets.
    fn fields(line: Line<'a>) -> impl Iterator<Item = (usize, &'a str)> {
        line.text.split_whitespace().map(move |field| {
            let within = field.as_ptr() as usize - line.text.as_ptr() as usize;
            (line.offset + within, field)
        })
    }

    /// The finite number of a field; a problem and none where it is not one.
    fn number(&mut self, (offset, field): (usize, &str)) -> Option<f64> {
        let number = field.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            let problem = self.problem(offset, format!("expected a number, found \"{field}\""));
            self.problems.push(problem.help("write it as 1.5 or 2e-6"));
        }
        number
    }

    /// `N` numbers of a line; a problem and none where it has another count.
    fn numbers<const N: usize>(&mut self, line: Line<'a>, what: &str) -> Option<[f64; N]> {
        let fields: Vec<(usize, &str)> = Self::fields(line).collect();
        if fields.len() != N {
            let problem = self.problem(line.offset, format!("expected {N} numbers ({what}), found {}", fields.len()));
            self.problems.push(problem.help("fields are separated by tabs or blanks"));
            return None;
        }
        let mut numbers = [0.0; N];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = self.number(field)?;
        }
        Some(numbers)
    }

    /// The item that a number stands for, below `count`; none for −1. The fraction is ignored, as the peer does.
    fn reference(&mut self, (offset, field): (usize, &str), count: usize, what: &str) -> Option<Option<usize>> {
        let number = self.number((offset, field))?;
        if number == -1.0 {
            return Some(None);
        }
        if number >= 0.0 && number.trunc() < count as f64 {
            return Some(Some(number.trunc() as usize));
        }
        let problem = self.problem(offset, format!("there is no {what} {field}; the file has {count}"));
        let most = count.saturating_sub(1);
        self.problems.push(problem.help(format!("numbers run from 0 to {most}, and -1 stands for none")));
        None
    }

    /// Whether a section has as many lines as it must.
    fn counts(&mut self, section: &Section<'a>, wanted: usize, why: &str) -> bool {
        let found = section.lines.len();
        if found != wanted {
            let message = format!("[{}] has {found} lines, expected {wanted}: {why}", section.name);
            let problem = self.problem(section.head.offset, message);
            self.problems.push(problem.help(if found < wanted { "some lines are missing" } else { "remove the rest" }));
        }
        found == wanted
    }

    fn parameters(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        for line in &section.lines {
            let Some((name, value)) = line.text.split_once(':') else {
                let problem = self.problem(line.offset, format!("expected `name: value`, found \"{}\"", line.text));
                self.problems.push(problem.help("write one parameter a line, \"gravity_y: -9.8\""));
                continue;
            };
            let at = line.offset + name.len() + 1 + (value.len() - value.trim_start().len());
            let Some(number) = self.number((at, value.trim())) else { continue };
            match name.trim() {
                "gravity_x" => file.gravity[0] = Some(number),
                "gravity_y" => file.gravity[1] = Some(number),
                "gravity_z" => file.gravity[2] = Some(number),
                other => file.unused.push(other.to_string()),
            }
        }
    }

    /// The box is implied by its boundary particles; it is only checked.
    fn simulation_box(&mut self, section: &Section<'a>) {
        if !self.counts(section, 6, "least and greatest x, y and z") {
            return;
        }
        let read = section.lines.iter().map(|line| self.numbers::<1>(*line, "an edge of the box").map(|[edge]| edge));
        let edges: Vec<Option<f64>> = read.collect();
        for axis in 0..3 {
            if let (Some(least), Some(greatest)) = (edges[2 * axis], edges[2 * axis + 1])
                && greatest <= least
            {
                let message = format!("the box ends at {greatest}, where it begins at {least}");
                let problem = self.problem(section.lines[2 * axis + 1].offset, message);
                self.problems.push(problem.help("give the greatest value after the least"));
            }
        }
    }

    fn positions(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        let mut last = 0;
        for line in &section.lines {
            if self.problems.len() >= ENOUGH {
                return;
            }
            let Some([x, y, z, number]) = self.numbers::<4>(*line, "x, y, z, type") else { continue };
            let Some((offset, code)) = Self::fields(*line).last() else { continue };
            let (whole, fraction) = code.split_once('.').unwrap_or((code, ""));
            // Elastic, liquid, boundary: the order in which they must stand.
            let rank = match whole {
                "2" => 0,
                "1" => 1,
                "3" => 2,
                _ => {
                    let problem = self.problem(offset, format!("there is no particle of type {code}"));
                    self.problems.push(problem.help("1 is liquid, 2 is elastic, 3 is boundary"));
                    continue;
                }
            };
            if rank < last {
                let problem = self.problem(offset, format!("a particle of type {code} after a later kind"));
                self.problems
                    .push(problem.help("elastic particles (2) stand first, then liquid (1), then boundary (3)"));
                return;
            }
            last = rank;
            file.position.push(Vec3::new(x, y, z));
            if rank < 2 {
                file.code.push(number);
            }
            match rank {
                0 => {
                    file.elastic += 1;
                    file.agar.push(fraction.starts_with('3'));
                    file.section.push(cross_section(fraction));
                }
                1 => file.liquid += 1,
                _ => {}
            }
        }
        if file.movers() == 0 && self.problems.is_empty() {
            let problem = self.problem(section.head.offset, "no particle here can move");
            self.problems.push(problem.help("add elastic (2) or liquid (1) particles"));
        }
    }

    fn velocities(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        if !self.counts(section, file.position.len(), "one for each line of [position]") {
            return;
        }
        for line in &section.lines {
            if self.problems.len() >= ENOUGH {
                return;
            }
            if let Some([x, y, z, code]) = self.numbers::<4>(*line, "velocity along x, y, z, and type") {
                if file.velocity.len() >= file.movers() {
                    file.normal_code.push(code);
                }
                file.velocity.push(Vec3::new(x, y, z));
            }
        }
    }

    fn connections(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        let why = format!("{BONDS} for each of the {} elastic particles", file.elastic);
        if !self.counts(section, BONDS * file.elastic, &why) {
            return;
        }
        file.bonds = vec![Vec::new(); file.elastic];
        for (k, line) in section.lines.iter().enumerate() {
            if self.problems.len() >= ENOUGH {
                return;
            }
            let owner = k / BONDS;
            let fields: Vec<(usize, &str)> = Self::fields(*line).collect();
            let Some([_, rest, muscle, _]) = self.numbers::<4>(*line, "partner, rest length, muscle, 0") else {
                continue;
            };
            let Some(Some(partner)) = self.reference(fields[0], file.position.len(), "particle") else { continue };
            if partner == owner || partner >= file.elastic {
                let what = if partner == owner { "itself" } else { file.kind(partner) };
                let message = format!("elastic particle {owner} is joined to particle {partner}, which is {what}");
                let problem = self.problem(fields[0].0, message);
                self.problems.push(problem.help("springs join two elastic particles; -1 stands for no spring"));
                continue;
            }
            if rest <= 0.0 {
                let problem = self.problem(fields[1].0, format!("a spring of rest length {}", fields[1].1));
                self.problems.push(problem.help("give a length above zero"));
                continue;
            }
            let number = muscle.trunc();
            if !(0.0..=MUSCLES as f64).contains(&number) {
                let problem = self.problem(fields[2].0, format!("there is no muscle {}", fields[2].1));
                self.problems.push(problem.help(format!("muscles run from 1 to {MUSCLES}, and 0 stands for none")));
                continue;
            }
            let muscle = (number > 0.0).then(|| number as usize - 1);
            file.bonds[owner].push(Bond { partner, rest, muscle });
        }
    }

    fn membranes(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        for line in &section.lines {
            if self.problems.len() >= ENOUGH {
                return;
            }
            let Some(_) = self.numbers::<3>(*line, "the corners of a triangle") else { continue };
            let fields: Vec<(usize, &str)> = Self::fields(*line).collect();
            let corner = |field| self.reference(field, file.elastic, "elastic particle");
            let corners: Vec<Option<usize>> = fields.iter().copied().map(corner).map(Option::flatten).collect();
            match corners[..] {
                [Some(a), Some(b), Some(c)] if a != b && b != c && c != a => file.triangles.push([a, b, c]),
                _ if !self.problems.is_empty() => {}
                _ => {
                    let problem = self.problem(line.offset, "a triangle needs three different corners");
                    self.problems.push(problem.help("give the numbers of three elastic particles"));
                }
            }
        }
    }

    fn corners(&mut self, section: &Section<'a>, file: &mut ParticleFile) {
        let why = format!("{TRIANGLES} for each of the {} elastic particles", file.elastic);
        if !self.counts(section, TRIANGLES * file.elastic, &why) {
            return;
        }
        file.triangles_of = vec![Vec::new(); file.elastic];
        for (k, line) in section.lines.iter().enumerate() {
            if self.problems.len() >= ENOUGH {
                return;
            }
            let Some(_) = self.numbers::<1>(*line, "a triangle") else { continue };
            let Some(field) = Self::fields(*line).next() else { continue };
            if let Some(Some(triangle)) = self.reference(field, file.triangles.len(), "triangle") {
                file.triangles_of[k / TRIANGLES].push(triangle);
            }
        }
    }
}

/// The cross-section in the decimals of a type: "1098" is 98, "105" is 50; none where there is no second decimal.
fn cross_section(fraction: &str) -> Option<usize> {
    let digits = fraction.get(1..).filter(|digits| !digits.is_empty())?;
    format!("{digits:0<3}").get(..3)?.parse().ok().filter(|section| *section > 0)
}

fn bracketed(names: &[&str]) -> String {
    names.iter().map(|name| format!("[{name}]")).collect::<Vec<String>>().join(" ")
}
