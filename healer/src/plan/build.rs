//! Builds a run from a case, its script and the incident: everything a runtime needs, fixed at this moment.

use super::env;
use crate::text::sha256_hex;
use domain::Time;
use domain::anomaly::Anomaly;
use domain::catalog::{Case, Language, Part, Script};
use domain::error::FieldError;
use domain::incident::Incident;
use domain::run::{HealLink, Run, RunMode, RunPurpose, RunSpec};
use domain::trace::TraceContext;
use domain::version::content_hash;
use serde_json::Value;
use std::collections::BTreeMap;

/// A case with the script that it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct StepCase {
    /// The case.
    pub case: Case,
    /// Its script; absent when the case has a body of its own.
    pub script: Option<Script>,
}

/// What a heal or undo run is made from.
#[derive(Debug)]
pub struct BuildRun<'a> {
    /// The case with its script.
    pub case: &'a StepCase,
    /// Values of the policy's step, over the case's own.
    pub values: Option<&'a BTreeMap<String, Value>>,
    /// The incident.
    pub incident: &'a Incident,
    /// Its anomalies.
    pub anomalies: &'a [Anomaly],
    /// Heal or undo.
    pub purpose: RunPurpose,
    /// Policy, decision and step.
    pub link: HealLink,
    /// Who asks, for example `policy:restart checkout`.
    pub requested_by: String,
    /// When it is queued.
    pub now: Time,
}

/// The run in state `queued`.
///
/// # Errors
/// One line for people: the case or script is archived, empty, or a parameter breaks its schema.
pub fn build_run(from: &BuildRun<'_>) -> Result<Run, String> {
    let case = &from.case.case;
    let spec = run_spec(from.case, from.values).map_err(|wrong| line(&wrong))?;
    let target = from.incident.entity.clone();
    let mut run =
        Run::new((case.id, case.name.clone()), from.purpose, target, spec, from.requested_by.clone(), from.now);
    from.case.mark(&mut run);
    run.spec.env.extend(env::facts(from.incident, from.anomalies, &run.run_key));
    run.heal = Some(from.link.clone());
    run.trace = from.incident.trace.clone();
    Ok(run)
}

/// What a run without an incident is made from.
#[derive(Debug)]
pub struct LooseRun<'a> {
    /// The case with its script.
    pub case: &'a StepCase,
    /// Values over the case's own.
    pub values: &'a BTreeMap<String, Value>,
    /// Entity acted on; the case itself when absent.
    pub target: Option<String>,
    /// Manual or scheduled.
    pub purpose: RunPurpose,
    /// Who asks.
    pub requested_by: String,
    /// When it is queued.
    pub now: Time,
    /// Span it belongs to.
    pub trace: TraceContext,
}

/// The run in state `queued`, for every door but a policy: by hand, by tag, matrix, schedule.
///
/// # Errors
/// As [`run_spec`].
pub fn loose_run(from: LooseRun<'_>) -> Result<Run, Vec<FieldError>> {
    let case = &from.case.case;
    let spec = run_spec(from.case, Some(from.values))?;
    let given = from.target.is_some();
    let target = from.target.unwrap_or_else(|| format!("case={}", case.name));
    let mut run = Run::new((case.id, case.name.clone()), from.purpose, target, spec, from.requested_by, from.now);
    // A script that must not run twice changes something: it has the target that was named for itself.
    run.exclusive = given && run.spec.mode == RunMode::AtMostOnce;
    run.trace = from.trace;
    from.case.mark(&mut run);
    let (kind, name) = run.target.split_once('=').unwrap_or(("", &run.target));
    let facts = [
        ("RUN_KEY", run.run_key.clone()),
        ("TARGET", run.target.clone()),
        ("TARGET_KIND", kind.to_owned()),
        ("TARGET_NAME", name.to_owned()),
        ("TRACEPARENT", run.trace.traceparent()),
    ];
    run.spec.env.extend(facts.map(|(name, value)| (name.to_owned(), value)));
    Ok(run)
}

impl StepCase {
    /// Notes on the run which content of the script it has, and what the case says of its place in the queue.
    fn mark(&self, run: &mut Run) {
        run.script_version = self.script.as_ref().map(|s| content_hash(&s.spec));
        run.priority = self.case.spec.priority.unwrap_or(run.priority);
    }
}

/// The executable part: body, environment from validated parameters, limits.
///
/// # Errors
/// One entry for each wrong field: the case or script is archived, its contract has no such part, or a parameter breaks its schema.
pub fn run_spec(step: &StepCase, over: Option<&BTreeMap<String, Value>>) -> Result<RunSpec, Vec<FieldError>> {
    let case = &step.case.spec;
    let script = step.script.as_ref().map(|s| &s.spec);
    let (language, body) = text(step).map_err(|why| vec![FieldError::new("case", why)])?;
    let mut values = case.values.clone();
    values.extend(over.cloned().unwrap_or_default());
    let mut secrets = script.map(|s| s.secrets.clone()).unwrap_or_default();
    secrets.extend(case.secrets.clone());
    if let Some(name) = values.keys().find(|name| secrets.contains_key(*name)) {
        return Err(vec![FieldError::new(format!("values.{name}"), "a secret is given under this name: leave it out")]);
    }
    let schema = script.map_or(&Value::Null, |s| &s.parameters);
    let values = domain::schema::validate(schema, |name| case.values.contains_key(name), values)?;
    // What only looks may be repeated.
    let mode = match case.part {
        Part::Precheck | Part::Verify => RunMode::AtLeastOnce,
        Part::Act | Part::Undo => script.map(|s| s.mode).or(case.mode).unwrap_or_default(),
    };
    Ok(RunSpec {
        language,
        body: body.to_owned(),
        body_sha256: sha256_hex(body.as_bytes()),
        interpreter: script.map_or(&case.interpreter, |s| &s.interpreter).clone(),
        image: case.image.clone().or_else(|| script.and_then(|s| s.image.clone())),
        env: env::parameters(&values)?,
        timeout_secs: case.timeout_secs.or(script.map(|s| s.timeout_secs)).unwrap_or(300),
        expectations: case.expectations.clone(),
        mode,
        runtime_tags: case.runtime_tags.clone(),
        limits: case.limits.clone().or_else(|| script.map(|s| s.limits.clone())).unwrap_or_default(),
        secrets,
        retry: case.retry.clone().or_else(|| script.map(|s| s.retry.clone())).unwrap_or_default(),
    })
}

/// The text to run and its language.
fn text(step: &StepCase) -> Result<(Language, &str), String> {
    let case = &step.case;
    if case.archived_at.is_some() {
        return Err(format!("case {} was archived", case.name));
    }
    let Some(script) = &step.script else {
        let body = case.spec.body.as_deref().ok_or("the case has neither script nor body")?;
        return Ok((case.spec.language.ok_or("the case's body has no language")?, body));
    };
    if script.archived_at.is_some() {
        return Err(format!("script {} was archived", script.name));
    }
    let part = case.spec.part;
    let body = script.spec.text(part).ok_or_else(|| format!("script {} has no {} part", script.name, part.word()))?;
    Ok((script.spec.language, body))
}

/// Field errors as one line.
pub(crate) fn line(wrong: &[FieldError]) -> String {
    let one =
        |w: &FieldError| if w.field == "case" { w.message.clone() } else { format!("{}: {}", w.field, w.message) };
    wrong.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::catalog::{CaseSpec, ScriptSpec};
    use domain::resource::Draft;
    use serde_json::json;

    fn step(change: impl Fn(&mut ScriptSpec, &mut CaseSpec)) -> StepCase {
        let mut script = ScriptSpec {
            language: Language::Sh,
            body: "act".to_owned(),
            undo: Some("undo".to_owned()),
            verify: Some("verify".to_owned()),
            parameters: json!({"properties": {"SERVICE": {"type": "string"}}}),
            timeout_secs: 60,
            ..ScriptSpec::default()
        };
        let mut case = CaseSpec { script_id: Some(domain::Id::nil()), ..CaseSpec::default() };
        change(&mut script, &mut case);
        let at = domain::clock::from_millis(0);
        let script =
            Draft { name: "restart".to_owned(), tags: Vec::new(), spec: script }.into_resource(domain::new_id(), at);
        let case =
            Draft { name: "restart shop".to_owned(), tags: Vec::new(), spec: case }.into_resource(domain::new_id(), at);
        StepCase { case, script: Some(script) }
    }

    fn run(step: &StepCase, values: Value) -> Result<Run, Vec<FieldError>> {
        loose_run(LooseRun {
            case: step,
            values: &values.as_object().expect("object").clone().into_iter().collect(),
            target: Some("service=shop".to_owned()),
            purpose: RunPurpose::Manual,
            requested_by: "alice".to_owned(),
            now: domain::clock::from_millis(0),
            trace: TraceContext::random(),
        })
    }

    #[test]
    fn a_run_has_the_part_that_its_case_names() {
        for (part, body, mode) in [
            (Part::Act, "act", RunMode::AtMostOnce),
            (Part::Undo, "undo", RunMode::AtMostOnce),
            (Part::Verify, "verify", RunMode::AtLeastOnce),
        ] {
            let got = run(&step(|_, case| case.part = part), json!({"SERVICE": "shop"})).expect("a run");
            assert_eq!((got.spec.body.as_str(), got.spec.mode), (body, mode));
            assert_eq!((got.spec.env["SERVICE"].as_str(), got.spec.env["TARGET_NAME"].as_str()), ("shop", "shop"));
            assert_eq!(got.spec.env["RUN_KEY"], got.run_key);
            assert_eq!(got.exclusive, mode == RunMode::AtMostOnce);
        }
        let none = run(&step(|_, case| case.part = Part::Precheck), json!({})).expect_err("no such part");
        assert_eq!(line(&none), "script restart has no precheck part");
    }

    #[test]
    fn wrong_values_are_named_by_field() {
        for (values, field) in [(json!({"SERVICE": 1}), "values.SERVICE"), (json!({"OTHER": "x"}), "values.OTHER")] {
            assert_eq!(run(&step(|_, _| {}), values).expect_err("refused")[0].field, field);
        }
        let nul = run(&step(|_, _| {}), json!({"SERVICE": "a\u{0}b"})).expect_err("refused");
        assert_eq!(nul[0].field, "values.SERVICE");
    }

    #[test]
    fn secrets_are_named_and_never_held() {
        let with = |script: &str, case: &str| {
            step(|s, c| {
                s.secrets = [("TOKEN".to_owned(), script.to_owned())].into();
                c.secrets = [(case.to_owned(), "of-case".to_owned())].into();
            })
        };
        let got = run(&with("of-script", "OTHER"), json!({})).expect("a run").spec;
        assert_eq!((got.secrets["TOKEN"].as_str(), got.secrets["OTHER"].as_str()), ("of-script", "of-case"));
        assert!(!got.env.contains_key("TOKEN"));
        let got = run(&with("of-script", "TOKEN"), json!({})).expect("a run").spec;
        assert_eq!(got.secrets["TOKEN"], "of-case", "the case's goes before");
        let wrong = run(&with("of-script", "SERVICE"), json!({"SERVICE": "shop"})).expect_err("two for one name");
        assert_eq!(wrong[0].field, "values.SERVICE");
    }

    #[test]
    fn the_run_says_which_content_it_has() {
        let (one, two) = (step(|_, _| {}), step(|script, _| script.body = "other".to_owned()));
        let hash = |step: &StepCase| run(step, json!({})).expect("a run").script_version.expect("a hash");
        assert_eq!(hash(&one), content_hash(&one.script.as_ref().expect("script").spec));
        assert_ne!(hash(&one), hash(&two));
    }
}
