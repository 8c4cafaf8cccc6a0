-- What the client itself counted, and what of it no response in the ledger explains.

-- One row per model of what was written down when the client left a session. Counts go on over resumes, and those of a
-- fork begin with its parent's.
CREATE TABLE cost_state (
    session_id     INTEGER NOT NULL REFERENCES session,
    at_ms          INTEGER NOT NULL,   -- of the last line before it that has a time, milliseconds since the epoch
    model_id       INTEGER NOT NULL REFERENCES model,   -- that was asked for
    started_ms     INTEGER,            -- when counting began; a fork has it from its parent; NULL: not told
    input          INTEGER NOT NULL,   -- tokens, here and below
    output         INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    web_searches   INTEGER NOT NULL,
    cost_picousd   INTEGER,            -- by the client's own prices; NULL: not told
    PRIMARY KEY (session_id, at_ms, model_id)
) STRICT, WITHOUT ROWID;

-- When the client last wrote that down, as cost_state.at_ms, also where it had counted nothing; NULL: never.
ALTER TABLE session ADD COLUMN told_ms INTEGER;

-- What responses do not explain, by when it showed. Derived: src/ledger/remainder.rs says how. Kept in the transaction
-- that changes what it is made of, and in the sums of `rollup`, with provenance 2.
CREATE TABLE remainder (
    session_id       INTEGER NOT NULL REFERENCES session,
    at_ms            INTEGER NOT NULL,
    terms_id         INTEGER NOT NULL REFERENCES terms,
    origin_id        INTEGER NOT NULL REFERENCES origin,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    web_searches     INTEGER NOT NULL,
    cost_picousd     INTEGER,          -- as in response, and so is contract_picousd
    contract_picousd INTEGER,
    PRIMARY KEY (session_id, at_ms, terms_id)
) STRICT, WITHOUT ROWID;

-- Transcripts that are still there tell all this of themselves once more.
UPDATE transcript SET offset = 0, size_bytes = -1;
UPDATE account SET looked_ns = 0, changes = changes + 1;
