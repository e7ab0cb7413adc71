//! Reading `openapi.yaml`, and judging values and answers by it.

use serde_json::{Map, Value, json};

use crate::support::Seen;

const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"));

/// Headers of the transport, and those the document describes once for all answers.
const EVERYWHERE: [&str; 13] = [
    "cache-control",
    "content-security-policy",
    "x-content-type-options",
    "connection",
    "content-type",
    "content-length",
    "transfer-encoding",
    "date",
    "vary",
    "x-accel-buffering",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
];

/// The document.
pub struct Contract {
    document: Value,
}

impl Contract {
    /// Reads the file.
    pub fn read() -> Self {
        Self {
            document: parse(TEXT),
        }
    }

    /// The node at a JSON pointer.
    pub fn at(&self, pointer: &str) -> &Value {
        self.document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    /// Every path's item.
    pub fn paths(&self) -> &Map<String, Value> {
        self.at("/paths").as_object().unwrap()
    }

    /// Every operation with its path and its method in lower case.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.paths().iter().flat_map(|(path, item)| {
            let methods = item
                .as_object()
                .unwrap()
                .iter()
                .filter(|(key, _)| *key != "parameters");
            methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    /// The node itself, or what its `$ref` names.
    pub fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(reference) => self.resolve(self.at(reference.strip_prefix('#').unwrap())),
            None => node,
        }
    }

    /// The examples of an operation's JSON body.
    pub fn request_examples(&self, path: &str, method: &str) -> Vec<&Value> {
        let body = self.resolve(&self.paths()[path][method]["requestBody"]);
        let content = &body["content"]["application/json"];
        content["examples"]
            .as_object()
            .unwrap()
            .values()
            .map(|example| &self.resolve(example)["value"])
            .collect()
    }

    /// What stands against a value; nothing when it is valid. Formats count.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        // The references of a schema point into the document, so the document goes with it.
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document["components"],
            "allOf": [schema],
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&whole);
        let validator = validator.unwrap_or_else(|error| panic!("{schema} is no schema: {error}"));
        validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Asserts that a value is valid.
    pub fn assert_valid(&self, what: &str, schema: &Value, value: &Value) {
        let faults = self.faults(schema, value);
        assert!(faults.is_empty(), "{what}: {value}: {faults:?}");
    }

    /// Asserts that an answer is as its operation declares it: status, headers, media type and body.
    pub fn assert_answer(&self, path: &str, method: &str, seen: &Seen) {
        let place = format!("{method} {path} {}", seen.http);
        let responses = &self.paths()[path][method]["responses"];
        let response = responses.get(seen.http.to_string());
        let response =
            self.resolve(response.unwrap_or_else(|| panic!("{place} is not declared: {seen:?}")));
        self.assert_headers(&place, &response["headers"], seen);
        let Some(content) = response.get("content") else {
            assert_eq!(seen.text, "", "{place}");
            return;
        };
        let media_type = seen.header("content-type").unwrap();
        let media_type = media_type.split(';').next().unwrap();
        let declared = content
            .get(media_type)
            .unwrap_or_else(|| panic!("{place}: {media_type} is not declared"));
        let schema = &declared["schema"];
        match media_type {
            "text/plain" | "text/html" => self.assert_valid(&place, schema, &json!(seen.text)),
            "application/yaml" => self.assert_valid(&place, schema, &parse(&seen.text)),
            "text/event-stream" => {
                self.assert_valid(&place, schema, &json!(seen.text));
                let events: Vec<&str> = seen
                    .text
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .collect();
                assert!(!events.is_empty(), "{place}");
                for event in events {
                    let state = json!({"$ref": "#/components/schemas/LeadState"});
                    self.assert_valid(&place, &state, &serde_json::from_str(event).unwrap());
                }
            }
            "application/x-ndjson" => {
                for line in seen.text.lines() {
                    self.assert_valid(&place, schema, &serde_json::from_str(line).unwrap());
                }
            }
            _ => self.assert_valid(&place, schema, &seen.body),
        }
        if media_type == "application/problem+json" {
            let examples = declared["examples"]
                .as_object()
                .unwrap()
                .values()
                .map(|example| &example["value"]);
            let titles: Vec<_> = examples
                .filter(|value| value["code"] == seen.body["code"])
                .map(|value| &value["title"])
                .collect();
            assert!(
                titles.iter().all(|title| **title == seen.body["title"]),
                "{place}: {titles:?}"
            );
        }
    }

    /// Every required header is there, every one that is there is declared, and its value is valid.
    fn assert_headers(&self, place: &str, declared: &Value, seen: &Seen) {
        let declared = declared.as_object().unwrap();
        for (name, header) in declared {
            let header = self.resolve(header);
            match seen.header(name) {
                Some(text) => {
                    let number = header["schema"]["type"] == "integer";
                    let value = if number {
                        json!(text.parse::<u64>().unwrap())
                    } else {
                        json!(text)
                    };
                    self.assert_valid(&format!("{place} {name}"), &header["schema"], &value);
                }
                None => assert_ne!(
                    header["required"], true,
                    "{place}: {name} is missing: {seen:?}"
                ),
            }
        }
        for name in seen.headers.keys() {
            let known = EVERYWHERE.contains(&name.as_str())
                || declared
                    .keys()
                    .any(|one| one.eq_ignore_ascii_case(name.as_str()));
            assert!(known, "{place}: {name} is not declared");
        }
    }
}

fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("not YAML: {error}"))
}
