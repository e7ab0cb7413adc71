//! What the standard variables say of logs and traces. An empty one counts as not set, as of the settings.

use std::ffi::OsString;

use tracing_subscriber::EnvFilter;

/// Which lines are logged: what `RUST_LOG` says, or `usual`.
pub fn filter(said: Option<OsString>, usual: &str) -> Result<EnvFilter, String> {
    let said = said.unwrap_or_default();
    let text = said.to_str().ok_or("RUST_LOG is not text in UTF-8")?.trim();
    let text = if text.is_empty() { usual } else { text };
    EnvFilter::try_new(text).map_err(|error| {
        format!("RUST_LOG cannot be read ({error}); it is a level such as info, or targets with levels such as info,leadgate=debug")
    })
}

/// Whether traces are sent: there is a collector, and nobody turned them off.
pub fn wants_traces(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, word: &str| {
        variable(name).is_some_and(|said| said.trim().eq_ignore_ascii_case(word))
    };
    let is_told = |name: &str| variable(name).is_some_and(|said| !said.trim().is_empty());
    let has_collector =
        is_told("OTEL_EXPORTER_OTLP_ENDPOINT") || is_told("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    has_collector && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none")
}

/// What the service is called in traces: `OTEL_SERVICE_NAME` goes before `service.name` of `OTEL_RESOURCE_ATTRIBUTES`.
pub fn service_name(variable: impl Fn(&str) -> Option<String>) -> String {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let of_attributes = attributes.split(',').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == "service.name").then(|| value.trim().to_owned())
    });
    let names = [variable("OTEL_SERVICE_NAME"), of_attributes];
    let mut names = names.into_iter().flatten();
    names
        .find(|name| !name.trim().is_empty())
        .unwrap_or_else(|| "leadgate".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn a_blank_filter_is_none_and_one_that_cannot_be_read_is_told() {
        let usual = || filter(None, "warn").unwrap().to_string();
        for (said, shown) in [
            ("", Some(usual())),
            (" ", Some(usual())),
            ("debug", Some("debug".to_owned())),
            ("off", Some("off".to_owned())),
            ("leadgate=loud", None),
            ("info,leadgate=debug=x", None),
        ] {
            let read = filter(Some(said.into()), "warn");
            assert_eq!(read.map(|filter| filter.to_string()).ok(), shown, "{said}");
        }
        let told = filter(Some("leadgate=loud".into()), "warn").unwrap_err();
        assert!(told.starts_with("RUST_LOG cannot be read"), "{told}");
    }

    #[test]
    fn traces_want_a_collector_and_nobody_who_turned_them_off() {
        const SOME: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318");
        for (variables, wanted) in [
            (&[][..], false),
            (&[SOME], true),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], false),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://o/v1/traces")],
                true,
            ),
            (&[SOME, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[SOME, ("OTEL_SDK_DISABLED", "")], true),
            (&[SOME, ("OTEL_SDK_DISABLED", "yes")], true),
            (&[SOME, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[SOME, ("OTEL_TRACES_EXPORTER", "otlp")], true),
        ] {
            assert_eq!(wants_traces(among(variables)), wanted, "{variables:?}");
        }
    }

    #[test]
    fn a_service_has_the_name_it_was_given_and_never_an_empty_one() {
        const NAME: &str = "OTEL_SERVICE_NAME";
        const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
        for (variables, name) in [
            (&[][..], "leadgate"),
            (&[(NAME, "intake")], "intake"),
            (&[(NAME, "")], "leadgate"),
            (&[(ATTRIBUTES, "a=b, service.name = eu ")], "eu"),
            (&[(ATTRIBUTES, "service.name=")], "leadgate"),
            (&[(ATTRIBUTES, "service.namespace=x,rubbish")], "leadgate"),
            (
                &[(NAME, "intake"), (ATTRIBUTES, "service.name=eu")],
                "intake",
            ),
            (&[(NAME, ""), (ATTRIBUTES, "service.name=eu")], "eu"),
        ] {
            assert_eq!(service_name(among(variables)), name, "{variables:?}");
        }
    }
}
