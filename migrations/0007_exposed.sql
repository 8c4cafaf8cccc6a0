-- What the agent's counters have told a scraper, so that none of them ever falls.
CREATE TABLE exposed (
    family TEXT    NOT NULL,
    labels TEXT    NOT NULL,   -- values, with the unit separator (U+001F) behind each
    truth  INTEGER NOT NULL,   -- what the ledger had then, in whole units: tokens, 1e-12 USD, events
    value  INTEGER NOT NULL,   -- what was told
    debt   INTEGER NOT NULL,   -- growth that was told before, and will not be told again
    PRIMARY KEY (family, labels)
) STRICT, WITHOUT ROWID;
