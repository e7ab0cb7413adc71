//! One request to another server, seen from here: a client span and a duration, under the names of OpenTelemetry's
//! semantic conventions. Neither address, query nor body is among them.

use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;

use super::metrics;

/// A request on its way.
pub struct Exchange<'a> {
    span: Span,
    began: Instant,
    method: &'static str,
    server: &'a str,
    template: &'static str,
}

impl<'a> Exchange<'a> {
    /// It is about to leave. `template` is the path with its variables unfilled; empty where there is none. `server`
    /// is a host's name from the settings.
    pub fn begin(method: &'static str, server: &'a str, template: &'static str) -> Self {
        let span = tracing::info_span!(
            "http.client",
            otel.name = format!("{method} {template}").trim_end(),
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = method,
            server.address = server,
            url.template = template,
            http.response.status_code = Empty,
            error.r#type = Empty,
        );
        Self {
            span,
            began: Instant::now(),
            method,
            server,
            template,
        }
    }

    /// What the request runs in.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// An answer came.
    pub fn answered(self, status: u16) {
        self.span.record("http.response.status_code", status);
        // To a client every status from 400 on is an error.
        if status >= 400 {
            self.span.record("otel.status_code", "ERROR");
        }
        self.tell(Some(status), None);
    }

    /// No answer came; `why` is a stable word.
    pub fn lost(self, why: &'static str) {
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", why);
        self.tell(None, Some(why));
    }

    fn tell(&self, status: Option<u16>, error: Option<&'static str>) {
        let of = (self.method, self.server, self.template);
        metrics::sent(of, status, error, self.began.elapsed());
    }
}

/// The stable word for a request that got no answer.
pub fn why_lost(error: &reqwest::Error) -> &'static str {
    match () {
        () if error.is_timeout() => "timeout",
        () if error.is_connect() => "connection",
        () if error.is_builder() => "request",
        () => "broken_off",
    }
}
