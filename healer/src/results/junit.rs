//! JUnit XML as test results. Pure, bounded; entities that a document defines itself are refused by the parser.
//!
//! There is no standard; this reads what Ant, Maven, pytest and their like write: `testsuites`, nested `testsuite`, `testcase`
//! with `failure`, `error` or `skipped`.

use domain::results::{TestCaseResult, TestOutcome, TestSuiteResult};
use roxmltree::{Document, Node, ParsingOptions};

/// Nodes of a document at most.
const MAX_NODES: u32 = 500_000;
/// Cases that are kept.
pub(super) const MAX_CASES: usize = 5_000;
/// Characters of a name that are kept.
const MAX_NAME: usize = 300;
/// Characters of a message that are kept.
const MAX_MESSAGE: usize = 2_000;

fn cut(text: &str, limit: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= limit { text.to_owned() } else { text.chars().take(limit).chain(['\u{2026}']).collect() }
}

fn outcome(case: Node<'_, '_>) -> (TestOutcome, String) {
    let found = case.children().find_map(|child| {
        let outcome = match child.tag_name().name() {
            "failure" => TestOutcome::Failed,
            "error" => TestOutcome::Error,
            "skipped" => TestOutcome::Skipped,
            _ => return None,
        };
        let message = child.attribute("message").unwrap_or_default();
        let text = child.text().unwrap_or_default().trim();
        let whole = match (message.is_empty(), text.is_empty()) {
            (_, true) => message.to_owned(),
            (true, false) => text.to_owned(),
            (false, false) => format!("{message}\n{text}"),
        };
        Some((outcome, cut(&whole, MAX_MESSAGE)))
    });
    found.unwrap_or((TestOutcome::Passed, String::new()))
}

fn seconds(text: Option<&str>) -> f64 {
    let number = text.and_then(|t| t.trim().replace(',', "").parse::<f64>().ok());
    number.filter(|n| n.is_finite() && *n >= 0.0).unwrap_or(0.0)
}

fn suite_name(suite: Node<'_, '_>) -> String {
    let mut names: Vec<&str> = suite
        .ancestors()
        .take(16)
        .filter(|n| n.has_tag_name("testsuite"))
        .map(|n| n.attribute("name").unwrap_or("unnamed"))
        .collect();
    names.reverse();
    cut(&names.join(" / "), MAX_NAME)
}

/// The suites of a document, or `None` when it is no JUnit XML.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn parse(text: &str, artifact: &str) -> Result<Option<Vec<TestSuiteResult>>, String> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|e| format!("it is no XML: {e}"))?;
    if !matches!(document.root_element().tag_name().name(), "testsuites" | "testsuite") {
        return Ok(None);
    }
    let mut suites = Vec::new();
    for suite in document.descendants().filter(|n| n.has_tag_name("testsuite")) {
        let cases: Vec<TestCaseResult> = suite
            .children()
            .filter(|n| n.has_tag_name("testcase"))
            .map(|case| {
                let (outcome, message) = outcome(case);
                TestCaseResult {
                    class: cut(case.attribute("classname").unwrap_or_default(), MAX_NAME),
                    name: cut(case.attribute("name").unwrap_or_default(), MAX_NAME),
                    outcome,
                    seconds: seconds(case.attribute("time")),
                    message,
                }
            })
            .collect();
        if !cases.is_empty() {
            suites.push(TestSuiteResult { name: suite_name(suite), artifact: artifact.to_owned(), cases });
        }
    }
    Ok(Some(suites))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_cases_and_outcomes() {
        let text = r#"<?xml version="1.0"?><testsuites><testsuite name="shop"><testsuite name="cart">
            <testcase classname="c" name="adds" time="0.25"/>
            <testcase classname="c" name="removes" time="1,000.5"><failure message="3 != 4">at line 7</failure></testcase>
            <testcase name="breaks" time="NaN"><error>boom</error></testcase>
            <testcase name="later"><skipped message="flaky"/></testcase>
            </testsuite></testsuite><testsuite name="empty"/></testsuites>"#;
        let suites = parse(text, "r.xml").expect("xml").expect("junit");
        assert_eq!((suites.len(), suites[0].name.as_str()), (1, "shop / cart"));
        let got: Vec<_> = suites[0].cases.iter().map(|c| (c.outcome, c.seconds, c.message.as_str())).collect();
        assert_eq!(
            got,
            [
                (TestOutcome::Passed, 0.25, ""),
                (TestOutcome::Failed, 1000.5, "3 != 4\nat line 7"),
                (TestOutcome::Error, 0.0, "boom"),
                (TestOutcome::Skipped, 0.0, "flaky"),
            ]
        );
    }

    #[test]
    fn other_documents_and_bombs() {
        assert_eq!(parse("<project/>", "pom.xml"), Ok(None));
        assert!(parse("<testsuite>", "x").is_err());
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><testsuite name="&b;"/>"#;
        assert!(parse(bomb, "x").is_err(), "documents with definitions of their own are refused");
    }
}
