-- What sessions did besides asking: tool calls, events, and which session or agent came from which.

CREATE TABLE tool (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;   -- as the client wrote it

ALTER TABLE response ADD COLUMN tools BLOB;      -- its tool calls, packed: src/ledger/calls.rs; NULL: none

-- When the file that gave origin_id was last written, after at_ms: half the bytes of the time itself.
UPDATE response SET claim_ms = claim_ms - at_ms;
ALTER TABLE response RENAME COLUMN claim_ms TO claim_after_ms;

-- How long after at_ms the line came that gave the tokens: it decides between placeholders.
ALTER TABLE response ADD COLUMN usage_after_ms INTEGER NOT NULL DEFAULT 0;

-- Tool calls whose end is not known yet: a result is told by the call's id alone.
CREATE TABLE open_call (
    call_key    INTEGER PRIMARY KEY,             -- FNV-1a of the id of the tool_use block
    response_id INTEGER NOT NULL REFERENCES response
) STRICT;

-- Between which rows the responses of an origin lie: they are read by session without an index of their own.
ALTER TABLE origin ADD COLUMN first_response INTEGER;
ALTER TABLE origin ADD COLUMN last_response  INTEGER;
UPDATE origin SET first_response = found.first, last_response = found.last
  FROM (SELECT origin_id, min(id) AS first, max(id) AS last FROM response GROUP BY origin_id) AS found
 WHERE found.origin_id = origin.id;

-- First and last time on a session's own lines, milliseconds since the epoch; NULL: no line told.
ALTER TABLE session ADD COLUMN begun_ms INTEGER;
ALTER TABLE session ADD COLUMN ended_ms INTEGER;

-- When everything below a config dir was looked at, nanoseconds since the epoch; in between, sessions that rest are not.
ALTER TABLE account ADD COLUMN looked_ns INTEGER NOT NULL DEFAULT 0;

-- What is known of all files below a config dir, packed: src/ledger/known.rs. Void unless it is of the same changes.
ALTER TABLE account ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;   -- of its folders and transcripts
CREATE TABLE survey (
    account_id INTEGER PRIMARY KEY REFERENCES account,
    changes    INTEGER NOT NULL,
    known      BLOB    NOT NULL
) STRICT;

ALTER TABLE agent ADD COLUMN parent_id INTEGER REFERENCES agent;   -- NULL: not known; '' is the session's main loop

-- What happened besides responses and tool calls. Copies of a line share its uuid; the file that was last written
-- earliest says whose it is.
CREATE TABLE event (
    event_key  INTEGER PRIMARY KEY,              -- FNV-1a of the line's uuid
    kind       INTEGER NOT NULL,                 -- 0 compaction, 1 retry, 2 API error, 3 interruption, 4 model fallback
    at_ms      INTEGER NOT NULL,
    claim_ms   INTEGER NOT NULL,
    session_id INTEGER NOT NULL REFERENCES session,
    agent_id   INTEGER NOT NULL REFERENCES agent,
    detail     TEXT    NOT NULL                  -- one word: a trigger, or the type of an error
) STRICT;
CREATE INDEX event_session ON event (session_id);

-- A session that began with a copy of another's history.
CREATE TABLE fork (
    session_id INTEGER NOT NULL REFERENCES session,
    from_id    INTEGER NOT NULL REFERENCES session,
    PRIMARY KEY (session_id, from_id)
) STRICT, WITHOUT ROWID;

-- Transcripts that are still there tell all this of themselves once more.
UPDATE transcript SET offset = 0, size_bytes = -1;
