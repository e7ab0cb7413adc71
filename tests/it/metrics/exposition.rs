//! Prometheus's text format 0.0.4, read as strictly as it is written down (prometheus.io/docs/instrumenting).

use std::collections::{BTreeMap, BTreeSet};

/// The series of one name.
#[derive(Debug, Default)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// By suffix (`_bucket`, or nothing) and labels.
    pub samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The whole name.
    pub name: String,
    /// In alphabetical order.
    pub labels: BTreeMap<String, String>,
    /// As told.
    pub value: f64,
}

/// Reads a whole answer.
///
/// # Panics
/// At anything that is not as the format says.
pub fn read(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line must end");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut helped = String::new();
    let mut open = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, about) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(!about.trim().is_empty(), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert_eq!(name, helped, "HELP stands before TYPE");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            let family = Family {
                kind: kind.to_owned(),
                samples: Vec::new(),
            };
            assert!(families.insert(name.to_owned(), family).is_none(), "{line}");
            open = name.to_owned();
        } else {
            let sample = sample(line);
            let suffix = sample.name.strip_prefix(&open);
            let suffix = suffix.unwrap_or_else(|| panic!("{line} stands under {open}"));
            let family = families.get_mut(&open).unwrap();
            let may: &[&str] = match family.kind.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(may.contains(&suffix), "{line}");
            assert!(
                family.kind == "gauge" || sample.value >= 0.0,
                "{line} went down"
            );
            family.samples.push(sample);
        }
    }
    for (name, family) in &families {
        assert!(!family.samples.is_empty(), "{name} has no series");
        let series: BTreeSet<_> = family
            .samples
            .iter()
            .map(|sample| (&sample.name, &sample.labels))
            .collect();
        assert_eq!(
            series.len(),
            family.samples.len(),
            "{name} repeats a series"
        );
        if family.kind == "histogram" {
            cumulative(name, family);
        }
    }
    families
}

fn cumulative(name: &str, family: &Family) {
    let mut last: BTreeMap<BTreeMap<String, String>, (f64, f64)> = BTreeMap::new();
    let buckets = family
        .samples
        .iter()
        .filter(|sample| sample.name.ends_with("_bucket"));
    for bucket in buckets {
        let mut labels = bucket.labels.clone();
        let bound = number(&labels.remove("le").expect("a bucket has its bound"));
        let before = last.insert(labels, (bound, bucket.value));
        if let Some((smaller, fewer)) = before {
            assert!(bound > smaller && bucket.value >= fewer, "{bucket:?}");
        }
    }
    let counts = family
        .samples
        .iter()
        .filter(|sample| sample.name.ends_with("_count"));
    let mut counted = 0;
    for count in counts {
        assert_eq!(
            last.get(&count.labels),
            Some(&(f64::INFINITY, count.value)),
            "{name}"
        );
        counted += 1;
    }
    assert_eq!(counted, last.len(), "{name}");
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, BTreeMap::new()),
        Some((name, rest)) => {
            let inside = rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
            (name, labels(inside))
        }
    };
    assert_is_name(name);
    Sample {
        name: name.to_owned(),
        labels,
        value: number(value),
    }
}

fn labels(mut rest: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{rest}"));
        assert_is_name(name);
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap_or_else(|| panic!("{rest}")) {
                (at, '"') => break at,
                (_, '\\') => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, letter @ ('\\' | '"'))) => value.push(letter),
                    other => panic!("{other:?} in {rest}"),
                },
                (_, letter) => value.push(letter),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{rest}");
        let after = &after[end + 1..];
        rest = match after.strip_prefix(',') {
            Some(more) => more,
            None => {
                assert!(after.is_empty(), "{after}");
                after
            }
        };
    }
    labels
}

fn assert_is_name(name: &str) {
    let is_name = name.chars().enumerate().all(|(at, letter)| {
        letter == '_' || letter.is_ascii_alphanumeric() && (at > 0 || !letter.is_ascii_digit())
    });
    assert!(is_name && !name.is_empty(), "{name:?} is no name");
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        _ => {
            let number: f64 = text
                .parse()
                .unwrap_or_else(|_| panic!("{text} is no number"));
            assert!(number.is_finite(), "{text}");
            number
        }
    }
}
