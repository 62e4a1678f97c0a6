-- Overrides of on-call rotations that were made by command. Rows stay: they say who was on call.
CREATE TABLE oncall_override (
  id          INTEGER PRIMARY KEY,
  rotation    TEXT NOT NULL,
  person      TEXT NOT NULL,
  from_ms     INTEGER NOT NULL,
  to_ms       INTEGER NOT NULL,
  recorded_ms INTEGER NOT NULL,
  author      TEXT NOT NULL,
  account     TEXT NOT NULL,
  reason      TEXT NOT NULL,
  removed_ms  INTEGER,
  remover     TEXT NOT NULL
);
