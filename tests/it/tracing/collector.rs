//! A collector of traces inside the test: takes OTLP over HTTP and keeps every span, and every byte.

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1;
use prost::Message;

/// A span, and the process it is of.
#[derive(Clone, Debug)]
pub struct Span {
    /// `service.instance.id` of its process.
    pub process: String,
    /// The trace, in hexadecimal.
    pub trace: String,
    /// Its own id.
    pub id: Vec<u8>,
    /// Whose child it is.
    pub parent: Vec<u8>,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: v1::span::SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub from: u64,
    /// When it ended.
    pub until: u64,
    attributes: Vec<KeyValue>,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    raw: Vec<u8>,
}

/// The running collector.
pub struct Collector {
    url: String,
    kept: Arc<Mutex<Kept>>,
    server: ServerHandle,
}

impl Collector {
    /// On a free port.
    pub fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = Data::from(Arc::clone(&kept));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .app_data(PayloadConfig::new(16 * 1024 * 1024))
                .route("/v1/traces", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            kept,
            server: handle,
        }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The spans of one trace that came so far, by their beginning.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let kept = self.kept.lock().unwrap();
        let mine = kept.spans.iter().filter(|span| span.trace == id);
        let mut spans: Vec<Span> = mine.cloned().collect();
        spans.sort_by_key(|span| span.from);
        spans
    }

    /// Whether these bytes came, anywhere.
    pub fn holds(&self, text: &str) -> bool {
        let kept = self.kept.lock().unwrap();
        let raw = kept.raw.to_ascii_lowercase();
        let wanted = text.to_ascii_lowercase();
        raw.windows(wanted.len())
            .any(|part| part == wanted.as_bytes())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Told to stop; nobody waits for it.
        drop(self.server.stop(false));
    }
}

impl Span {
    /// An attribute as text.
    pub fn attribute(&self, name: &str) -> Option<String> {
        text(&self.attributes, name)
    }

    /// The names of all attributes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|pair| pair.key.as_str())
    }
}

async fn take(kept: Data<Mutex<Kept>>, body: Bytes) -> HttpResponse {
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut kept = kept.lock().unwrap();
    kept.raw.extend_from_slice(&body);
    for of_process in request.resource_spans {
        let resource = of_process.resource.unwrap_or_default().attributes;
        let process = text(&resource, "service.instance.id").unwrap_or_default();
        let spans = of_process
            .scope_spans
            .into_iter()
            .flat_map(|part| part.spans);
        kept.spans.extend(spans.map(|span| {
            Span {
                process: process.clone(),
                trace: span
                    .trace_id
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                kind: span.kind(),
                id: span.span_id,
                parent: span.parent_span_id,
                name: span.name,
                from: span.start_time_unix_nano,
                until: span.end_time_unix_nano,
                attributes: span.attributes,
            }
        }));
    }
    HttpResponse::Ok()
        .content_type("application/x-protobuf")
        .finish()
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let pair = attributes.iter().find(|pair| pair.key == name)?;
    match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(truth) => Some(truth.to_string()),
        _ => None,
    }
}
