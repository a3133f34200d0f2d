//! Text becomes a tree of elements, each attribute with its line and column.
//!
//! The only file that knows quick-xml. Document type declarations and entities of one's own are refused by
//! name, so that no file can read another one or grow while it is read; depth and size are limited.
//!
//! Source: W3C, Extensible Markup Language (XML) 1.0, 5th edition (2008).

use std::path::Path;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Place, Problem};

/// How deep elements may nest: four times the deepest NeuroML file in use.
const MAX_DEPTH: usize = 200;

/// How large a file may be [bytes]: a network of 10⁵ cells with positions and connections fits.
const MAX_BYTES: usize = 256 << 20;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spot {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name, without a namespace prefix.
    pub name: String,
    /// Its value, with the five predefined entities and character references resolved.
    pub value: String,
    /// Where the name stands.
    pub at: Spot,
    /// Where the value stands, after the quote.
    pub value_at: Spot,
}

/// One element with everything inside it.
#[derive(Debug, Clone)]
pub struct Element {
    /// Its name, without a namespace prefix.
    pub name: String,
    /// Its attributes, in the order of the file; namespace declarations are left out.
    pub attributes: Vec<Attribute>,
    /// Its elements, in the order of the file.
    pub children: Vec<Element>,
    /// Where its `<` stands.
    pub at: Spot,
    /// The file as the user named it.
    pub file: Arc<Path>,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|attribute| attribute.value.as_str())
    }

    /// An attribute with its places.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Where the element stands.
    pub fn place(&self) -> Place {
        self.place_of(self.at)
    }

    /// A spot of this element's file as a place.
    pub fn place_of(&self, spot: Spot) -> Place {
        Place::new(self.file.to_path_buf(), spot.line, spot.column)
    }

    /// Where the value of an attribute stands, or else the element.
    pub fn place_of_value(&self, name: &str) -> Place {
        self.place_of(self.attribute(name).map_or(self.at, |attribute| attribute.value_at))
    }

    /// The children of that name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Counts lines and columns while offsets only grow.
struct Ruler<'t> {
    text: &'t str,
    offset: usize,
    spot: Spot,
}

impl Ruler<'_> {
    fn spot(&mut self, offset: usize) -> Spot {
        if let Some(passed) = self.text.get(self.offset..offset) {
            for letter in passed.chars() {
                if letter == '\n' {
                    self.spot = Spot { line: self.spot.line + 1, column: 1 };
                } else {
                    self.spot.column += 1;
                }
            }
            self.offset = offset;
        }
        self.spot
    }

    /// The offset of a slice that was cut out of the text.
    fn offset_of(&self, slice: &str) -> usize {
        (slice.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len())
    }
}

/// Reads the text of one file into its root element.
///
/// # Errors
/// A problem with its place: not well-formed, a DTD, an unknown entity, too deep, too large, or no element at all.
pub fn parse(file: &Path, text: &str) -> Result<Element, Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::new(format!("{}: larger than {} MiB", file.display(), MAX_BYTES >> 20)));
    }
    let file: Arc<Path> = file.into();
    let mut ruler = Ruler { text, offset: 0, spot: Spot { line: 1, column: 1 } };
    let problem = |ruler: &mut Ruler<'_>, offset: usize, message: String| {
        let spot = ruler.spot(offset);
        Problem::new(message).at(Place::new(file.to_path_buf(), spot.line, spot.column))
    };
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    loop {
        let before = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let offset = ruler.offset_of(tag.name().0).saturating_sub(1);
                if root.is_some() {
                    return Err(problem(&mut ruler, offset, "a second root element".to_string())
                        .help("a file holds one element with everything inside"));
                }
                if open.len() >= MAX_DEPTH {
                    return Err(problem(&mut ruler, offset, format!("elements nest deeper than {MAX_DEPTH}"))
                        .help("is this a NeuroML or LEMS file?"));
                }
                open.push(read_tag(&tag, &mut ruler, &file)?);
            }
            Ok(Event::End(_)) => {
                // The reader has checked that the end tag matches, so that one element is open.
                if let Some(done) = open.pop() {
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => root = Some(done),
                    }
                }
            }
            Ok(Event::DocType(_)) => {
                return Err(problem(
                    &mut ruler,
                    before,
                    "a document type declaration (DTD) is not accepted".to_string(),
                )
                .help("delete <!DOCTYPE …>: NeuroML and LEMS need none, and entities could read other files"));
            }
            Ok(Event::GeneralRef(entity)) => {
                let name: &str = &entity;
                if !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") && !name.starts_with('#') {
                    return Err(problem(&mut ruler, before, format!("unknown entity &{name};")));
                }
            }
            Ok(Event::Text(words)) => {
                if open.is_empty() && !words.trim().is_empty() {
                    return Err(problem(&mut ruler, before, "text outside of any element: is this XML?".to_string()));
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                let offset = (reader.error_position() as usize).max(before.min(text.len()));
                return Err(problem(&mut ruler, offset, format!("not well-formed XML: {error}"))
                    .help("every <name> is closed by </name>, the innermost first; values stand in quotes"));
            }
        }
    }
    if let Some(unclosed) = open.last() {
        let end = ruler.spot(text.len());
        return Err(Problem::new(format!("<{}> is never closed: the file ends at line {}", unclosed.name, end.line))
            .at(unclosed.place())
            .help(format!("add </{}>", unclosed.name)));
    }
    root.ok_or_else(|| {
        problem(&mut ruler, 0, "the file holds no element".to_string())
            .help("a NeuroML file is <neuroml …>…</neuroml>, a LEMS file <Lems>…</Lems>")
    })
}

/// The element that a start tag opens.
fn read_tag(tag: &BytesStart<'_>, ruler: &mut Ruler<'_>, file: &Arc<Path>) -> Result<Element, Problem> {
    let at = ruler.spot(ruler.offset_of(tag.name().0).saturating_sub(1));
    let mut element = Element {
        name: tag.local_name().into_inner().to_string(),
        attributes: Vec::new(),
        children: Vec::new(),
        at,
        file: file.clone(),
    };
    for attribute in tag.attributes() {
        let attribute =
            attribute.map_err(|error| Problem::new(format!("<{}>: {error}", element.name)).at(element.place_of(at)))?;
        let key = attribute.key.0;
        if key == "xmlns" || key.starts_with("xmlns:") || key.starts_with("xsi:") || key.starts_with("xml:") {
            continue;
        }
        let at = ruler.spot(ruler.offset_of(key));
        let value_at = match &attribute.value {
            std::borrow::Cow::Borrowed(value) => ruler.spot(ruler.offset_of(value)),
            std::borrow::Cow::Owned(_) => at,
        };
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| Problem::new(format!("attribute `{key}`: {error}")).at(element.place_of(value_at)))?;
        let name = key.rsplit(':').next().unwrap_or(key).to_string();
        element.attributes.push(Attribute { name, value: value.into_owned(), at, value_at });
    }
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Element, Problem> {
        parse(Path::new("a.xml"), text)
    }

    #[test]
    fn every_attribute_knows_its_line_and_column() {
        let root = read("<?xml version='1.0'?>\n<a>\n  <!-- µ --> <b x='1'\n   y=\"&lt;2\"/></a>").expect("XML");
        let b = &root.children[0];
        assert_eq!(b.place().to_string(), "a.xml:3:14");
        assert_eq!(b.place_of_value("y").to_string(), "a.xml:4:7");
        assert_eq!(b.get("y"), Some("<2"));
    }

    #[test]
    fn an_unclosed_tag_is_named_with_its_place() {
        let problem = read("<a>\n <b>\n</a>").expect_err("mismatched");
        assert!(problem.message.contains('b') && problem.place.is_some(), "{problem}");
        let problem = read("<a>\n <b>\n").expect_err("unclosed");
        assert_eq!(problem.place.expect("a place").to_string(), "a.xml:2:2");
    }

    #[test]
    fn a_dtd_an_entity_depth_and_emptiness_are_refused() {
        let problem = read("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\n<a>&x;</a>").expect_err("DTD");
        assert!(problem.message.contains("DTD"), "{problem}");
        assert!(read("<a>&x;</a>").is_err());
        assert!(read("<a b='&x;'/>").is_err());
        let deep = "<a>".repeat(300) + &"</a>".repeat(300);
        assert!(read(&deep).expect_err("deep").message.contains("deeper"));
        assert!(read("").is_err());
        assert!(read("just words").is_err());
        assert!(read("<a/><b/>").is_err());
    }
}
