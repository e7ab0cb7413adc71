//! Every metric there is: name, unit, labels and meaning in one table.
//!
//! Names that OpenTelemetry's semantic conventions know are theirs (opentelemetry.io/docs/specs/semconv/http); the rest
//! begin with `leadgate`. A label's values come from the settings or from an enum of this program, never from a caller.

use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};

use super::instrument::{Described, Facts, Kind, Metric};

/// The bounds that the semantic conventions name for HTTP, and two more for callers that wait for their booking.
const HTTP_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0,
];

/// From a read beside the writer to a disk that is too slow.
const STORE_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// From at once to a day.
const WAIT_SECONDS: &[f64] = &[
    0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0,
];

macro_rules! catalogue {
    ($($ident:ident: $kind:ident $(($bounds:ident))?, $instrument:ty, $labels:literal,
        $name:literal, $unit:literal, $values:expr, $about:literal;)+) => {
        $(
            #[doc = $about]
            pub static $ident: Metric<$instrument, $labels> = Metric::new(
                Facts { name: $name, kind: Kind::$kind $(($bounds))?, unit: $unit, about: $about },
                $values,
            );
        )+
        /// Every metric, in the order of the table.
        pub static ALL: &[&dyn Described] = &[$(&$ident),+];
    };
}

catalogue! {
    HTTP_SERVED: Histogram(HTTP_SECONDS), Histogram<f64>, 3, "http.server.request.duration", "s",
        ["http.request.method", "http.route", "http.response.status_code"],
        "How long requests took to answer; the route is the pattern, and missing where no route matched.";
    HTTP_SENT: Histogram(HTTP_SECONDS), Histogram<f64>, 5, "http.client.request.duration", "s",
        ["http.request.method", "server.address", "url.template", "http.response.status_code", "error.type"],
        "How long iClosed, platforms and captcha providers took to answer; an error type stands where no status came.";
    LEADS_ACCEPTED: Counter, Counter<u64>, 3, "leadgate.leads.accepted", "{lead}",
        ["source", "account", "lane"],
        "Leads kept, duplicates and parked ones included.";
    LEADS_REFUSED: Counter, Counter<u64>, 2, "leadgate.leads.refused", "{delivery}",
        ["source", "code"],
        "Deliveries of which nothing was kept, by the code of the problem that was answered.";
    LEADS_DUPLICATE: Counter, Counter<u64>, 1, "leadgate.leads.duplicate", "{lead}",
        ["source"],
        "Leads kept that repeat an earlier one.";
    LEADS_PARKED: Counter, Counter<u64>, 2, "leadgate.leads.parked", "{lead}",
        ["source", "reason"],
        "Leads that stopped where a person is needed.";
    LEADS_WITHDRAWN: Counter, Counter<u64>, 2, "leadgate.leads.withdrawn", "{lead}",
        ["source", "outcome"],
        "Leads that their person took back at the platform.";
    LEADS_SWEPT: Counter, Counter<u64>, 0, "leadgate.leads.swept", "{lead}",
        [],
        "Leads deleted because their retention was over.";
    BOOKINGS: Counter, Counter<u64>, 4, "leadgate.bookings", "{booking}",
        ["source", "account", "lane", "how"],
        "Leads booked: `answered` by the request itself, `found` by a lookup after its answer was lost.";
    BOOKING_DURATION: Histogram(WAIT_SECONDS), Histogram<f64>, 1, "leadgate.booking.duration", "s",
        ["lane"],
        "From a lead's acceptance to its booking.";
    RECONCILIATIONS: Counter, Counter<u64>, 2, "leadgate.reconciliations", "{lookup}",
        ["account", "outcome"],
        "Lookups of a request whose answer was lost: `found`, `not_found`, `look_again` or `given_up`.";
    QUEUE_WAITING: Gauge, Gauge<f64>, 2, "leadgate.queue.waiting", "{lead}",
        ["account", "lane"],
        "Leads with work before them, in the whole store: every replica tells the same.";
    QUEUE_OVERDUE: Gauge, Gauge<f64>, 2, "leadgate.queue.overdue", "s",
        ["account", "lane"],
        "How long the lead that is due the longest has been due and in no worker's hands, in the whole store.";
    QUEUE_WAIT: Histogram(WAIT_SECONDS), Histogram<f64>, 2, "leadgate.queue.wait.duration", "s",
        ["lane", "step"],
        "From the moment a lead's work was due to the moment a worker took it.";
    PERMITS_OPEN: UpDownCounter, UpDownCounter<i64>, 2, "leadgate.permits.open", "{permit}",
        ["account", "endpoint"],
        "Permits of this process that count against the endpoint's budget: from the permit to one window after the answer.";
    PERMITS_WAITING: UpDownCounter, UpDownCounter<i64>, 2, "leadgate.permits.waiting", "{request}",
        ["account", "endpoint"],
        "Requests of this process that wait for a permit.";
    PERMIT_WAIT: Histogram(WAIT_SECONDS), Histogram<f64>, 2, "leadgate.permit.wait.duration", "s",
        ["account", "endpoint"],
        "How long requests waited for their permit.";
    BUDGET: Gauge, Gauge<f64>, 1, "leadgate.budget.requests", "{request}",
        ["account"],
        "Permits that may be open at once, of each endpoint and for all replicas together.";
    ICLOSED_REQUESTS: Counter, Counter<u64>, 3, "leadgate.iclosed.requests", "{request}",
        ["account", "endpoint", "outcome"],
        "Requests to iClosed: `ok`, `limited` (429), `key_refused`, `not_found`, `refused`, `not_sent` or `unknown`.";
    STORE_DURATION: Histogram(STORE_SECONDS), Histogram<f64>, 2, "leadgate.store.operation.duration", "s",
        ["store", "operation"],
        "How long a step of the store took, the wait for its turn and the flush included.";
    STORE_FAILURES: Counter, Counter<u64>, 2, "leadgate.store.failures", "{operation}",
        ["store", "error.type"],
        "Steps the store did not take: `full`, `unavailable` or `unreadable`.";
    OUTBOUND: Counter, Counter<u64>, 2, "leadgate.outbound.deliveries", "{delivery}",
        ["receiver", "outcome"],
        "Tries to send an event to one of the operator's receivers: `delivered`, `retried` (not taken, and kept for another try) or `given_up` (410).";
    READY: Gauge, Gauge<f64>, 0, "leadgate.ready", "",
        [],
        "1 when the store takes a write and gives it back within two seconds, else 0.";
    BUILD: Gauge, Gauge<f64>, 1, "leadgate.build.info", "",
        ["version"],
        "Always 1; the label says which version runs.";
    STARTED: Gauge, Gauge<f64>, 0, "process.start_time", "s",
        [],
        "When the process started, in seconds since 1970.";
}
