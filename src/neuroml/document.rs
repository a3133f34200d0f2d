//! Files become one document: includes are followed, each file once, in the order in which they are met.
//!
//! `<Include file="…"/>` (LEMS) and `<include href="…"/>` (NeuroML) are relative to the file that holds them. The
//! names of the standard's core files mean the definitions in `neuroml/core`, which are part of this program.
//! A NeuroML file needs no include to use the core. A file that includes itself, or a file that includes it, is a
//! mistake and is told with the whole circle.

use std::collections::BTreeSet;
use std::path::{Component as Step, Path, PathBuf};

use crate::error::{Problem, Problems, read_text};
use crate::neuroml::xml::{self, Element};

/// The core definitions by the names under which files include them.
const CORE: &[(&str, &str)] = &[
    ("NeuroMLCoreDimensions.xml", include_str!("../../neuroml/core/NeuroMLCoreDimensions.xml")),
    ("NeuroMLCoreCompTypes.xml", include_str!("../../neuroml/core/NeuroMLCoreCompTypes.xml")),
    ("Cells.xml", include_str!("../../neuroml/core/Cells.xml")),
    ("Channels.xml", include_str!("../../neuroml/core/Channels.xml")),
    ("Synapses.xml", include_str!("../../neuroml/core/Synapses.xml")),
    ("Inputs.xml", include_str!("../../neuroml/core/Inputs.xml")),
    ("Networks.xml", include_str!("../../neuroml/core/Networks.xml")),
    ("Simulation.xml", include_str!("../../neuroml/core/Simulation.xml")),
    ("PyNN.xml", include_str!("../../neuroml/core/PyNN.xml")),
    ("NematodeTypes.xml", include_str!("../../neuroml/core/NematodeTypes.xml")),
    ("NeuroML2CoreTypes.xml", include_str!("../../neuroml/core/NeuroML2CoreTypes.xml")),
];

/// The core file that stands for all of them.
const ALL_CORE: &str = "NeuroML2CoreTypes.xml";

/// Everything that the files define, in the order in which it is met; includes come before what follows them.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The elements inside the roots of all files.
    pub elements: Vec<Element>,
    /// The files in the order in which reading them ended; the core files under their names.
    pub files: Vec<PathBuf>,
}

/// Reads a file and all that it includes.
///
/// # Errors
/// All problems of all files: unreadable, not well-formed, a root that is neither NeuroML nor LEMS, a missing include.
pub fn load(path: &Path) -> Result<Document, Problems> {
    let text = read_text(path)?;
    from_text(path, &text)
}

/// The same for a text that stands for the file `path`.
///
/// # Errors
/// As [`load`].
pub fn from_text(path: &Path, text: &str) -> Result<Document, Problems> {
    let mut walk = Walk::default();
    walk.file(path, text);
    walk.problems.or_ok(walk.document)
}

#[derive(Default)]
struct Walk {
    document: Document,
    met: BTreeSet<PathBuf>,
    /// The files whose reading has begun and not ended, each included by the one before it.
    open: Vec<PathBuf>,
    problems: Problems,
}

impl Walk {
    fn file(&mut self, path: &Path, text: &str) {
        self.met.insert(plain(path));
        self.open.push(plain(path));
        self.inside(path, text);
        self.open.pop();
    }

    fn inside(&mut self, path: &Path, text: &str) {
        let root = match xml::parse(path, text) {
            Ok(root) => root,
            Err(problem) => return self.problems.push(problem),
        };
        match root.name.as_str() {
            "neuroml" => self.core(ALL_CORE),
            "Lems" | "lems" => {}
            other => {
                return self.problems.push(
                    Problem::new(format!("the root element is <{other}>, neither <neuroml> nor <Lems>"))
                        .at(root.place())
                        .help("this program reads NeuroML 2 (<neuroml>) and LEMS (<Lems>)"),
                );
            }
        }
        for element in root.children {
            match element.name.as_str() {
                "Include" | "include" => self.include(path, &element),
                _ => self.document.elements.push(element),
            }
        }
        self.document.files.push(path.to_path_buf());
    }

    fn include(&mut self, from: &Path, element: &Element) {
        let Some(name) = element.get("file").or_else(|| element.get("href")) else {
            return self
                .problems
                .push(Problem::new("an include without `file` (LEMS) or `href` (NeuroML)").at(element.place()));
        };
        let target = from.parent().unwrap_or(Path::new("")).join(name);
        // The files of the core lean on one another; that is no mistake of the user.
        let own = !target.starts_with("core:");
        if let Some(first) = self.open.iter().position(|open| own && *open == plain(&target)) {
            let circle = self.open[first..].iter().chain([&self.open[first]]).filter_map(|file| file.file_name());
            let circle: Vec<_> = circle.map(|file| file.to_string_lossy()).collect();
            let problem = Problem::new(format!("includes go in a circle: {}", circle.join(" → ")));
            return self.problems.push(problem.at(element.place()).help("take out this include"));
        }
        if self.met.contains(&plain(&target)) {
            return;
        }
        if target.is_file() {
            match read_text(&target) {
                Ok(text) => self.file(&target, &text),
                Err(problem) if problem.place.is_some() => self.problems.push(problem),
                Err(problem) => self.problems.push(problem.at(element.place())),
            }
        } else if CORE.iter().any(|(core, _)| Some(*core) == name.rsplit('/').next()) {
            self.core(name.rsplit('/').next().unwrap_or(name));
        } else {
            let attribute = if element.get("file").is_some() { "file" } else { "href" };
            self.problems.push(
                Problem::new(format!("included file \"{name}\" not found (looked for {})", target.display()))
                    .at(element.place_of_value(attribute))
                    .help("paths are relative to the file that includes; core files go by their bare names"),
            );
        }
    }

    fn core(&mut self, name: &str) {
        let path = Path::new("core:").join(name);
        if self.met.contains(&path) {
            return;
        }
        if let Some((_, text)) = CORE.iter().find(|(core, _)| *core == name) {
            self.file(&path, text);
        }
    }
}

/// The path without `.` and, where a folder can be taken back, `..`: two names of a file become one.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for step in path.components() {
        match step {
            Step::CurDir => {}
            Step::ParentDir if matches!(plain.components().next_back(), Some(Step::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diamond_of_includes_is_read_once_and_a_circle_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        std::fs::create_dir(folder.path().join("sub")).expect("made");
        write("main.xml", "<Lems><Include file='a.xml'/><Include file='b.xml'/></Lems>");
        write("a.xml", "<Lems><Include file='sub/c.xml'/><A/></Lems>");
        write("b.xml", "<Lems><Include file='./sub/../sub/c.xml'/><B/></Lems>");
        write("sub/c.xml", "<Lems><C/></Lems>");
        let document = load(&folder.path().join("main.xml")).expect("loads");
        let names: Vec<&str> = document.elements.iter().map(|element| element.name.as_str()).collect();
        assert_eq!(names, ["C", "A", "B"]);
        write("sub/c.xml", "<Lems><Include file='../a.xml'/><C/></Lems>");
        let said = load(&folder.path().join("main.xml")).expect_err("a circle").to_string();
        assert!(said.contains("c.xml:1:7: includes go in a circle: a.xml → c.xml → a.xml"), "{said}");
    }

    #[test]
    fn a_missing_include_is_named_where_it_stands() {
        let problems = from_text(Path::new("m.xml"), "<Lems>\n<Include file='gone.nml'/></Lems>").expect_err("missing");
        assert!(problems.to_string().starts_with("m.xml:2:16: included file \"gone.nml\" not found"), "{problems}");
    }

    #[test]
    fn the_core_files_are_well_formed() {
        let document = from_text(Path::new("m.nml"), "<neuroml/>").expect("the core reads");
        assert!(document.elements.iter().any(|element| element.get("name") == Some("iafCell")));
    }
}
