-- The process trees of sessions, as the agent saw them: what is left to tell when their processes have ended.

-- One row from the start of a session's first client until its last has ended; a session that is resumed later has
-- several.
CREATE TABLE session_tree (
    session_id       INTEGER NOT NULL REFERENCES session,
    host_id          INTEGER NOT NULL REFERENCES host,
    started_ms       INTEGER NOT NULL,            -- milliseconds since the epoch, as all times here
    ended_ms         INTEGER,                     -- NULL: it runs, or nobody saw its end
    last_ms          INTEGER NOT NULL,            -- the last look that met a process of it
    parent_id        INTEGER REFERENCES session,  -- whose client started this one's
    boot             TEXT    NOT NULL,            -- the kernel's id of the boot that pids are of; '': not known
    clients          TEXT    NOT NULL,            -- those that ran it last: pid:start in ticks, with commas between them
    processes        INTEGER NOT NULL,            -- that lived at the last look
    cpu_user_ms      INTEGER NOT NULL,
    cpu_system_ms    INTEGER NOT NULL,
    minor_faults     INTEGER NOT NULL,
    major_faults     INTEGER NOT NULL,
    read_bytes       INTEGER,                     -- from storage, and to it; NULL: could not be read
    written_bytes    INTEGER,
    context_switches INTEGER NOT NULL,            -- of main threads
    spawned          INTEGER NOT NULL,            -- processes that were seen to start below the client
    peak_rss_bytes   INTEGER NOT NULL,            -- the most that all had at one look
    PRIMARY KEY (session_id, host_id, started_ms)
) STRICT, WITHOUT ROWID;

-- Its processes, by name and by what started them; at most 256 a tree.
CREATE TABLE session_program (
    session_id     INTEGER NOT NULL REFERENCES session,
    host_id        INTEGER NOT NULL REFERENCES host,
    started_ms     INTEGER NOT NULL,              -- of the tree
    n              INTEGER NOT NULL,              -- parents come before their children
    parent_n       INTEGER,                       -- NULL: nothing of the tree started it
    kind           INTEGER NOT NULL,              -- 0 claude, 1 node, 2 shell, 3 mcp, 4 lsp, 5 vcs, 6 compiler, 7 browser, 8 python, 9 other
    name           TEXT    NOT NULL,
    processes      INTEGER NOT NULL,
    cpu_user_ms    INTEGER NOT NULL,
    cpu_system_ms  INTEGER NOT NULL,
    minor_faults   INTEGER NOT NULL,
    major_faults   INTEGER NOT NULL,
    read_bytes     INTEGER NOT NULL,
    written_bytes  INTEGER NOT NULL,
    peak_rss_bytes INTEGER NOT NULL,              -- of one process
    first_ms       INTEGER NOT NULL,
    last_ms        INTEGER NOT NULL,
    PRIMARY KEY (session_id, host_id, started_ms, n)
) STRICT, WITHOUT ROWID;
