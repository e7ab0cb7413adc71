//! The fixtures: one folder for each delivery, with the settings it needs and what it must become.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leadgate::clock::Clock;
use leadgate::sources::{KINDS, Kind, Own, Sample, Shape, Signed};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::support::Gateway;
use crate::support::platform::Route;

/// What a source without signatures asks for.
pub const TOKEN: &str = "token-for-fixtures";

/// Stands in a secret's place when somebody forges.
const GUESSED: &str = "a-guess-at-the-secret";

/// One delivery.
pub struct Case {
    /// Who delivers.
    pub kind: &'static dyn Kind,
    /// Also its source's name.
    pub name: String,
    /// What it must become.
    pub expected: Value,
    delivery: Value,
    body: Vec<u8>,
    folder: PathBuf,
}

/// Every case of every kind.
pub fn all() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources");
    let mut cases = Vec::new();
    for kind in KINDS {
        let folders = std::fs::read_dir(root.join(kind.name())).unwrap();
        let mut folders: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        cases.extend(folders.into_iter().map(|folder| Case::read(*kind, folder)));
    }
    cases
}

impl Case {
    fn read(kind: &'static dyn Kind, folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let mut bodies = ["body.json", "body.form", "body.txt"].iter();
        Self {
            kind,
            name: format!("{}_{name}", kind.name()),
            expected: json(&folder.join("expected.json")).unwrap(),
            delivery: json(&folder.join("delivery.json")).unwrap(),
            body: bodies
                .find_map(|name| std::fs::read(folder.join(name)).ok())
                .unwrap(),
            folder,
        }
    }

    /// The bytes of the file.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The media type it is posted with.
    pub fn content_type(&self) -> &str {
        self.delivery["contentType"].as_str().unwrap()
    }

    /// The event its leads are booked for: persons of different cases have nothing to do with each other.
    pub fn event(&self) -> String {
        format!("acme/{}", self.name)
    }

    /// What its platform's API tells, each case below a folder of its own.
    pub fn routes(&self) -> Vec<Route> {
        let Some(platform) = json(&self.folder.join("platform.json")) else {
            return Vec::new();
        };
        let texts = |value: &Value| {
            let pairs = value.as_object().into_iter().flatten();
            pairs
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect()
        };
        let routes = platform["routes"].as_array().unwrap().iter();
        routes
            .map(|route| Route {
                query: texts(&route["query"]),
                headers: texts(&route["headers"]),
                ..Route::new(
                    &format!("/{}{}", self.name, route["path"].as_str().unwrap()),
                    route["status"].as_u64().unwrap().try_into().unwrap(),
                    route["body"].clone(),
                )
            })
            .collect()
    }

    /// Its source in the settings file; `{platform}` stands for the case's folder at the platform's address.
    pub fn source(&self, platform: &str) -> String {
        let Self { name, kind, .. } = self;
        let (kind, event) = (kind.name(), self.event());
        let mut table = format!("[sources.{name}]\nkind = \"{kind}\"\nlink_prefix = \"{event}\"\n");
        if self.has_token() {
            table += &format!("token = \"{TOKEN}\"\n");
        }
        let platform = format!("{platform}/{name}");
        for (key, value) in self.settings() {
            table += &format!("{key} = {}\n", toml(value).replace("{platform}", &platform));
        }
        table
    }

    /// The case's own settings; `platform` is where its fetches go.
    pub fn own(&self, platform: &str) -> Own {
        let platform = format!("{platform}/{}", self.name);
        self.own_with(|_, value| value.replace("{platform}", &platform))
    }

    /// Every secret among the settings.
    pub fn secrets(&self) -> Vec<String> {
        let secrets = std::sync::Mutex::new(vec![TOKEN.to_owned()]);
        self.own_with(|is_secret, value| {
            if is_secret {
                secrets.lock().unwrap().push(value.to_owned());
            }
            value.to_owned()
        });
        secrets.into_inner().unwrap()
    }

    /// The delivery as its platform would make it now.
    pub fn genuine(&self, gateway: &Gateway) -> RequestBuilder {
        let signed = self.signed(gateway, &self.own(""));
        self.request(gateway, Some(TOKEN), &signed.headers, &signed.body)
    }

    /// What somebody else could make of it, each with a word for it.
    pub fn forged(&self, gateway: &Gateway) -> Vec<(&'static str, RequestBuilder)> {
        let own = self.own("");
        let signed = self.signed(gateway, &own);
        let post =
            |token, signed: &Signed| self.request(gateway, token, &signed.headers, &signed.body);
        let mut forged = Vec::new();
        if self.has_token() {
            forged.push(("no token", post(None, &signed)));
            forged.push(("another token", post(Some(GUESSED), &signed)));
        }
        if self.signs() && self.kind.is_signed(&own) {
            let guess = self.own_with(|is_secret, value| match is_secret {
                true => GUESSED.to_owned(),
                false => value.to_owned(),
            });
            let guess = self.signed(gateway, &guess);
            forged.push(("another key", post(Some(TOKEN), &guess)));
            let bare = self.request(gateway, Some(TOKEN), &[], &self.body);
            forged.push(("no signature", bare));
            if !signed.headers.is_empty() {
                let other = [&signed.body[..], b" "].concat();
                let other = self.request(gateway, Some(TOKEN), &signed.headers, &other);
                forged.push(("another body", other));
            }
        }
        forged
    }

    fn settings(&self) -> &Map<String, Value> {
        self.delivery["settings"].as_object().unwrap()
    }

    fn has_token(&self) -> bool {
        self.delivery["token"] == true
    }

    fn signs(&self) -> bool {
        self.delivery["sign"] != false
    }

    /// `say` is asked for each text, and told whether it is a secret.
    fn own_with(&self, say: impl Fn(bool, &str) -> String) -> Own {
        let say =
            |is_secret, value: &Value| SecretString::from(say(is_secret, value.as_str().unwrap()));
        let mut own = Own::default();
        for setting in self.kind.settings() {
            let is_secret = matches!(setting.shape, Shape::Secret | Shape::Secrets);
            match self.settings().get(setting.key) {
                None => {}
                Some(Value::Object(table)) => {
                    let table = table.iter().map(|(key, value)| {
                        (key.clone(), say(is_secret || key == "secret", value))
                    });
                    own.set_table(setting.key, table.collect::<BTreeMap<_, _>>());
                }
                Some(value) if is_secret => own.set_secret(setting.key, say(true, value)),
                Some(value) => own.set(setting.key, say(false, value)),
            }
        }
        let fields = self.settings().get("fields").and_then(Value::as_object);
        for (theirs, ours) in fields.into_iter().flatten() {
            own.fields
                .insert(theirs.clone(), ours.as_str().unwrap().to_owned());
        }
        own
    }

    fn path(&self, token: Option<&str>) -> String {
        let query = self.delivery["query"].as_str().unwrap_or_default();
        let token = token.filter(|_| self.has_token());
        let token = token.map(|token| format!("token={token}"));
        let query = [
            Some(query.to_owned()).filter(|query| !query.is_empty()),
            token,
        ];
        let query: Vec<String> = query.into_iter().flatten().collect();
        let path = super::path(&self.name);
        match query.is_empty() {
            true => path,
            false => format!("{path}?{}", query.join("&")),
        }
    }

    fn signed(&self, gateway: &Gateway, own: &Own) -> Signed {
        let plain = Signed {
            headers: Vec::new(),
            body: self.body.clone(),
        };
        if !self.signs() {
            return plain;
        }
        let sample = Sample {
            url: &gateway.url(&self.path(Some(TOKEN))),
            content_type: self.content_type(),
            body: &self.body,
            at: Clock::system().now(),
        };
        self.kind.sign(sample, own)
    }

    fn request(
        &self,
        gateway: &Gateway,
        token: Option<&str>,
        headers: &[(Cow<'static, str>, String)],
        body: &[u8],
    ) -> RequestBuilder {
        let mut request = gateway
            .request(Method::POST, &self.path(token))
            .header("Content-Type", self.content_type());
        for (name, value) in self.delivery["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        for (name, value) in headers {
            request = request.header(&**name, value);
        }
        request.body(body.to_vec())
    }
}

fn json(file: &Path) -> Option<Value> {
    let text = std::fs::read(file).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{file:?}: {error}")))
}

/// A setting as TOML: its texts are spelled as JSON spells them.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), toml(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}
