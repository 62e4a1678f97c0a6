-- What happened and is in no other table, for `threenines events`: states of components, pages, reloads, windows,
-- troubles of our own. Rows older than the retention are deleted; AUTOINCREMENT, because who follows goes by the id.
CREATE TABLE happening (
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  sort  TEXT NOT NULL,
  key   TEXT NOT NULL,
  word  TEXT NOT NULL,
  body  TEXT NOT NULL
);
CREATE INDEX happening_lasting ON happening (sort, key, id) WHERE word IN ('begun', 'over');
