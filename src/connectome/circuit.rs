//! What anatomy leaves open, as a TOML file: which membrane each class of cells has, how strong and of which sign the
//! contacts between classes are. With the tables of contacts it becomes a network.
//!
//!   tables, circuit ─[`Circuit::network`]→ NeuroML 2 of `gradedCell`, `gradedSynapse` and `gapJunction`
//!
//! A contact belongs to the entry that names both its ends; where none does, to the one that names its transmitter;
//! where none does, to the one that names nothing. Two entries that claim the same cell or contact are an error, so
//! the order of entries has no meaning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::network_file::{self, Parts, Weighted};
use super::{Contact, Source, Tables};
use crate::error::{Problem, Problems, nearest};
use crate::names::muscle_place;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// The class of all body wall muscles in a circuit's lists.
pub const MUSCLE: &str = "muscle";

/// A circuit as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit {
    /// Whose contacts.
    pub source: Source,
    /// The folder of the tables.
    pub tables: PathBuf,
    settings: Settings,
    file: File,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// One line on what it is; only for the reader.
    #[serde(rename = "title")]
    _title: String,
    source: Spanned<String>,
    tables: Spanned<String>,
    cells: BTreeMap<String, Cells>,
    synapses: BTreeMap<String, Synapses>,
    gaps: BTreeMap<String, Gaps>,
    /// A map of senses, which `[senses]` of an experiment reads.
    #[serde(rename = "stretch")]
    _stretch: Option<toml::Value>,
    #[serde(rename = "touch")]
    _touch: Option<toml::Value>,
}

/// Cells with one membrane.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cells {
    of: Option<Vec<Spanned<String>>>,
    capacitance: Spanned<String>,
    leak: Spanned<String>,
    rest: Spanned<String>,
    plateau: Option<Spanned<String>>,
    plateau_reversal: Option<Spanned<String>>,
    plateau_midpoint: Option<Spanned<String>>,
    plateau_slope: Option<Spanned<String>>,
}

/// Chemical contacts of one strength and sign.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Synapses {
    from: Option<Vec<Spanned<String>>>,
    to: Option<Vec<Spanned<String>>>,
    transmitter: Option<Spanned<String>>,
    conductance: Spanned<String>,
    reversal: Spanned<String>,
    threshold: Spanned<String>,
    slope: Spanned<String>,
    rate: Spanned<String>,
    weight: Weight,
}

/// Gap junctions of one conductance.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gaps {
    between: Option<Vec<Spanned<String>>>,
    and: Option<Vec<Spanned<String>>>,
    conductance: Spanned<String>,
    weight: Weight,
}

/// What of its table a contact's number is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Weight {
    /// The number itself.
    Number,
    /// Every contact the same.
    One,
    /// The number over the sum of those by which entries of this name reach the same cell: so that cell gets
    /// the whole conductance, however many contacts its reconstruction counts.
    Share,
}

impl Circuit {
    /// Reads a circuit's settings; the tables are read when the network is made.
    ///
    /// # Errors
    /// Every problem in them, with its place and mend.
    pub fn read(settings: Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let source =
            Source::parse(file.source.get_ref()).map_err(|problem| problem.at(settings.place(file.source.span())))?;
        let tables = settings.beside(file.tables.get_ref());
        Ok(Self { source, tables, settings, file })
    }

    /// The circuit's own file.
    pub fn path(&self) -> &Path {
        self.settings.path()
    }

    /// The NeuroML text of the network.
    ///
    /// # Errors
    /// Every problem in the tables and the circuit: a class that does not exist, a cell or contact that two entries
    /// claim or none does, a quantity of the wrong kind.
    pub fn network(&self) -> Result<String, Problems> {
        let tables = Tables::read(&self.tables, self.source)?;
        let mut problems = Problems::new();
        let claims = Claims::new(&tables, &self.settings);
        let components = self.components(&mut problems);
        let cells = self.cells_of(&tables, &claims, &mut problems);
        let chemical: Vec<&Contact> = tables.chemical.iter().chain(&tables.neuromuscular).collect();
        let synapses = self.synapses_of(&chemical, &tables, &claims, &mut problems);
        let gaps = self.gaps_of(&tables, &claims, &mut problems);
        problems.or_ok(())?;
        let notes =
            format!("<notes>Contacts: {}. All other numbers: the circuit's file.</notes>", self.source.citation());
        let silent = "<silentSynapse id=\"silent\"/>".to_string();
        let head = [vec![notes], components, vec![silent]].concat();
        Ok(network_file::text(&tables, self.source, &Parts { head, cells, synapses, gaps }))
    }

    /// The components of all entries, as XML.
    fn components(&self, problems: &mut Problems) -> Vec<String> {
        let mut value = Quantities { settings: &self.settings, problems };
        let mut all = Vec::new();
        for (id, cells) in &self.file.cells {
            let capacitance = value.positive(&cells.capacitance, Dimension::CAPACITANCE);
            let leak = value.positive(&cells.leak, Dimension::CONDUCTANCE);
            let rest = value.any(&cells.rest, Dimension::VOLTAGE);
            let mut xml =
                format!("<gradedCell id=\"{id}\" C=\"{capacitance:e} F\" leak=\"{leak:e} S\" rest=\"{rest:e} V\"");
            let plateau = [&cells.plateau, &cells.plateau_reversal, &cells.plateau_midpoint, &cells.plateau_slope];
            match plateau {
                [None, None, None, None] => {}
                [Some(plateau), Some(reversal), Some(midpoint), Some(slope)] => {
                    let plateau = value.not_negative(plateau, Dimension::CONDUCTANCE);
                    let [reversal, midpoint] = [reversal, midpoint].map(|text| value.any(text, Dimension::VOLTAGE));
                    let slope = value.positive(slope, Dimension::VOLTAGE);
                    xml += &format!(
                        " plateau=\"{plateau:e} S\" plateauReversal=\"{reversal:e} V\" \
                         plateauMidpoint=\"{midpoint:e} V\" plateauSlope=\"{slope:e} V\""
                    );
                }
                some => {
                    let span = some.into_iter().flatten().next().map_or(cells.rest.span(), Spanned::span);
                    let message = format!("cells.{id} has a part of a plateau");
                    let help = "give plateau, plateau_reversal, plateau_midpoint and plateau_slope, or none of them";
                    value.problems.push(self.settings.problem(span, message).help(help));
                }
            }
            all.push(xml + "/>");
        }
        for (id, synapses) in &self.file.synapses {
            let conductance = value.not_negative(&synapses.conductance, Dimension::CONDUCTANCE);
            let reversal = value.any(&synapses.reversal, Dimension::VOLTAGE);
            let threshold = value.any(&synapses.threshold, Dimension::VOLTAGE);
            let slope = value.positive(&synapses.slope, Dimension::VOLTAGE);
            let rate = value.positive(&synapses.rate, Dimension::PER_TIME);
            all.push(format!(
                "<gradedSynapse id=\"synapse_{id}\" conductance=\"{conductance:e} S\" delta=\"{slope:e} V\" \
                 Vth=\"{threshold:e} V\" k=\"{rate:e} per_s\" erev=\"{reversal:e} V\"/>"
            ));
        }
        for (id, gaps) in &self.file.gaps {
            let conductance = value.not_negative(&gaps.conductance, Dimension::CONDUCTANCE);
            all.push(format!("<gapJunction id=\"gap_{id}\" conductance=\"{conductance:e} S\"/>"));
        }
        all
    }

    /// The component of each cell.
    fn cells_of(&self, tables: &Tables, claims: &Claims, problems: &mut Problems) -> BTreeMap<String, String> {
        let mut of: BTreeMap<String, String> = BTreeMap::new();
        for (id, cells) in &self.file.cells {
            for item in cells.of.iter().flatten() {
                for cell in claims.cells(item, problems) {
                    if let Some(other) = of.insert(cell.to_string(), id.clone()).filter(|other| other != id) {
                        let message = format!("{cell} is both in cells.{other} and in cells.{id}");
                        problems.push(self.settings.problem(item.span(), message).help("leave it in one of them"));
                    }
                }
            }
        }
        let rest = self.file.cells.iter().find(|(_, cells)| cells.of.is_none()).map(|(id, _)| id);
        let names = tables.neurons.iter().map(|n| &n.name).chain(tables.muscles.iter().map(|m| &m.name));
        for name in names {
            if !of.contains_key(name) {
                match rest {
                    Some(rest) => drop(of.insert(name.clone(), rest.clone())),
                    None => {
                        let message = format!("{name} is in no entry of [cells]");
                        let help = "add one without `of`, for all cells that no other names";
                        problems.push(Problem::new(message).at(self.settings.place(0..0)).help(help));
                        break;
                    }
                }
            }
        }
        of
    }

    fn synapses_of(
        &self,
        contacts: &[&Contact],
        tables: &Tables,
        claims: &Claims,
        problems: &mut Problems,
    ) -> Vec<Weighted> {
        let transmitters: BTreeMap<&str, &str> = tables
            .neurons
            .iter()
            .map(|n| (n.name.as_str(), if n.evidence == "uptake" { "none" } else { n.transmitter.as_str() }))
            .collect();
        let known: Vec<&str> = transmitters.values().copied().collect();
        let mut entries = Vec::new();
        for (id, synapses) in &self.file.synapses {
            if let Some(name) = &synapses.transmitter
                && !known.contains(&name.get_ref().as_str())
            {
                let message = format!("no neuron has the transmitter \"{}\"", name.get_ref());
                let problem = self.settings.problem(name.span(), message);
                problems.push(match nearest(name.get_ref(), known.iter().copied()) {
                    Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                    None => problem,
                });
            }
            entries.push(Entry {
                id: id.clone(),
                weight: synapses.weight,
                ends: [ends(&synapses.from, claims, problems), ends(&synapses.to, claims, problems)],
                transmitter: synapses.transmitter.as_ref().map(|name| name.get_ref().as_str()),
                span: synapses.conductance.span(),
            });
        }
        self.choose("synapse", "synapses", contacts, &entries, problems, |entry, contact| {
            entry.claims(&contact.pre, &contact.post, transmitters[contact.pre.as_str()])
        })
    }

    fn gaps_of(&self, tables: &Tables, claims: &Claims, problems: &mut Problems) -> Vec<Weighted> {
        let entry = |(id, gaps): (&'_ String, &'_ Gaps), problems: &mut Problems| Entry {
            id: id.clone(),
            weight: gaps.weight,
            ends: [ends(&gaps.between, claims, problems), ends(&gaps.and, claims, problems)],
            transmitter: None,
            span: gaps.conductance.span(),
        };
        let entries: Vec<Entry<'_>> = self.file.gaps.iter().map(|gaps| entry(gaps, problems)).collect();
        let contacts: Vec<&Contact> = tables.gaps.iter().collect();
        // A gap junction has no direction.
        self.choose("gap", "gaps", &contacts, &entries, problems, |entry, contact| {
            entry.claims(&contact.pre, &contact.post, "") || entry.claims(&contact.post, &contact.pre, "")
        })
    }

    /// Gives each contact to the entry that says most of it.
    fn choose(
        &self,
        kind: &str,
        table: &str,
        contacts: &[&Contact],
        entries: &[Entry<'_>],
        problems: &mut Problems,
        claims: impl Fn(&Entry<'_>, &Contact) -> bool,
    ) -> Vec<Weighted> {
        let mut chosen = Vec::new();
        for contact in contacts {
            let fitting: Vec<&Entry<'_>> = entries.iter().filter(|entry| claims(entry, contact)).collect();
            let rank = fitting.iter().map(|entry| entry.rank()).max();
            let mut best = fitting.iter().filter(|entry| Some(entry.rank()) == rank);
            chosen.push(match (best.next(), best.next()) {
                (Some(entry), None) => Some((entry.id.as_str(), entry.weight)),
                (first, second) => {
                    let what = format!("the {kind} of {} and {}", contact.pre, contact.post);
                    let span = second.map_or(0..0, |entry| entry.span.clone());
                    problems.push(match (first, second) {
                        (Some(one), Some(other)) => self
                            .settings
                            .problem(span, format!("{what} is both in {table}.{} and in {table}.{}", one.id, other.id))
                            .help("leave it in one of them"),
                        _ => self
                            .settings
                            .problem(span, format!("{what} is in no entry of [{table}]"))
                            .help("add one that names no cells, for all that no other names"),
                    });
                    None
                }
            });
        }
        weigh(kind, contacts, &chosen)
    }
}

/// An entry of [synapses] or [gaps] with its names resolved.
struct Entry<'a> {
    id: String,
    weight: Weight,
    /// The cells that it names at either end, where it does.
    ends: [Option<Vec<&'a str>>; 2],
    transmitter: Option<&'a str>,
    span: std::ops::Range<usize>,
}

impl Entry<'_> {
    /// Whether a contact by that transmitter can belong to it.
    fn claims(&self, pre: &str, post: &str, transmitter: &str) -> bool {
        let names = |list: &Option<Vec<&str>>, cell: &str| list.as_ref().is_none_or(|list| list.contains(&cell));
        names(&self.ends[0], pre)
            && names(&self.ends[1], post)
            && self.transmitter.is_none_or(|name| name == transmitter)
    }

    /// How much it says: an end counts more than a transmitter.
    fn rank(&self) -> usize {
        2 * self.ends.iter().flatten().count() + usize::from(self.transmitter.is_some())
    }
}

/// The cells at one end of an entry's contacts, where it names them.
fn ends<'a>(list: &Option<Vec<Spanned<String>>>, claims: &Claims<'a>, problems: &mut Problems) -> Option<Vec<&'a str>> {
    let list = list.as_ref()?;
    Some(list.iter().flat_map(|item| claims.cells(item, problems)).collect())
}

/// The contacts with the component and the weight that each gets.
fn weigh(kind: &str, contacts: &[&Contact], chosen: &[Option<(&str, Weight)>]) -> Vec<Weighted> {
    let mut sums: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (contact, (id, _)) in contacts.iter().zip(chosen).filter_map(|(contact, chosen)| Some((contact, (*chosen)?))) {
        *sums.entry((id, contact.post.as_str())).or_default() += f64::from(contact.number);
        if kind == "gap" {
            *sums.entry((id, contact.pre.as_str())).or_default() += f64::from(contact.number);
        }
    }
    let weight = |contact: &Contact, id: &str, rule: Weight| match rule {
        Weight::Number => f64::from(contact.number),
        Weight::One => 1.0,
        // A gap junction acts on both cells: the one that has fewer of its kind gets the whole.
        Weight::Share => {
            let sum = |cell: &str| sums.get(&(id, cell)).copied().unwrap_or(0.0);
            let of = if kind == "gap" { sum(&contact.pre).min(sum(&contact.post)) } else { sum(&contact.post) };
            f64::from(contact.number) / of
        }
    };
    contacts
        .iter()
        .zip(chosen)
        .filter_map(|(contact, chosen)| {
            let (id, rule) = (*chosen)?;
            Some(Weighted {
                pre: contact.pre.clone(),
                post: contact.post.clone(),
                component: format!("{kind}_{id}"),
                weight: weight(contact, id, rule),
            })
        })
        .collect()
}

/// Reads quantities, gathering what is wrong with them.
struct Quantities<'a> {
    settings: &'a Settings,
    problems: &'a mut Problems,
}

impl Quantities<'_> {
    fn any(&mut self, text: &Spanned<String>, dimension: Dimension) -> f64 {
        self.settings.quantity(text, dimension, self.problems)
    }

    fn positive(&mut self, text: &Spanned<String>, dimension: Dimension) -> f64 {
        self.settings.positive(text, dimension, self.problems)
    }

    fn not_negative(&mut self, text: &Spanned<String>, dimension: Dimension) -> f64 {
        self.settings.not_negative(text, dimension, self.problems)
    }
}

/// The names that a circuit's lists may hold, and the cells of each.
struct Claims<'a> {
    settings: &'a Settings,
    cells: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Claims<'a> {
    fn new(tables: &'a Tables, settings: &'a Settings) -> Self {
        let mut cells: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for neuron in &tables.neurons {
            cells.entry(neuron.class.clone()).or_default().push(&neuron.name);
        }
        // A neuron that is its own class is already there.
        for neuron in &tables.neurons {
            cells.entry(neuron.name.clone()).or_insert_with(|| vec![&neuron.name]);
        }
        for muscle in &tables.muscles {
            cells.entry(MUSCLE.to_string()).or_default().push(&muscle.name);
            if let Some((_, row)) = muscle_place(&muscle.name) {
                cells.entry(format!("row {row}")).or_default().push(&muscle.name);
            }
        }
        Self { settings, cells }
    }

    /// The cells of a class, the one of that name, the muscles, or those of a row.
    fn cells(&self, item: &Spanned<String>, problems: &mut Problems) -> Vec<&'a str> {
        self.cells.get(item.get_ref().as_str()).cloned().unwrap_or_else(|| {
            let message = format!("no neuron or class is called \"{}\"", item.get_ref());
            let problem = self.settings.problem(item.span(), message);
            problems.push(match nearest(item.get_ref(), self.cells.keys().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                None => problem.help(format!("name a class, a neuron, \"{MUSCLE}\", or a row of muscles as \"row 7\"")),
            });
            Vec::new()
        })
    }
}
