//! Values that stand in no file: `${env:NAME}` is the variable of that name.

use domain::resource::SECRET_MARK;
use serde_json::Value;

/// Which values came from variables, and which did not come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Fields whose variable was set.
    pub set: Vec<String>,
    /// Fields whose variable was not, with its name; what the product has is kept there.
    pub unset: Vec<(String, String)>,
}

impl Given {
    /// Whether any value came.
    pub(super) const fn any(&self) -> bool {
        !self.set.is_empty()
    }
}

/// The variable that a whole text names.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${env:")?.strip_suffix('}')?;
    let fine = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    fine.then_some(name)
}

/// Fills them in.
pub(super) fn fill(draft: &mut Value) -> Given {
    let mut given = Given::default();
    walk(draft, "", &|name| std::env::var(name).ok(), &mut given);
    given
}

fn walk(value: &mut Value, path: &str, read: &dyn Fn(&str) -> Option<String>, given: &mut Given) {
    match value {
        Value::String(text) => {
            let Some(name) = variable(text).map(str::to_owned) else { return };
            match read(&name) {
                Some(found) => {
                    *text = found;
                    given.set.push(path.to_owned());
                }
                None => {
                    SECRET_MARK.clone_into(text);
                    given.unset.push((path.to_owned(), name));
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{n}]"), read, given);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(item, &here, read, given);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_texts_are_filled_and_parts_are_not() {
        let mut draft =
            json!({"a": {"token": "${env:TOKEN}"}, "b": ["x ${env:TOKEN}", "${env:NONE}"], "c": "${env:A B}"});
        let mut given = Given::default();
        walk(&mut draft, "", &|name| (name == "TOKEN").then(|| "t0ken".to_owned()), &mut given);
        assert_eq!(draft, json!({"a": {"token": "t0ken"}, "b": ["x ${env:TOKEN}", "********"], "c": "${env:A B}"}));
        assert_eq!(
            given,
            Given { set: vec!["a.token".to_owned()], unset: vec![("b[1]".to_owned(), "NONE".to_owned())] }
        );
    }
}
