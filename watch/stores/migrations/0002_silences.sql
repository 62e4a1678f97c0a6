-- Silences: for what alerts nobody is called, until when, who said so and why. A row stays when it is over.
CREATE TABLE silence (
  id       INTEGER PRIMARY KEY,
  until_ms INTEGER NOT NULL,
  body     TEXT NOT NULL
);

-- The audit trail is the ledger's commands: who did what, when and why.
CREATE INDEX entry_command ON ledger (effective_ms) WHERE kind = 'command';
