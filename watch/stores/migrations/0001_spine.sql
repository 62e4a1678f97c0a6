-- The spine: the ledger, what is believed, what was read, and who was told.
-- Times are milliseconds since the epoch, UTC. Text columns named body hold JSON.

CREATE TABLE ledger (
  seq          INTEGER PRIMARY KEY,
  recorded_ms  INTEGER NOT NULL,
  effective_ms INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  vantage      TEXT NOT NULL,
  critical     INTEGER NOT NULL,
  late         INTEGER NOT NULL,
  body         TEXT NOT NULL,
  proof        TEXT NOT NULL,
  prev         TEXT NOT NULL,
  hash         TEXT NOT NULL
);
-- A book of a span reads: the checkpoint before it, what is effective in it, and what was said late of it.
CREATE INDEX entry_effective ON ledger (effective_ms);
CREATE INDEX entry_late ON ledger (seq) WHERE late = 1;
CREATE INDEX entry_checkpoint ON ledger (effective_ms) WHERE kind = 'checkpoint';

-- The readings that prove a ledger entry, in the order in which its `proof` hashes them; kept as long as the ledger.
CREATE TABLE evidence (
  id         INTEGER PRIMARY KEY,
  entry      INTEGER NOT NULL,
  check_name TEXT NOT NULL,
  vantage    TEXT NOT NULL,
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
CREATE INDEX evidence_entry ON evidence (entry);

-- Derived from the ledger: `threenines ledger rebuild` makes these four anew, `ledger verify --figures` compares them.
CREATE TABLE checkpoint_row (
  entry INTEGER NOT NULL,
  n     INTEGER NOT NULL,
  body  TEXT NOT NULL,
  PRIMARY KEY (entry, n)
) WITHOUT ROWID;

-- Roots of the complete subtrees of 256 ^ level entries of the log (RFC 6962).
CREATE TABLE tile (
  level INTEGER NOT NULL,
  n     INTEGER NOT NULL,
  hash  BLOB NOT NULL,
  PRIMARY KEY (level, n)
) WITHOUT ROWID;

-- Local days that are over, for the page's bars: a row a component and month.
CREATE TABLE day (
  zone      TEXT NOT NULL,
  component TEXT NOT NULL,
  month     TEXT NOT NULL,
  body      TEXT NOT NULL,
  PRIMARY KEY (zone, component, month)
) WITHOUT ROWID;

-- Dark stretches that no entry closes yet, and what each check missed in them so far.
CREATE TABLE dark (
  entry    INTEGER PRIMARY KEY,
  until_ms INTEGER
);
CREATE TABLE dark_gap (
  entry      INTEGER NOT NULL,
  check_name TEXT NOT NULL,
  last_ms    INTEGER NOT NULL,
  first_ms   INTEGER,
  bad_ms     INTEGER,
  done_ms    INTEGER,
  PRIMARY KEY (entry, check_name)
) WITHOUT ROWID;

-- The last finding that was accepted of each vantage point, by lane.
CREATE TABLE lane (
  vantage TEXT NOT NULL,
  lane    TEXT NOT NULL,
  epoch   INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  PRIMARY KEY (vantage, lane)
) WITHOUT ROWID;

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

-- When the last good canary round of each vantage point began.
CREATE TABLE sight (
  vantage TEXT PRIMARY KEY,
  good_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- One latency histogram a check, vantage point and hour; they merge over any span.
CREATE TABLE sketch (
  check_name TEXT NOT NULL,
  hour_ms    INTEGER NOT NULL,
  vantage    TEXT NOT NULL,
  body       BLOB NOT NULL,
  PRIMARY KEY (check_name, hour_ms, vantage)
) WITHOUT ROWID;

-- What fills up or empties, summed up by the quarter of an hour: enough to follow it through a restart.
-- In order of time, for that is how rows leave.
CREATE TABLE trend (
  quarter_ms INTEGER NOT NULL,
  check_name TEXT NOT NULL,
  vantage    TEXT NOT NULL,
  fact       TEXT NOT NULL,
  count      INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  value      REAL NOT NULL,
  PRIMARY KEY (quarter_ms, check_name, vantage, fact)
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
