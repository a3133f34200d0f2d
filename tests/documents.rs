//! The documents stay true of the repository where a machine can tell.

use std::path::{Path, PathBuf};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document of the repository.
fn documents() -> Vec<String> {
    let mut all: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_string).to_vec();
    let book = std::fs::read_dir(root("docs")).expect("the book").flatten();
    let names = book.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    all.extend(names.filter(|name| name.ends_with(".md")));
    all
}

#[test]
fn every_link_and_every_file_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = read(&document);
        let folder = root(&document).parent().expect("a folder").to_path_buf();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let here = links.filter(|link| !link.starts_with("http")).map(|link| folder.join(link));
        // Paths in backquotes, such as `src/worm.rs`, are seen from the root of the repository.
        let quoted = text.split('`').skip(1).step_by(2).filter(|name| {
            let file = name.ends_with(".rs") || name.ends_with(".toml") || name.ends_with(".py") || name.ends_with('/');
            file && name.contains('/') && !name.contains([' ', '*']) && !name.starts_with('/')
        });
        // One folder is made by a command and not committed; a short name may stand for a file of `src` or `neuroml`.
        let quoted = quoted.filter(|name| *name != "neuroml/built/").map(|name| {
            let places = [root(name), root("src").join(name), root("neuroml").join(name)];
            places.into_iter().find(|path| path.exists()).unwrap_or(root(name))
        });
        for path in here.chain(quoted) {
            seen += 1;
            if !path.exists() {
                missing.push(format!("{document}: {} is not there", path.display()));
            }
        }
    }
    assert!(seen > 30, "only {seen} names were seen");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_key_of_the_models_is_explained() {
    let explained = read("docs/experiment.md");
    let files = [
        "models/worm.toml",
        "models/rod.toml",
        "models/worm_soft.toml",
        "models/rod_bbc.toml",
        "models/rod_adult.toml",
        "models/senses.toml",
        "models/senses_bbc.toml",
        "models/senses_cord.toml",
        "models/media/agar_to_water.toml",
        "models/media/newtonian.toml",
        "models/experiments/bbc.toml",
        "models/experiments/ventral_cord.toml",
        "models/experiments/connectome_forward.toml",
        "models/experiments/connectome_reversal.toml",
        "models/experiments/connectome_swim.toml",
        "models/circuits/crawl.toml",
        "models/circuits/crawl_and_swim.toml",
        "models/measured.toml",
        "models/fits/connectome_forward.toml",
        "models/fits/connectome_swim.toml",
        "models/fits/ventral_cord.toml",
        "models/rod_gait_adaptation.toml",
        "models/senses_gait_adaptation.toml",
        "models/experiments/gait_adaptation.toml",
        "models/fits/gait_adaptation.toml",
        "models/media/agar.toml",
        "models/media/floor.toml",
        "models/media/posts.toml",
        "models/media/water.toml",
        "models/experiments/crawl.toml",
        "models/experiments/connectome.toml",
        "models/experiments/soft.toml",
        "models/experiments/learn_crawl.toml",
        "models/experiments/learn_connectome.toml",
        "models/experiments/learn_forward.toml",
        "models/experiments/learn_half_cheetah.toml",
        "models/experiments/learn_xor.toml",
        "models/experiments/adult_wave.toml",
        "models/experiments/controllers.toml",
    ];
    let mut keys = 0;
    for file in files {
        for line in read(file).lines() {
            let Some((key, _)) = line.split_once(" = ") else { continue };
            if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                keys += 1;
                assert!(
                    explained.contains(&format!("`{key}`")),
                    "docs/experiment.md does not explain `{key}` of {file}"
                );
            }
        }
    }
    assert!(keys > 60, "only {keys} keys were seen");
}

#[test]
fn the_table_of_types_names_every_type_of_the_core_and_no_other() {
    use nematode::neuroml::model::Model;

    let document = read("docs/neuroml.md");
    let start = document.find("## The types of NeuroML").expect("the table");
    let end = document.find("Three differences are meant").expect("the end of the table");
    let named: Vec<&str> = document[start..end].split('`').skip(1).step_by(2).collect();
    let model = Model::from_text(Path::new("empty.nml"), "<neuroml/>").expect("the core reads");
    for type_name in model.vocabulary.types.keys() {
        assert!(named.contains(&type_name.as_str()), "docs/neuroml.md does not name {type_name}");
    }
    for name in named {
        // Two elements that are places of a type, not types.
        let known = model.vocabulary.types.contains_key(name) || matches!(name, "proximal" | "distal");
        assert!(known, "docs/neuroml.md names {name}, which the core does not have");
    }
}
