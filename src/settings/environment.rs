//! What a settings file takes from the environment: `${NAME}` inside strings, and whole settings overridden.
//!
//! Owns both rules and reads nothing itself: it is handed the way to look a variable up.

use super::fault::Problem;

/// How a variable is looked up; `None` when it is not set.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Settings that a variable overrides, by dotted path.
pub(super) const OVERRIDES: [(&str, &str); 4] = [
    ("server.listen", "LEADGATE_LISTEN"),
    ("store.url", "LEADGATE_STORE"),
    ("accounts.main.api_key", "ICLOSED_API_KEY"),
    ("accounts.main.base_url", "ICLOSED_BASE_URL"),
];

/// The variable that overrides the setting at `path`, and its value.
///
/// An empty one counts as not set: container tools pass `NAME=` on for a variable nobody gave.
pub(super) fn overriding(path: &str, env: Lookup<'_>) -> Option<(&'static str, String)> {
    let (_, variable) = OVERRIDES
        .iter()
        .find(|(setting, _)| setting.eq_ignore_ascii_case(path))?;
    let value = env(variable)?;
    (!value.trim().is_empty()).then_some((variable, value))
}

/// `text` with every `${NAME}` replaced; `$${` stands for a plain `${`.
///
/// What a variable holds is taken as it is, never expanded again.
pub(super) fn expand(text: &str, env: Lookup<'_>) -> Result<String, Problem> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            return Err(Problem::from("a ${ without its }").hint("write $${ for a plain ${"));
        };
        if !is_variable_name(name) {
            return Err(
                Problem::from("${...} must hold the name of an environment variable")
                    .hint("write $${ for a plain ${"),
            );
        }
        let Some(value) = env(name) else {
            return Err(Problem::from(format!(
                "the environment variable {name} is not set"
            )));
        };
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("k3y".into()),
            "NESTED" => Some("${KEY}".into()),
            "LEADGATE_LISTEN" => Some("0.0.0.0:80".into()),
            "LEADGATE_STORE" => Some(" ".into()),
            _ => None,
        }
    }

    #[test]
    fn a_name_in_braces_is_replaced_once() {
        for (text, expected) in [
            ("", ""),
            ("plain $ {KEY} $KEY", "plain $ {KEY} $KEY"),
            ("${KEY}", "k3y"),
            ("a-${KEY}-${KEY}.b", "a-k3y-k3y.b"),
            ("$${KEY}", "${KEY}"),
            ("$$${KEY}", "$${KEY}"),
            ("$${ ${KEY}", "${ k3y"),
            ("${NESTED}", "${KEY}"),
            ("ü${KEY}ü", "ük3yü"),
        ] {
            assert_eq!(expand(text, &env), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_a_fault() {
        for (text, problem) in [
            ("${GONE}", "the environment variable GONE is not set"),
            ("x${KEY", "a ${ without its }"),
            (
                "${}",
                "${...} must hold the name of an environment variable",
            ),
            (
                "${1KEY}",
                "${...} must hold the name of an environment variable",
            ),
            (
                "${KEY:-x}",
                "${...} must hold the name of an environment variable",
            ),
        ] {
            assert_eq!(expand(text, &env).unwrap_err().text, problem, "{text}");
        }
    }

    #[test]
    fn an_empty_override_counts_as_not_set() {
        assert_eq!(
            overriding("server.listen", &env),
            Some(("LEADGATE_LISTEN", "0.0.0.0:80".into()))
        );
        assert_eq!(overriding("store.url", &env), None);
        assert_eq!(overriding("accounts.main.api_key", &env), None);
        assert_eq!(overriding("server.operator_key", &env), None);
    }

    proptest! {
        #[test]
        fn escaped_text_comes_back_as_it_was(text in "[a-z$]{0,4}(\\$\\{[A-Z]{0,2}\\}?){0,3}[a-z${}]{0,4}") {
            prop_assert_eq!(expand(&text.replace("${", "$${"), &env), Ok(text));
        }
    }
}
