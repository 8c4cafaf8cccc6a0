-- What the client's own hooks told of sessions: when each began, ended and why, to the microsecond.
CREATE TABLE hook_call (
    session_id INTEGER NOT NULL REFERENCES session,
    at_us      INTEGER NOT NULL,   -- microseconds since the epoch, UTC
    kind       INTEGER NOT NULL,   -- 0 session start, 1 prompt, 2 turn ended, 3 turn failed, 4 session end
    host_id    INTEGER NOT NULL REFERENCES host,
    pid        INTEGER,            -- of the client; NULL: not told
    detail     TEXT    NOT NULL,   -- one word: what began a session, or why it ended
    model      TEXT    NOT NULL,
    PRIMARY KEY (session_id, at_us, kind)
) STRICT, WITHOUT ROWID;
