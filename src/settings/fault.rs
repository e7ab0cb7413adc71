//! What is wrong with a settings file, and where.
//!
//! Owns the report an operator reads. A fault never repeats a value: a value may be a secret, or have come out of
//! the environment, and the file and line show where to look.

use std::fmt;

/// One thing to put right, or in a warning to think about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The settings file, or `environment`.
    pub file: String,
    /// Counted from 1; none for the environment, and for a file that could not be read.
    pub line: Option<usize>,
    /// Dotted path of the setting, or the name of the environment variable; empty when the whole file is meant.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            // A quoted key may hold a line break, and a fault is one line.
            write!(f, ": {}", self.key.escape_debug())?;
        }
        write!(f, ": {}", self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything wrong with a settings file: at least one fault, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `None` when there is nothing to complain of.
    pub(super) fn of(mut faults: Vec<Fault>) -> Option<Self> {
        faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// The faults, by line; those without a line come last.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A fault that does not know its place yet: what the parser of one value answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub text: String,
    pub hint: Option<String>,
}

impl Problem {
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<T: Into<String>> From<T> for Problem {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: Option<usize>, key: &str) -> Fault {
        Fault {
            file: "leadgate.toml".into(),
            line,
            key: key.into(),
            problem: "unknown key".into(),
            hint: Some("did you mean listen?".into()),
        }
    }

    #[test]
    fn a_fault_is_one_line_that_says_where_what_and_what_to_do() {
        assert_eq!(
            fault(Some(12), "server.lisen").to_string(),
            "leadgate.toml:12: server.lisen: unknown key; did you mean listen?"
        );
        assert!(!fault(None, "server.\"a\nb\"").to_string().contains('\n'));
    }

    #[test]
    fn faults_are_listed_in_the_order_of_the_file() {
        let faults = Faults::of(vec![
            fault(None, "c"),
            fault(Some(9), "b"),
            fault(Some(2), "a"),
        ])
        .unwrap();
        let keys: Vec<&str> = faults.iter().map(|f| f.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(faults.to_string().lines().count(), 3);
        assert_eq!(Faults::of(Vec::new()), None);
    }
}
