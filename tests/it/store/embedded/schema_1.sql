-- One lead with its place in the queue. Times are milliseconds since 1970.
CREATE TABLE leads (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    account      TEXT    NOT NULL,
    lane         INTEGER NOT NULL,              -- 0 interactive, 1 normal, 2 bulk
    step         TEXT,                          -- the work it waits for; NULL: none
    due_at       INTEGER,                       -- for a leased lead: when the lease ends
    leased       INTEGER NOT NULL DEFAULT 0,
    fence        INTEGER NOT NULL DEFAULT 0,    -- raised by every claim
    version      INTEGER NOT NULL DEFAULT 1,    -- raised by every write
    ended_at     INTEGER,                       -- NULL while it waits
    call_id      INTEGER,                       -- the vendor's call, once there is one
    person       BLOB    NOT NULL,              -- digests of 16 bytes, one after the other
    person_until INTEGER NOT NULL,
    body         TEXT    NOT NULL               -- the record, as JSON
) STRICT;

CREATE INDEX leads_waiting ON leads (account, step, lane, due_at, leased) WHERE step IS NOT NULL;
CREATE INDEX leads_ended ON leads (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX leads_call ON leads (account, call_id) WHERE call_id IS NOT NULL;

-- Who is claimed by which lead.
CREATE TABLE person (
    digest  BLOB    PRIMARY KEY,
    lead_id BLOB    NOT NULL,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deliveries that may come again.
CREATE TABLE idempotency (
    key     BLOB    PRIMARY KEY,
    body    BLOB,
    lead_id BLOB    NOT NULL,
    receipt TEXT,                               -- JSON, once the caller was told
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How many leads have work before them: counted as they come and go, so that nobody counts rows.
CREATE TABLE lanes (
    account TEXT    NOT NULL,
    lane    INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    PRIMARY KEY (account, lane)
) STRICT, WITHOUT ROWID;

-- Instants that a lead asks for (spent_at NULL) or asked for until spent_at.
CREATE TABLE holds (
    account     TEXT    NOT NULL,
    link_prefix TEXT    NOT NULL,
    instant     INTEGER NOT NULL,
    lead_id     BLOB    NOT NULL,
    spent_at    INTEGER,
    until       INTEGER NOT NULL,
    PRIMARY KEY (account, link_prefix, instant, lead_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_of_lead ON holds (lead_id);

-- Requests that count against a limit. `closes_at` is steady time of the process that wrote it; `closes_wall` and
-- `span_ms` carry the same end into the next process.
CREATE TABLE permits (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     TEXT    NOT NULL,
    endpoint    TEXT    NOT NULL,
    closes_at   INTEGER NOT NULL,
    closes_wall INTEGER NOT NULL,
    span_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX permits_of_budget ON permits (account, endpoint, closes_at);

-- Pauses an endpoint asked for, in the same three times as a permit.
CREATE TABLE pauses (
    account     TEXT    NOT NULL,
    endpoint    TEXT    NOT NULL,
    closes_at   INTEGER NOT NULL,
    closes_wall INTEGER NOT NULL,
    span_ms     INTEGER NOT NULL,
    PRIMARY KEY (account, endpoint)
) STRICT, WITHOUT ROWID;

-- What an operator turned on.
CREATE TABLE switches (
    name TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL,
    by   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What receivers are to be told: ids and words, never what a lead holds. `seq` rises with `at`.
CREATE TABLE notices (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       BLOB    NOT NULL UNIQUE,
    receiver TEXT    NOT NULL,
    event    TEXT    NOT NULL,
    lead_id  BLOB    NOT NULL,
    account  TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    status   TEXT    NOT NULL,                  -- of the lead, then
    at       INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,                  -- of one under way: when the lease ends
    leased   INTEGER NOT NULL DEFAULT 0,
    fence    INTEGER NOT NULL DEFAULT 0,        -- raised by every claim
    tries    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX notices_due ON notices (receiver, due_at, at);

-- Receivers that ever failed. One that is not here is open.
CREATE TABLE receivers (
    name          TEXT PRIMARY KEY,
    closed_at     INTEGER,
    paused_until  INTEGER,
    failing_since INTEGER,
    failed_at     INTEGER,
    failure       TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
