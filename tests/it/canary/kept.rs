//! Where in a store the mark is: each place by its name, with everything in it.

use std::collections::BTreeMap;
use std::path::Path;

use redis::Value;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::support::redis_server::RedisServer;

/// The bytes of each place: a column of a table, or a key.
pub type Places = BTreeMap<String, Vec<u8>>;

/// The embedded store's one file, beside what SQLite itself puts there.
pub const DATABASE: &str = "leadgate.db";

/// Every column of every table of the embedded store.
pub fn columns(folder: &Path) -> Places {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(folder.join(DATABASE), flags).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut places = Places::new();
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = rows.column_names().map(str::to_owned).collect();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, name) in names.iter().enumerate() {
                let place = places.entry(format!("{table}.{name}")).or_default();
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(at).unwrap() {
                    place.extend_from_slice(bytes);
                    place.push(b'\n');
                }
            }
        }
    }
    places
}

/// The names of the files in a folder.
pub fn files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Every key of a Redis, with its own name among its bytes.
pub fn keys(server: &RedisServer) -> Places {
    let names: Vec<String> = redis::from_redis_value(server.say(&["KEYS", "*"])).unwrap();
    let read = |name: &String| {
        let kind: String = redis::from_redis_value(server.say(&["TYPE", name])).unwrap();
        let held = match kind.as_str() {
            "string" => server.say(&["GET", name]),
            "hash" => server.say(&["HGETALL", name]),
            "set" => server.say(&["SMEMBERS", name]),
            "list" => server.say(&["LRANGE", name, "0", "-1"]),
            "zset" => server.say(&["ZRANGE", name, "0", "-1", "WITHSCORES"]),
            other => panic!("{name} is a {other}, which nobody here can read"),
        };
        let mut bytes = name.clone().into_bytes();
        gather(&held, &mut bytes);
        (name.clone(), bytes)
    };
    names.iter().map(read).collect()
}

fn gather(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::BulkString(text) => bytes.extend_from_slice(text),
        Value::SimpleString(text) => bytes.extend_from_slice(text.as_bytes()),
        Value::Array(items) | Value::Set(items) => {
            items.iter().for_each(|item| gather(item, bytes));
        }
        Value::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            gather(name, bytes);
            gather(value, bytes);
        }),
        _ => {}
    }
    bytes.push(b'\n');
}
