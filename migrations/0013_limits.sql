-- What the client tells its status line, and what the user means to spend.

-- The most that is to be spent in a period, at list price.
CREATE TABLE budget (
    period         INTEGER NOT NULL,   -- 0 day, 1 week, 2 month, 3 block
    project        TEXT    NOT NULL,   -- its path; '': all together
    amount_picousd INTEGER NOT NULL,   -- 1e-12 USD
    PRIMARY KEY (period, project)
) STRICT, WITHOUT ROWID;

-- How much of a rate limit's window was used: one row for each share that a client told of it, with the first and the
-- last time it did. Within a window the share only grows, so the largest is the newest, however late others are told.
CREATE TABLE limit_use (
    account_id INTEGER NOT NULL REFERENCES account,
    name       TEXT    NOT NULL,       -- of the limit, as the client has it: five_hour, seven_day
    resets_s   INTEGER NOT NULL,       -- when the window ends, seconds since the epoch
    used       INTEGER NOT NULL,       -- hundredths of a percent
    first_ms   INTEGER NOT NULL,       -- milliseconds since the epoch
    last_ms    INTEGER NOT NULL,
    PRIMARY KEY (account_id, name, resets_s, used)
) STRICT, WITHOUT ROWID;

-- How full a session's context was when its client last told.
CREATE TABLE context (
    session_id INTEGER PRIMARY KEY REFERENCES session,
    at_ms      INTEGER NOT NULL,       -- milliseconds since the epoch
    tokens     INTEGER NOT NULL,       -- of the last request's prompt
    size       INTEGER NOT NULL        -- tokens that the window holds
) STRICT;
