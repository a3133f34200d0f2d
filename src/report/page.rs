//! The page: a template with styles, data and programs put in their places. Charts are drawn by plotly.js, which the crate
//! `plotly` carries; the 3D view is our own (`assets/view.js`), for plotly's redraws a moving mesh only 8 times a second.

use plotly::Plot;
use serde_json::Value;

/// What all pages begin and end with.
const HEAD: &str = include_str!("assets/head.html");
const TAIL: &str = include_str!("assets/tail.html");
const OF_RUNS: &str = include_str!("assets/page.html");
const OF_CONTEST: &str = include_str!("assets/contest.html");
const STYLE: &str = include_str!("assets/style.css");

/// In the order in which they need each other.
const PROGRAMS: [&str; 7] = [
    include_str!("assets/data.js"),
    include_str!("assets/view.js"),
    include_str!("assets/body.js"),
    include_str!("assets/charts.js"),
    include_str!("assets/tables.js"),
    include_str!("assets/influence.js"),
    include_str!("assets/page.js"),
];

const PROGRAMS_OF_CONTEST: [&str; 3] =
    [include_str!("assets/data.js"), include_str!("assets/charts.js"), include_str!("assets/contest.js")];

/// The words of the MIT licence, below their first lines: title and holders.
const LICENCE: &str = include_str!("../../LICENSE-MIT");

/// The page of some recordings.
pub(super) fn of_runs(data: &Value) -> String {
    let titles = data["runs"].as_array().into_iter().flatten().filter_map(|run| run["origin"]["title"].as_str());
    assemble(OF_RUNS, [&PROGRAMS.concat(), "openPage();"], &titles.collect::<Vec<_>>().join(" · "), data)
}

/// The page of a contest.
pub(super) fn of_contest(data: &Value) -> String {
    assemble(
        OF_CONTEST,
        [&PROGRAMS_OF_CONTEST.concat(), "openContest();"],
        data["title"].as_str().unwrap_or_default(),
        data,
    )
}

/// A page between head and tail; `open` is what its programs begin with.
fn assemble(template: &str, [programs, open]: [&str; 2], title: &str, data: &Value) -> String {
    let title = escaped(title);
    // Inside a script no text may look like the end of it.
    let data = data.to_string().replace('<', "\\u003c");
    let licence = escaped(&licence());
    let parts = [
        ("title", title.as_str()),
        ("style", STYLE),
        ("data", &data),
        ("programs", programs),
        ("open", open),
        ("licence", &licence),
    ];
    let plotly = Plot::offline_js_sources();
    let mut page = String::new();
    let whole = [HEAD, template, TAIL].concat();
    let mut rest = whole.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template closes what it opens");
        page.push_str(before);
        page.push_str(match name {
            "plotly" => charts(&plotly),
            name => parts.iter().find(|part| part.0 == name).expect("the template names parts only").1,
        });
        rest = after;
    }
    page + rest
}

/// The program of plotly.js out of the tags of the crate; what comes after it, for formulas, is not needed.
fn charts(tags: &str) -> &str {
    let program = tags.split_once('>').map_or("", |(_, rest)| rest);
    program.split_once("</script>").map_or(program, |(program, _)| program)
}

fn licence() -> String {
    let terms = LICENCE.find("Permission is hereby granted").map_or(LICENCE, |start| &LICENCE[start..]);
    format!("plotly.js, MIT License\n\nCopyright 2012-2025, Plotly, Inc.\n\n{terms}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_carries_the_charts_and_their_licence_but_nothing_for_formulas_and_asks_nothing_of_a_network() {
        let page = of_runs(&serde_json::json!({ "runs": [{ "origin": { "title": "</script> & <b>" } }] }));
        assert!(
            page.contains("plotly.js v3")
                && page.contains("Copyright 2012-2025, Plotly")
                && !page.contains("MathJax.loader")
        );
        assert!(page.contains("<title>&lt;/script> &amp; &lt;b>") && !page.contains("\"</script> & <b>"));
        assert!(!page.contains("<script src") && !page.contains("<link"));
    }
}
