//! The program with nothing of this machine's settings in its environment.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// `program` without the variables that would give it another account, store, log or collector than its settings
/// file names.
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    without_ours(program, std::env::vars_os().map(|(name, _)| name))
}

fn without_ours(program: impl AsRef<OsStr>, variables: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    for name in variables.filter(|name| is_ours(name)) {
        command.env_remove(name);
    }
    command
}

/// Whether leadgate reads this variable unasked.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "RUST_LOG"
        || ["ICLOSED_", "LEADGATE_", "OTEL_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leadgate_reads_is_left_out_and_nothing_else() {
        for (name, ours) in [
            ("ICLOSED_API_KEY", true),
            ("ICLOSED_BASE_URL", true),
            ("LEADGATE_CONFIG", true),
            ("LEADGATE_OPERATOR_KEY", true),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", true),
            ("RUST_LOG", true),
            ("RUST_LOG_STYLE", false),
            ("RUST_BACKTRACE", false),
            ("MY_LEADGATE_KEY", false),
            ("PATH", false),
        ] {
            let command = without_ours("x", [OsString::from(name)].into_iter());
            let removed: Vec<_> = command.get_envs().collect();
            let expected = ours.then_some((OsStr::new(name), None));
            assert_eq!(removed, Vec::from_iter(expected), "{name}");
        }
    }
}
