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
