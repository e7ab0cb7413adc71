//! A platform's API on loopback: it answers from a list that a test may change while it runs, and remembers who asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

/// What one address answers.
#[derive(Clone)]
pub struct Route {
    /// The whole path.
    pub path: String,
    /// The pairs that the query must hold.
    pub query: Vec<(String, String)>,
    /// The HTTP status; `None`: never an answer.
    pub status: Option<u16>,
    /// Beside the content type.
    pub headers: Vec<(String, String)>,
    /// As JSON.
    pub body: Value,
}

impl Route {
    /// An answer without conditions.
    pub fn new(path: &str, status: u16, body: Value) -> Self {
        Self {
            path: path.to_owned(),
            query: Vec::new(),
            status: Some(status),
            headers: Vec::new(),
            body,
        }
    }

    /// No answer at all.
    pub fn silent(path: &str) -> Self {
        Self {
            status: None,
            ..Self::new(path, 200, Value::Null)
        }
    }

    /// With one header more.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[derive(Default)]
struct State {
    routes: Vec<Route>,
    asked: Vec<(String, Instant)>,
}

/// A running stand-in for every platform.
pub struct Platform {
    url: String,
    state: Data<Mutex<State>>,
}

impl Platform {
    /// Starts one that has nothing to tell.
    pub fn start() -> Self {
        let state = Data::new(Mutex::new(State::default()));
        let shared = Data::clone(&state);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0");
        let server = server.expect("a port is free");
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, state }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers like this from now on, before all that was said earlier. Of these the first that fits.
    pub fn answer(&self, routes: impl IntoIterator<Item = Route>) {
        lock(&self.state).routes.splice(0..0, routes);
    }

    /// Answers like this from now on, and no longer as was said earlier.
    pub fn answer_only(&self, routes: Vec<Route>) {
        *lock(&self.state) = State {
            routes,
            asked: Vec::new(),
        };
    }

    /// When this path was asked, in order.
    pub fn asked(&self, path: &str) -> Vec<Instant> {
        let state = lock(&self.state);
        let asked = state.asked.iter().filter(|(asked, _)| asked == path);
        asked.map(|(_, at)| *at).collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(state: Data<Mutex<State>>, request: HttpRequest) -> HttpResponse {
    let query: Vec<(String, String)> = form_urlencoded::parse(request.query_string().as_bytes())
        .into_owned()
        .collect();
    let found = {
        let mut state = lock(&state);
        state
            .asked
            .push((request.path().to_owned(), Instant::now()));
        let mut routes = state.routes.iter();
        let fits = |route: &&Route| {
            route.path == request.path() && route.query.iter().all(|pair| query.contains(pair))
        };
        routes.find(fits).cloned()
    };
    let Some(route) = found else {
        return HttpResponse::NotFound().json(serde_json::json!({"message": "nothing is here"}));
    };
    let Some(status) = route.status else {
        return std::future::pending().await;
    };
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    for (name, value) in route.headers {
        answer.append_header((name, value));
    }
    answer.json(route.body)
}
