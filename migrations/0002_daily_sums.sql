-- Sums by day, packed; responses found by the end of their message's id; costs by the user's own prices.

-- What reports read: sums of the counted responses by quarter of an hour, the finest step that any zone's days, weeks
-- and hours need. One row a UTC day, because reading a value out of a row takes 20 times as long as out of a packed
-- run of them: src/ledger/cells.rs says how they are packed. Kept in the transaction that changes the responses;
-- `odin ledger check` compares, and src/ledger/rollup.rs makes them anew.
DROP TABLE rollup;
CREATE TABLE rollup (
    day   INTEGER PRIMARY KEY,     -- days since the epoch, UTC
    cells BLOB    NOT NULL
) STRICT;

-- The end of an id is its random part. Rare collisions are told apart by the text.
DROP INDEX response_message;
ALTER TABLE response DROP COLUMN message_key;
CREATE INDEX response_message ON response (substr(CASE message_id WHEN '' THEN request_id ELSE message_id END, -6));

ALTER TABLE response ADD COLUMN contract_picousd INTEGER;   -- by the user's own prices; NULL: these say nothing of it
ALTER TABLE attempt  ADD COLUMN contract_picousd INTEGER;
