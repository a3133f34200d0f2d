//! The plan of the house, kept by reading the source: a file imports only from the floors below its own, a crate
//! with a price has one place, and no file grows past one thought.

use std::path::{Path, PathBuf};

/// Where a file or folder lives: what is on one floor and in one group may import each other, but only from the same
/// stair or a lower one.
struct Home {
    path: &'static str,
    floor: u32,
    group: &'static str,
    stair: u32,
}

const fn home(path: &'static str, floor: u32, group: &'static str, stair: u32) -> Home {
    Home { path, floor, group, stair }
}

/// Every file of `src/`. A new file gets its floor here; one in a folder that is listed has that of the folder.
const HOUSE: &[Home] = &[
    home("main.rs", 8, "main", 2),
    home("compare_command.rs", 8, "main", 1),
    home("fit_command.rs", 8, "main", 1),
    home("policy_commands.rs", 8, "main", 1),
    home("progress.rs", 8, "main", 0),
    home("setup_commands.rs", 8, "main", 0),
    home("worm_commands.rs", 8, "main", 1),
    home("report/", 7, "run", 7),
    home("compare/", 7, "run", 8),
    home("behaviour.rs", 7, "run", 6),
    home("fit.rs", 7, "run", 5),
    home("journal.rs", 7, "run", 0),
    home("contributions.rs", 7, "run", 0),
    home("training/", 7, "run", 5),
    home("run.rs", 7, "run", 4),
    home("resume.rs", 7, "run", 3),
    home("citation.rs", 7, "run", 3),
    home("experiment.rs", 7, "run", 2),
    home("nervous_system.rs", 7, "run", 3),
    home("snapshot.rs", 7, "run", 0),
    home("circuit_part.rs", 7, "run", 0),
    home("controller_part.rs", 7, "run", 1),
    home("receptors.rs", 7, "run", 0),
    home("interventions.rs", 7, "run", 0),
    home("scene_run.rs", 7, "scene_run", 0),
    home("validate/", 7, "validate", 0),
    home("lems/", 7, "lems", 0),
    home("tracks.rs", 6, "recording", 1),
    home("recording/", 6, "recording", 0),
    home("worm.rs", 5, "worm", 0),
    home("network/", 4, "network", 0),
    home("muscle.rs", 4, "muscle", 0),
    home("proprioception.rs", 4, "proprioception", 0),
    home("pose.rs", 4, "gait", 0),
    home("postures.rs", 4, "gait", 1),
    home("gait.rs", 4, "gait", 2),
    home("optimise.rs", 4, "optimise", 0),
    home("neuroml/mod.rs", 3, "neuroml", 6),
    home("neuroml/model.rs", 3, "neuroml", 5),
    home("neuroml/network_element.rs", 3, "neuroml", 5),
    home("neuroml/instantiate.rs", 3, "neuroml", 5),
    home("neuroml/simulation.rs", 3, "neuroml", 5),
    home("neuroml/morphology.rs", 3, "neuroml", 4),
    home("neuroml/component.rs", 3, "neuroml", 3),
    home("neuroml/component_type.rs", 3, "neuroml", 2),
    home("neuroml/dynamics.rs", 3, "neuroml", 2),
    home("neuroml/expression.rs", 3, "neuroml", 2),
    home("neuroml/grammar.rs", 3, "neuroml", 1),
    home("neuroml/document.rs", 3, "neuroml", 1),
    home("neuroml/xml.rs", 3, "neuroml", 0),
    home("body/", 3, "body", 0),
    home("controller/", 3, "controller", 0),
    home("connectome/", 3, "connectome", 0),
    home("settings.rs", 2, "text", 1),
    home("units.rs", 2, "text", 0),
    home("error.rs", 1, "error", 0),
    home("names.rs", 1, "names", 0),
    home("parallel.rs", 1, "parallel", 0),
    home("math.rs", 1, "math", 0),
    home("simd.rs", 1, "simd", 0),
    home("table.rs", 1, "table", 0),
    // It only declares the modules; it may not import, and nobody may import through it.
    home("lib.rs", 0, "lib", 0),
];

/// A crate that is known in one place only.
const ONE_PLACE: &[(&str, &str)] = &[
    ("rayon", "parallel.rs"),
    ("cmaes", "optimise.rs"),
    ("pulp", "simd.rs"),
    ("quick_xml", "neuroml/xml.rs"),
    ("hdf5", "recording/"),
    ("plotly", "report/page.rs"),
];

/// A file of this many lines holds two thoughts.
const TOO_LONG: usize = 600;

/// Files that are longer, how long they may be, and why.
const LONGER: &[(&str, usize, &str)] = &[];

struct Source {
    /// Under `src/`, with slashes.
    path: String,
    text: String,
    /// The text with comments, literals and tests blanked out, line for line.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let path = file.strip_prefix(&root).expect("it is under src").to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&file).expect("a source file");
        Source { path, code: without_tests(&without_literals(&text)), text }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The code with comments, strings and characters turned into blanks; lines stay lines.
fn without_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at).unwrap_or(at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        }
        for blank in &chars[at.min(end)..end] {
            code.push(if *blank == '\n' { '\n' } else { ' ' });
        }
        at = at.max(end);
    }
    code
}

/// Where the comment, string or character that begins at `at` ends, if one does.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let find = |from: usize, wanted: &str| {
        let wanted: Vec<char> = wanted.chars().collect();
        (from..chars.len()).find(|i| chars[*i..].starts_with(&wanted)).map_or(chars.len(), |i| i + wanted.len())
    };
    let in_a_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => Some(find(at, "\n").saturating_sub(1).max(at + 2)),
        ('/', Some('*')) => Some(find(at + 2, "*/")),
        ('"', _) => {
            let mut end = at + 1;
            while end < chars.len() && chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            Some((end + 1).min(chars.len()))
        }
        ('r', Some('"' | '#')) if !in_a_word => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            (chars.get(at + 1 + hashes) == Some(&'"'))
                .then(|| find(at + 2 + hashes, &format!("\"{}", "#".repeat(hashes))))
        }
        ('\'', Some('\\')) => Some(find(at + 3, "'")),
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

/// The code without its `#[cfg(test)]` items.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code;
    let mut kept = String::new();
    while let Some(start) = rest.find(MARK) {
        kept.push_str(&rest[..start]);
        let mut depth = 0;
        let mut end = rest.len();
        for (offset, c) in rest[start..].char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 && (c == '}' || c == ';') {
                end = start + offset + 1;
                break;
            }
        }
        kept.extend(rest[start..end].chars().filter(|c| *c == '\n'));
        rest = &rest[end..];
    }
    kept + rest
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Byte offsets at which `word` stands by itself.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].chars().next_back().is_some_and(is_word)
            && !code[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The paths from the crate's root, with their lines, that a file names in `use` or in between.
fn imports(path: &str, code: &str) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let own: Vec<&str> = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    // The binary sees the library from outside.
    let roots: &[(&str, usize)] = if path == "main.rs" { &[("nematode", 0)] } else { &[("crate", 0), ("super", 1)] };
    for (root, up) in roots {
        for at in words(code, root).filter(|at| code[at + root.len()..].starts_with("::")) {
            // The second `super` of `super::super` is read with the first.
            if code[..at].ends_with("::") {
                continue;
            }
            let mut base: Vec<String> = own[..own.len() - up].iter().map(ToString::to_string).collect();
            if *up == 0 {
                base.clear();
            }
            leaves(code, at + root.len() + 2, base, &mut found);
        }
    }
    found
}

/// Adds the leaves of the tree that begins at `at`, `a::{b, c::D}`, below `base`; gives where it ends.
fn leaves(code: &str, mut at: usize, mut base: Vec<String>, found: &mut Vec<(Vec<String>, usize)>) -> usize {
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if code[at..].starts_with('{') {
            at += 1;
            loop {
                at = leaves(code, at, base.clone(), found);
                at += code[at..].len() - code[at..].trim_start().len();
                match code[at..].chars().next() {
                    Some(',') => at += 1,
                    Some('}') => return at + 1,
                    // `as name`: the leaf is known already.
                    Some(c) => at += c.len_utf8(),
                    None => return at,
                }
            }
        }
        let word: String = code[at..].chars().take_while(|c| is_word(*c)).collect();
        let line = line_of(code, at);
        at += word.len();
        match word.as_str() {
            "super" => drop(base.pop()),
            "" | "self" => {}
            _ => base.push(word.clone()),
        }
        if !code[at..].starts_with("::") {
            // Nothing stands after the last comma of a list.
            if !word.is_empty() {
                found.push((base, line));
            }
            return at;
        }
        at += 2;
    }
}

fn home_of(path: &str) -> Option<&'static Home> {
    HOUSE.iter().find(|home| path == home.path || (home.path.ends_with('/') && path.starts_with(home.path)))
}

/// The file of the module in which the item of a path lives.
fn file_of(path: &[String], files: &[&str]) -> String {
    (1..=path.len())
        .rev()
        .map(|length| path[..length].join("/"))
        .flat_map(|module| [format!("{module}.rs"), format!("{module}/mod.rs")])
        .find(|file| files.contains(&file.as_str()))
        .unwrap_or_else(|| "lib.rs".to_string())
}

/// What is wrong with the imports of one file.
fn climbs(path: &str, code: &str, files: &[&str]) -> Vec<String> {
    let Some(own) = home_of(path) else {
        return vec![format!("src/{path}:1: has no floor; give it one in tests/floors.rs")];
    };
    let wrong = |(import, line): (Vec<String>, usize)| {
        let target = file_of(&import, files);
        let Some(other) = home_of(&target) else {
            return Some(format!("src/{path}:{line}: imports {target}, which has no floor"));
        };
        let why = if other.group == "lib" {
            "goes through the crate's root"
        } else if other.group == own.group {
            if other.stair <= own.stair { return None } else { "climbs the stair of its group" }
        } else if other.floor > own.floor {
            "climbs"
        } else if other.floor == own.floor {
            "goes sideways to another group"
        } else {
            return None;
        };
        let import = import.join("::");
        Some(format!("src/{path}:{line}: {import} {why} (floor {} to {})", own.floor, other.floor))
    };
    imports(path, code).into_iter().filter_map(wrong).collect()
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_import_climbs_or_goes_sideways() {
    let sources = sources();
    let files: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let seen: usize = sources.iter().map(|source| imports(&source.path, &source.code).len()).sum();
    // The house has hundreds of imports; a reader that sees few of them proves nothing.
    assert!(seen > 200, "only {seen} imports were seen");
    assert_none(sources.iter().flat_map(|source| climbs(&source.path, &source.code, &files)).collect());
}

#[test]
fn every_floor_has_someone_who_lives_there() {
    let sources = sources();
    let empty = HOUSE.iter().filter(|home| {
        !sources.iter().any(|source| home_of(&source.path).is_some_and(|found| std::ptr::eq(found, *home)))
    });
    assert_none(empty.map(|home| format!("tests/floors.rs lists {}, which is not there", home.path)).collect());
}

#[test]
fn an_import_that_climbs_is_named_with_file_and_line() {
    let files = ["error.rs", "units.rs", "body/mod.rs", "body/rod.rs", "neuroml/xml.rs", "neuroml/model.rs", "worm.rs"];
    let said = |path: &str, text: &str| climbs(path, &without_tests(&without_literals(text)), &files);
    assert_eq!(
        said("body/rod.rs", "use crate::{\n    error::Problem,\n    units::{Dimension, UnitTable as T},\n};"),
        [""; 0]
    );
    assert_eq!(said("body/rod.rs", "use super::Body;\nuse crate::body::Scheme;"), [""; 0]);
    for (path, text, wanted) in [
        (
            "error.rs",
            "//! Doc.\nuse crate::units::Dimension;",
            "src/error.rs:2: units::Dimension climbs (floor 1 to 2)",
        ),
        ("units.rs", "use crate::{\n    error::Problem,\n    worm::{self, Worm},\n};", "src/units.rs:3: worm climbs"),
        (
            "body/mod.rs",
            "fn f() {\n    crate::neuroml::model::Model::load()\n}",
            "src/body/mod.rs:2: neuroml::model::Model",
        ),
        ("body/mod.rs", "use super::worm::Worm;", "src/body/mod.rs:1: worm::Worm climbs"),
        ("body/rod.rs", "use super::super::worm::Worm;", "src/body/rod.rs:1: worm::Worm climbs"),
        ("neuroml/xml.rs", "use crate::neuroml::model::Model;", "climbs the stair of its group"),
        ("worm.rs", "use crate::Problem;", "goes through the crate's root"),
        ("shed.rs", "", "src/shed.rs:1: has no floor"),
    ] {
        let said = said(path, text);
        assert!(
            said.first().is_some_and(|said| said.contains(wanted)),
            "{text:?} should say {wanted:?}, says {said:?}"
        );
    }
    for text in [
        "// use crate::worm::Worm;",
        "const A: &str = \"use crate::worm::Worm;\";",
        "const A: &str = r#\"\"crate::worm::Worm\"#;",
        "fn f<'a>(_: &'a str) -> char { '\"' } #[cfg(test)]\nmod tests {\n    use crate::worm::Worm;\n}",
    ] {
        assert_eq!(said("error.rs", text), [""; 0], "{text:?} imports nothing");
    }
}

#[test]
fn a_crate_with_a_price_is_known_in_one_place() {
    let mut found = Vec::new();
    for (name, place) in ONE_PLACE {
        let mut at_home = 0;
        for Source { path, code, .. } in &sources() {
            for at in words(code, name) {
                if path.starts_with(place) {
                    at_home += 1;
                } else {
                    found.push(format!("src/{path}:{}: only {place} knows {name}", line_of(code, at)));
                }
            }
        }
        assert!(at_home > 0, "{place} does not use {name}");
    }
    assert_none(found);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let mut found = Vec::new();
    for Source { path, code, .. } in &sources() {
        for (at, _) in code.match_indices(".unwrap()") {
            let line = line_of(code, at);
            found.push(format!("src/{path}:{line}: `expect` says why it cannot fail, or an error is returned"));
        }
    }
    assert_none(found);
}

#[test]
fn there_is_one_build_for_everyone() {
    let mut found = Vec::new();
    for Source { path, text, .. } in &sources() {
        let code = without_literals(text);
        for (at, _) in
            code.match_indices("cfg(").chain(code.match_indices("cfg_attr(")).chain(code.match_indices("cfg!("))
        {
            if !code[at..].starts_with("cfg(test)") {
                found.push(format!("src/{path}:{}: the only condition is cfg(test)", line_of(&code, at)));
            }
        }
    }
    assert_none(found);
}

#[test]
fn a_file_is_a_thought() {
    let long = |source: &Source| {
        let lines = source.text.lines().count();
        let most = LONGER.iter().find(|(path, ..)| *path == source.path).map_or(TOO_LONG - 1, |(_, most, _)| *most);
        (lines > most)
            .then(|| format!("src/{}:{lines}: more than {most} lines; which two thoughts are these?", source.path))
    };
    assert_none(sources().iter().filter_map(long).collect());
}
