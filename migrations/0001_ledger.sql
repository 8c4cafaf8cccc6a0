-- The ledger: every API response once, where it came from, what it cost, and how far each transcript was read.

-- What is repeated on many rows is a row of its own. Names are as the client wrote them; '' means it said nothing.
CREATE TABLE host    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE account (id INTEGER PRIMARY KEY, config_dir TEXT NOT NULL UNIQUE) STRICT;   -- one per Claude config dir
CREATE TABLE project (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;         -- repository root, else the cwd
CREATE TABLE cwd     (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,
                      project_id INTEGER NOT NULL REFERENCES project) STRICT;
CREATE TABLE session (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;         -- the client's sessionId
CREATE TABLE branch  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE agent   (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;         -- agentId; '' is the main loop
CREATE TABLE model   (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;         -- verbatim, as the API answered

-- Who asked, and from where.
CREATE TABLE origin (
    id         INTEGER PRIMARY KEY,
    host_id    INTEGER NOT NULL REFERENCES host,
    account_id INTEGER NOT NULL REFERENCES account,
    session_id INTEGER NOT NULL REFERENCES session,
    agent_id   INTEGER NOT NULL REFERENCES agent,
    cwd_id     INTEGER NOT NULL REFERENCES cwd,
    branch_id  INTEGER NOT NULL REFERENCES branch,
    agent_type TEXT    NOT NULL,
    skill      TEXT    NOT NULL,
    mcp_server TEXT    NOT NULL,
    mcp_tool   TEXT    NOT NULL,
    UNIQUE (session_id, agent_id, cwd_id, branch_id, host_id, account_id, agent_type, skill, mcp_server, mcp_tool)
) STRICT;

-- Who answered, and on which terms: together with the tokens and the day, what decides the price.
CREATE TABLE terms (
    id              INTEGER PRIMARY KEY,
    model_id        INTEGER NOT NULL REFERENCES model,
    requested_model TEXT    NOT NULL,
    speed           TEXT    NOT NULL,
    inference_geo   TEXT    NOT NULL,
    service_tier    TEXT    NOT NULL,
    UNIQUE (model_id, requested_model, speed, inference_geo, service_tier)
) STRICT;

CREATE TABLE price_list (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE) STRICT;

-- One row per API response, identified by (message_id, request_id) over all files.
-- message_key is the FNV-1a hash of message_id (of request_id where that is empty): an index a third the size of the
-- text, whose rare collisions are told apart by the text.
CREATE TABLE response (
    id             INTEGER PRIMARY KEY,
    message_key    INTEGER NOT NULL,
    message_id     TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,   -- '' never: a line without one gets a stand-in (ref:, at:, uuid: or line:)
    at_ms          INTEGER NOT NULL,   -- milliseconds since the epoch, UTC; the response's first line
    claim_ms       INTEGER NOT NULL,   -- when the file that gave origin_id was last written; the earliest claim wins
    origin_id      INTEGER NOT NULL REFERENCES origin,
    terms_id       INTEGER NOT NULL REFERENCES terms,
    provenance     INTEGER NOT NULL,   -- 0 transcript, 1 otel
    input          INTEGER NOT NULL,   -- tokens, here and below
    output         INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    web_searches   INTEGER NOT NULL,
    cost_picousd   INTEGER,            -- 1e-12 USD at list price; NULL is unpriced, never free
    price_list_id  INTEGER NOT NULL REFERENCES price_list,
    flags          INTEGER NOT NULL    -- src/ledger/row.rs and src/pricing.rs name the bits
) STRICT;

CREATE INDEX response_message ON response (message_key);

-- The model requests behind a response, where they are more than the one that its own row describes.
CREATE TABLE attempt (
    response_id    INTEGER NOT NULL REFERENCES response,
    n              INTEGER NOT NULL,   -- position in usage.iterations
    kind           INTEGER NOT NULL,   -- 0 message, 1 fallback, 2 advisor, 3 compaction
    model_id       INTEGER REFERENCES model,   -- NULL: the response's own
    input          INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    is_extra       INTEGER NOT NULL,   -- billed on top of the response's own tokens
    cost_picousd   INTEGER,            -- of an extra one; NULL is unpriced (or part of the response's own cost)
    PRIMARY KEY (response_id, n)
) STRICT, WITHOUT ROWID;

-- What reports read: sums of the counted responses by quarter of an hour, the finest step that any zone's days,
-- weeks and hours need. Kept in the transaction that changes the responses; `odin ledger check` compares.
CREATE TABLE rollup (
    quarter        INTEGER NOT NULL,   -- at_ms / 900000, rounded down
    origin_id      INTEGER NOT NULL REFERENCES origin,
    terms_id       INTEGER NOT NULL REFERENCES terms,
    provenance     INTEGER NOT NULL,
    is_priced      INTEGER NOT NULL,
    responses      INTEGER NOT NULL,   -- extra attempts add tokens and cost, and no response
    input          INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    web_searches   INTEGER NOT NULL,
    cost_picousd   INTEGER NOT NULL,   -- 0 where not priced
    PRIMARY KEY (quarter, origin_id, terms_id, provenance, is_priced)
) STRICT, WITHOUT ROWID;

-- Folders below <config dir>/projects. A folder whose modification time has not moved has no new entries, so that
-- looking for news is one stat each instead of a listing.
CREATE TABLE folder (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL REFERENCES account,
    path        TEXT    NOT NULL,      -- below projects/, '' for itself
    modified_ns INTEGER NOT NULL,      -- 0: list it again
    UNIQUE (account_id, path)
) STRICT;

-- How far each transcript has been read; moved in the same transaction as its responses.
CREATE TABLE transcript (
    id          INTEGER PRIMARY KEY,
    folder_id   INTEGER NOT NULL REFERENCES folder,
    name        TEXT    NOT NULL,
    device      INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,      -- with modified_ns, as of the last look
    modified_ns INTEGER NOT NULL,
    offset      INTEGER NOT NULL,      -- bytes read, up to the end of a line
    head_hash   INTEGER NOT NULL,      -- FNV-1a of the first bytes (at most 256) of what was read
    tail_hash   INTEGER NOT NULL,      -- FNV-1a of the last bytes (at most 256) of what was read
    last_at_ms  INTEGER,               -- of the last line with a time, for a line without one
    UNIQUE (folder_id, name)
) STRICT;

-- Lines that could not be read, or only with a repair.
CREATE TABLE parse_error (
    transcript_id INTEGER NOT NULL REFERENCES transcript,
    offset        INTEGER NOT NULL,    -- where the line starts
    kind          TEXT    NOT NULL,
    PRIMARY KEY (transcript_id, offset, kind)
) STRICT, WITHOUT ROWID;
