//! Published tables of contacts between cells become one NeuroML network.
//!
//!   tables (who touches whom, how often) ─read→ [`Tables`] ─write→ NeuroML 2 ─[`Summary`]→ what is in it, what is not
//!
//! Every network holds all 302 neurons and all 95 body wall muscles, whatever its source covers, so that
//! networks from different sources can be compared cell by cell. A stimulus is never part of it.
//!
//! Sources: the publications that [`Source`] names; each table repeats its own in its first lines.

mod circuit;
mod network_file;
mod tables;

use std::fmt;
use std::path::Path;

pub use circuit::Circuit;
pub use tables::{Contact, Muscle, Neuron, Tables};

use crate::error::{Error, Problem, Problems, nearest, write_whole};

/// A published connectome of the adult hermaphrodite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Cook et al. 2019, doi:10.1038/s41586-019-1352-7: the whole animal with its muscles.
    Cook2019,
    /// White et al. 1986, doi:10.1098/rstb.1986.0056: the whole animal, muscles only in sum.
    White1986,
    /// Varshney et al. 2011, doi:10.1371/journal.pcbi.1001066: without the pharynx, muscles only in sum.
    Varshney2011,
    /// Witvliet et al. 2021, doi:10.1038/s41586-021-03778-8, dataset 8: nerve ring and head.
    Witvliet2021,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Cook2019, Self::White1986, Self::Varshney2011, Self::Witvliet2021];

    /// The name of its folder of tables, and of the source on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cook2019 => "cook2019",
            Self::White1986 => "white1986",
            Self::Varshney2011 => "varshney2011",
            Self::Witvliet2021 => "witvliet2021",
        }
    }

    /// Its publication, with the DOI.
    pub fn citation(self) -> &'static str {
        match self {
            Self::Cook2019 => "Cook et al. 2019, Nature 571:63-71, doi:10.1038/s41586-019-1352-7",
            Self::White1986 => "White et al. 1986, Phil Trans R Soc B 314:1-340, doi:10.1098/rstb.1986.0056",
            Self::Varshney2011 => "Varshney et al. 2011, PLoS Comput Biol 7:e1001066, doi:10.1371/journal.pcbi.1001066",
            Self::Witvliet2021 => "Witvliet et al. 2021, Nature 596:257-261, doi:10.1038/s41586-021-03778-8",
        }
    }

    /// What the number of a contact, and so its weight in the network, counts.
    pub fn weight_unit(self) -> &'static str {
        match self {
            Self::Cook2019 => "sections of electron microscopy (a size, not a count of synapses)",
            Self::White1986 | Self::Varshney2011 | Self::Witvliet2021 => "contacts",
        }
    }

    /// The source of that name; the year may be left out ("cook").
    ///
    /// # Errors
    /// A problem that names the nearest source.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        let without_year = |source: &Self| source.name().trim_end_matches(|c: char| c.is_ascii_digit());
        let found = Self::ALL.into_iter().find(|source| source.name() == name || without_year(source) == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let problem = Problem::new(format!("unknown connectome \"{name}\""));
            match nearest(name, names) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help(format!("the sources are {}", names.join(", "))),
            }
        })
    }
}

/// What a built network holds, and what its source leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Where it comes from.
    pub source: Source,
    /// Neurons, each a population of one.
    pub neurons: usize,
    /// Body wall muscles, each a population of one.
    pub muscles: usize,
    /// Pairs of neurons with chemical synapses, and the sum of their numbers.
    pub chemical: (usize, u64),
    /// Pairs of neurons with gap junctions (a neuron with itself counts as one), and the sum of their numbers.
    pub neuron_gaps: (usize, u64),
    /// Pairs of neuron and muscle with gap junctions, and the sum of their numbers.
    pub muscle_gaps: (usize, u64),
    /// Pairs of neuron and muscle with chemical synapses, and the sum of their numbers.
    pub neuromuscular: (usize, u64),
    /// Chemical synapses of both kinds that inhibit.
    pub inhibitory: usize,
    /// Neurons that make synapses although their transmitter is unknown: taken as excitatory.
    pub unknown_transmitter: Vec<String>,
    /// Neurons without any connection.
    pub lonely_neurons: Vec<String>,
    /// Muscles that no neuron reaches.
    pub lonely_muscles: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |(pairs, sum): (usize, u64)| format!("{pairs} pairs, {sum} in sum");
        writeln!(f, "{}: {}", self.source.name(), self.source.citation())?;
        writeln!(f, "  {} neurons, {} muscles", self.neurons, self.muscles)?;
        writeln!(f, "  weights count {}", self.source.weight_unit())?;
        writeln!(f, "  chemical synapses between neurons: {}", pairs(self.chemical))?;
        writeln!(f, "  gap junctions between neurons: {}", pairs(self.neuron_gaps))?;
        writeln!(f, "  gap junctions with muscles: {}", pairs(self.muscle_gaps))?;
        writeln!(f, "  neuromuscular junctions: {}", pairs(self.neuromuscular))?;
        writeln!(f, "  inhibitory (GABA): {} pairs", self.inhibitory)?;
        write!(f, "  transmitter unknown, taken as excitatory: {}", list(&self.unknown_transmitter))?;
        if !self.lonely_neurons.is_empty() {
            write!(f, "\n  not covered by the source: {}", list(&self.lonely_neurons))?;
        }
        if self.lonely_muscles.len() == self.muscles {
            write!(f, "\n  no muscle is reached: the source names no single body wall muscle")?;
        } else if !self.lonely_muscles.is_empty() {
            write!(f, "\n  muscles that no neuron reaches: {}", list(&self.lonely_muscles))?;
        }
        Ok(())
    }
}

/// How many names are listed before the rest is only counted: three lines.
const SHOWN_NAMES: usize = 30;

/// "none", or how many and which.
fn list(names: &[String]) -> String {
    match names.len() {
        0 => "none".to_string(),
        count if count <= SHOWN_NAMES => format!("{count} ({})", names.join(" ")),
        count => format!("{count} ({} …)", names[..SHOWN_NAMES].join(" ")),
    }
}

/// Reads the tables of `source` under `tables` (as in `models/connectome/`) and writes the network to `out`.
///
/// `cells` is the NeuroML file with the components `neuron`, `muscle` and their synapses (`neuroml/cells.nml`);
/// the network includes it by its path relative to `out`. The same tables give the same bytes. The file is
/// written whole or not at all.
///
/// # Errors
/// Every problem in the tables, a missing `cells` file, or an `out` that cannot be written.
pub fn build(tables: &Path, source: Source, cells: &Path, out: &Path) -> Result<Summary, Error> {
    let tables = Tables::read(tables, source)?;
    let include = relative_path(cells, out)?;
    let text = network_file::plain(&tables, source, &include);
    write_whole(out, &text)?;
    Ok(tables.summary(source))
}

/// The path of `target` as seen from the folder of `file`, with `/` between its parts.
fn relative_path(target: &Path, file: &Path) -> Result<String, Problems> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let problem = Problem::new(format!("{}: there is no folder {}", file.display(), folder.display()));
        return Err(problem.help(format!("create it: mkdir -p {}", folder.display())).into());
    }
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|source| Problem::new(format!("{}: cannot read: {source}", path.display())))
    };
    let (target, folder) = (canonical(target)?, canonical(folder)?);
    let common = target.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| "..".to_string());
    let down = target.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_with_and_without_its_year() {
        assert_eq!(Source::parse("cook"), Ok(Source::Cook2019));
        assert_eq!(Source::parse("witvliet2021"), Ok(Source::Witvliet2021));
        let problem = Source::parse("cook2018").expect_err("no such source");
        assert_eq!(problem.help.as_deref(), Some("did you mean \"cook2019\"?"));
    }
}
