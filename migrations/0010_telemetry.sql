-- What the client's telemetry tells: requests that no transcript shows, and what it did besides.

-- What a request was for is part of who asked. Only telemetry tells it; '' elsewhere.
CREATE TABLE origin_anew (
    id             INTEGER PRIMARY KEY,
    host_id        INTEGER NOT NULL REFERENCES host,
    account_id     INTEGER NOT NULL REFERENCES account,
    session_id     INTEGER NOT NULL REFERENCES session,
    agent_id       INTEGER NOT NULL REFERENCES agent,
    cwd_id         INTEGER NOT NULL REFERENCES cwd,
    branch_id      INTEGER NOT NULL REFERENCES branch,
    agent_type     TEXT    NOT NULL,
    skill          TEXT    NOT NULL,
    mcp_server     TEXT    NOT NULL,
    mcp_tool       TEXT    NOT NULL,
    first_response INTEGER,                 -- between which rows its responses lie
    last_response  INTEGER,
    query_source   TEXT    NOT NULL DEFAULT '',
    UNIQUE (session_id, agent_id, cwd_id, branch_id, host_id, account_id, agent_type, skill, mcp_server, mcp_tool,
            query_source)
) STRICT;
INSERT INTO origin_anew (id, host_id, account_id, session_id, agent_id, cwd_id, branch_id, agent_type, skill,
                         mcp_server, mcp_tool, first_response, last_response)
SELECT id, host_id, account_id, session_id, agent_id, cwd_id, branch_id, agent_type, skill, mcp_server, mcp_tool,
       first_response, last_response
  FROM origin;
DROP TABLE origin;
ALTER TABLE origin_anew RENAME TO origin;

-- Origins of a session that no transcript has told a directory of: their responses move once one does.
CREATE TABLE homeless (origin_id INTEGER PRIMARY KEY REFERENCES origin) STRICT;

-- One row per request that telemetry told of. What it cost is in `response`: a transcript's row, or one of its own
-- (provenance 1, without a message id) as long as no transcript has the request.
CREATE TABLE api_request (
    id          INTEGER PRIMARY KEY,        -- in the order in which they came
    request_key INTEGER NOT NULL UNIQUE,    -- FNV-1a of the request's id
    model_id    INTEGER NOT NULL REFERENCES model,   -- that was asked for
    duration_ms INTEGER,                    -- NULL, here and below: not told
    ttft_ms     INTEGER                     -- until the first token
) STRICT;

-- Ends of tool calls. Transcripts tell of the same; these count for sessions that have none.
CREATE TABLE tool_run (
    session_id  INTEGER NOT NULL REFERENCES session,
    call_key    INTEGER NOT NULL,           -- FNV-1a of the id of the tool_use block
    tool_id     INTEGER NOT NULL REFERENCES tool,
    at_ms       INTEGER NOT NULL,
    is_ok       INTEGER NOT NULL,
    duration_ms INTEGER,
    PRIMARY KEY (session_id, call_key)
) STRICT, WITHOUT ROWID;

-- Events like those of `event`. Transcripts tell of the same; these count for sessions that have none.
CREATE TABLE telemetry_event (
    session_id INTEGER NOT NULL REFERENCES session,
    event_key  INTEGER NOT NULL,            -- FNV-1a of session, time, sequence and name
    kind       INTEGER NOT NULL,            -- as in `event`, and so are those below
    at_ms      INTEGER NOT NULL,
    agent_id   INTEGER NOT NULL REFERENCES agent,
    detail     TEXT    NOT NULL,
    PRIMARY KEY (session_id, event_key)
) STRICT, WITHOUT ROWID;

-- Sums that nothing else tells, point by point, so that a point that is sent again adds nothing: one row for each
-- delta, and one for each process that sends its sum so far.
CREATE TABLE telemetry_sum (
    measure    INTEGER NOT NULL,            -- src/ledger/telemetry.rs knows them
    session_id INTEGER NOT NULL REFERENCES session,
    detail     TEXT    NOT NULL,            -- what the measure is told by, such as added and removed
    point_key  INTEGER NOT NULL,            -- FNV-1a of the other attributes and of the time
    value      INTEGER NOT NULL,            -- whole things; milliseconds
    PRIMARY KEY (measure, session_id, detail, point_key)
) STRICT, WITHOUT ROWID;

-- What these add up to, kept in the transaction that changes them.
CREATE TABLE telemetry_total (
    measure INTEGER NOT NULL,
    detail  TEXT    NOT NULL,
    value   INTEGER NOT NULL,
    PRIMARY KEY (measure, detail)
) STRICT, WITHOUT ROWID;
