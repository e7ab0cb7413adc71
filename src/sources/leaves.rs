//! Taking a document of any shape apart into named values.

use serde_json::Value;

/// A place of a document that holds values.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// RFC 6901, such as `/contact/email`.
    pub pointer: String,
    /// The same for people, such as `contact.email`.
    pub path: String,
    /// At least one, in their order.
    pub values: Vec<String>,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").finish_non_exhaustive()
    }
}

/// Every place that holds values, in the document's order. A list of texts and numbers is one place with several
/// values. `stays_whole` is told a pointer and a path: such a place is not taken apart.
pub fn leaves(document: &Value, stays_whole: &dyn Fn(&str, &str) -> bool) -> Vec<Leaf> {
    let mut found = Vec::new();
    visit(document, "", "", stays_whole, &mut found);
    found
}

fn visit(
    value: &Value,
    pointer: &str,
    path: &str,
    stays_whole: &dyn Fn(&str, &str) -> bool,
    found: &mut Vec<Leaf>,
) {
    let below = |name: &str| {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let path = match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        (format!("{pointer}/{escaped}"), path)
    };
    if !pointer.is_empty() && stays_whole(pointer, path) {
        found.extend(leaf(value, pointer, path));
        return;
    }
    match value {
        Value::Object(parts) => {
            for (name, part) in parts {
                let (pointer, path) = below(name);
                visit(part, &pointer, &path, stays_whole, found);
            }
        }
        Value::Array(items) => {
            let is_wanted = |index: usize| {
                let (pointer, path) = below(&index.to_string());
                stays_whole(&pointer, &path)
            };
            let is_nested = items.iter().any(|item| item.is_object() || item.is_array());
            if !is_nested && !(0..items.len()).any(is_wanted) {
                found.extend(leaf(value, pointer, path));
                return;
            }
            for (index, item) in items.iter().enumerate() {
                let (pointer, path) = below(&index.to_string());
                visit(item, &pointer, &path, stays_whole, found);
            }
        }
        _ => found.extend(leaf(value, pointer, path)),
    }
}

fn leaf(value: &Value, pointer: &str, path: &str) -> Option<Leaf> {
    let values = super::sent::texts_of(value);
    (!values.is_empty()).then(|| Leaf {
        pointer: pointer.to_owned(),
        path: path.to_owned(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, whole: &[&str]) -> Vec<(String, String, Vec<String>)> {
        let document = serde_json::from_str(text).unwrap();
        leaves(&document, &|pointer, path| {
            whole.contains(&pointer) || whole.contains(&path)
        })
        .into_iter()
        .map(|leaf| (leaf.pointer, leaf.path, leaf.values))
        .collect()
    }

    #[test]
    fn every_value_is_found_once_and_keeps_its_digits() {
        let text = r#"{"a":{"b~/c":1234567890123456789},"tags":["x",2,null],"none":null,"empty":" ",
            "items":[{"n":"p"},"q"],"ok":false,"deep":{}}"#;
        let wanted = [
            ("/a/b~0~1c", "a.b~/c", &["1234567890123456789"][..]),
            ("/tags", "tags", &["x", "2"]),
            ("/items/0/n", "items.0.n", &["p"]),
            ("/items/1", "items.1", &["q"]),
            ("/ok", "ok", &["false"]),
        ];
        let found = taken(text, &[]);
        assert_eq!(found.len(), wanted.len());
        for ((pointer, path, values), wanted) in found.iter().zip(wanted) {
            assert_eq!((pointer.as_str(), path.as_str()), (wanted.0, wanted.1));
            assert_eq!(values, wanted.2);
        }
    }

    #[test]
    fn what_is_asked_for_stays_whole() {
        let found = taken(r#"{"a":{"b":1},"c":[1,2]}"#, &["a", "/c/1"]);
        let places: Vec<_> = found.iter().map(|(pointer, ..)| pointer.as_str()).collect();
        assert_eq!(places, ["/a", "/c/0", "/c/1"]);
        assert_eq!(found[0].2, [r#"{"b":1}"#]);
    }
}
