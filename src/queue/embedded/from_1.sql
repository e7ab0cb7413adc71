-- From version 1, where an index of `leads` found a lead by its id: now `recent` and `ids` do.
DROP INDEX leads_waiting;
DROP INDEX leads_ended;
DROP INDEX leads_call;
ALTER TABLE leads RENAME TO leads_1;

CREATE TABLE leads (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL,              -- found by `recent` or `ids`
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

INSERT INTO leads SELECT * FROM leads_1;

CREATE INDEX leads_waiting ON leads (account, step, lane, due_at, leased) WHERE step IS NOT NULL;
CREATE INDEX leads_ended ON leads (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX leads_call ON leads (account, call_id) WHERE call_id IS NOT NULL;

CREATE TABLE ids (
    id  BLOB    PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO ids (id, seq) SELECT id, seq FROM leads_1 ORDER BY id;

CREATE TABLE recent (
    n       INTEGER PRIMARY KEY,
    lead_id BLOB    NOT NULL,
    seq     INTEGER,                            -- a new lead's row
    person  BLOB    NOT NULL,                   -- digests of 16 bytes, one after the other
    until   INTEGER                             -- the lead claims them until then; NULL: it lets them go
) STRICT;

DROP TABLE leads_1;
