-- Tool calls of the counted responses by tool and outcome, kept in the transaction that changes the responses.
CREATE TABLE tool_calls (
    tool_id INTEGER NOT NULL REFERENCES tool,
    outcome INTEGER NOT NULL,   -- 0 not known yet, else as packed with the calls: 1 ok, 2 error, 3 denied, 4 interrupted
    calls   INTEGER NOT NULL,
    PRIMARY KEY (tool_id, outcome)
) STRICT, WITHOUT ROWID;
