-- What concerns the ledger as a whole; src/ledger/state.rs knows the names.
CREATE TABLE state (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO state VALUES ('epoch', random());
