-- The spine: the ledger, what is believed, what was read, and who was told.
-- Times are milliseconds since the epoch, UTC. Text columns named body hold JSON.

CREATE TABLE ledger (
  seq          INTEGER PRIMARY KEY,
  recorded_ms  INTEGER NOT NULL,
  effective_ms INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  vantage      TEXT NOT NULL,
  body         TEXT NOT NULL,
  prev         TEXT NOT NULL,
  hash         TEXT NOT NULL
);

-- Names of checks and vantage points, so that millions of rows hold small numbers.
CREATE TABLE name (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);

-- Every reading of the last two days. No index: rows arrive in order of time and leave in it, and an index by
-- check would dirty one page a check at every commit.
CREATE TABLE observation (
  id         INTEGER PRIMARY KEY,
  check_id   INTEGER NOT NULL,
  vantage_id INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  took_ms    INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  verdict    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  latency_us INTEGER,
  tainted    INTEGER NOT NULL,
  body       TEXT NOT NULL
);

-- The readings that prove a ledger entry, kept as long as the ledger.
CREATE TABLE evidence (
  entry      INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  took_ms    INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  check_name TEXT NOT NULL,
  vantage    TEXT NOT NULL,
  verdict    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  latency_us INTEGER,
  tainted    INTEGER NOT NULL,
  body       TEXT NOT NULL
);
CREATE INDEX evidence_entry ON evidence (entry);

CREATE TABLE belief (
  check_name TEXT NOT NULL,
  vantage    TEXT NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (check_name, vantage)
) WITHOUT ROWID;

-- The canaries that were good at some time: those that never were do not count.
CREATE TABLE canary (
  vantage TEXT NOT NULL,
  name    TEXT NOT NULL,
  good_ms INTEGER NOT NULL,
  PRIMARY KEY (vantage, name)
) WITHOUT ROWID;

-- One latency histogram a check, vantage point and hour; they merge over any span.
CREATE TABLE sketch (
  check_name TEXT NOT NULL,
  hour_ms    INTEGER NOT NULL,
  vantage    TEXT NOT NULL,
  body       BLOB NOT NULL,
  PRIMARY KEY (check_name, hour_ms, vantage)
) WITHOUT ROWID;

CREATE TABLE alert (
  id          INTEGER PRIMARY KEY,
  key         TEXT NOT NULL,
  resolved_ms INTEGER,
  body        TEXT NOT NULL
);
CREATE UNIQUE INDEX alert_open ON alert (key) WHERE resolved_ms IS NULL;

-- The outbox: one recipient on one channel.
CREATE TABLE notice (
  id         INTEGER PRIMARY KEY,
  status     TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  body       TEXT NOT NULL
);
CREATE INDEX notice_unsent ON notice (status) WHERE status IN ('pending', 'sending');

CREATE TABLE heard (
  alert_id  INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  body      TEXT NOT NULL,
  PRIMARY KEY (alert_id, recipient)
) WITHOUT ROWID;
