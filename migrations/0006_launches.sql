-- Runs of claude from interactive shells, as the shells' hooks told the spool.

-- One row per line of the spool. What Ctrl-Z stopped and `fg` continued is several, which share shell and child.
CREATE TABLE launch (
    id            INTEGER PRIMARY KEY,
    host_id       INTEGER NOT NULL REFERENCES host,
    shell         INTEGER NOT NULL,   -- 0 bash, 1 zsh, 2 fish
    shell_version TEXT    NOT NULL,
    shell_pid     INTEGER NOT NULL,
    child_pid     INTEGER,            -- of a run that was stopped; NULL: the shell did not tell
    started_us    INTEGER NOT NULL,   -- microseconds since the epoch, UTC
    ended_us      INTEGER NOT NULL,   -- or stopped
    exit          INTEGER,            -- as in $?; 147 and 148 mean stopped, not finished; NULL: not known
    tty           TEXT    NOT NULL,   -- '' here and below: not known
    cwd_id        INTEGER REFERENCES cwd,
    branch        TEXT    NOT NULL,
    UNIQUE (host_id, shell_pid, started_us)
) STRICT;
CREATE INDEX launch_time ON launch (started_us);

-- How far each file of the spool has been read; moved in the same transaction as its launches.
CREATE TABLE spool (
    host_id    INTEGER NOT NULL REFERENCES host,
    name       TEXT    NOT NULL,
    inode      INTEGER NOT NULL,
    offset     INTEGER NOT NULL,      -- bytes read, up to the end of a line
    head_hash  INTEGER NOT NULL,      -- as of a transcript
    tail_hash  INTEGER NOT NULL,
    malformed  INTEGER NOT NULL,      -- lines that were no launch
    read_ms    INTEGER NOT NULL,      -- when it was last read on, milliseconds since the epoch
    PRIMARY KEY (host_id, name)
) STRICT, WITHOUT ROWID;

-- The processes that ran a session, as the agent saw them: they tell whose launch it was.
CREATE TABLE session_process (
    host_id    INTEGER NOT NULL REFERENCES host,
    pid        INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,      -- of the process, milliseconds since the epoch
    session_id INTEGER NOT NULL REFERENCES session,
    ancestors  TEXT    NOT NULL,      -- pids of its parent, of that one's, and so on; with commas between them
    first_ms   INTEGER NOT NULL,      -- when it was first and last seen to run this session
    last_ms    INTEGER NOT NULL,
    PRIMARY KEY (host_id, pid, started_ms, session_id)
) STRICT, WITHOUT ROWID;
