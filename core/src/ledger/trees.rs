//! Process trees of sessions, as the agent saw them, live or ended.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::names::name_id;
use super::{Error, Ledger, explain, is_of_the_file};
use crate::model::process::{Past, ProcessId, ProcessKind, Program, SessionTree, Spent, Totals};

/// What makes a [`StoredTree`], but for its programs.
const TREES: &str = "\
    SELECT session.name, host.name, parent.name, boot, clients, started_ms, tree.ended_ms, last_ms, processes,
           cpu_user_ms, cpu_system_ms, minor_faults, major_faults, read_bytes, written_bytes, context_switches, spawned,
           peak_rss_bytes, session_id, host_id
      FROM session_tree AS tree JOIN session ON session.id = session_id JOIN host ON host.id = host_id
      LEFT JOIN session AS parent ON parent.id = tree.parent_id";

const PROGRAMS: &str = "\
    SELECT parent_n, kind, name, processes, cpu_user_ms, cpu_system_ms, minor_faults, major_faults, read_bytes,
           written_bytes, peak_rss_bytes, first_ms, last_ms
      FROM session_program WHERE session_id = ?1 AND host_id = ?2 AND started_ms = ?3 ORDER BY n";

/// A tree of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTree {
    pub session: String,
    pub host: String,
    /// The session whose client started this one's.
    pub parent_session: Option<String>,
    /// Of the boot that `clients` are of; empty: not known.
    pub boot: String,
    /// Those that ran it last.
    pub clients: Vec<ProcessId>,
    /// Milliseconds since the epoch, as below.
    pub started_ms: i64,
    /// None: it runs, or nobody saw its end.
    pub ended_ms: Option<i64>,
    /// The last look that met a process of it.
    pub last_ms: i64,
    /// Those that lived then.
    pub processes: u64,
    pub totals: Totals,
    /// Parents before their children.
    pub programs: Vec<Program>,
}

impl StoredTree {
    fn of(host: &str, boot: &str, tree: &SessionTree) -> Self {
        Self {
            session: tree.session.clone(),
            host: host.into(),
            parent_session: tree.parent_session.clone(),
            boot: boot.into(),
            clients: tree.clients.clone(),
            started_ms: tree.started_ms,
            ended_ms: tree.ended_ms,
            last_ms: tree.last_ms(),
            processes: tree.members.len() as u64,
            totals: tree.totals,
            programs: tree.programs.clone(),
        }
    }
}

impl Ledger {
    /// Remembers trees of a host, by the sessions' names. One that goes on is written anew `every_ms`; what ends, at
    /// once.
    pub fn add_trees(
        &mut self,
        host: &str,
        boot: &str,
        trees: &[SessionTree],
        every_ms: i64,
    ) -> Result<(), Error> {
        let path = self.path.clone();
        let mut add = || {
            let mut news = Vec::new();
            for tree in trees {
                let known = self
                    .db
                    .prepare_cached(
                        "SELECT ended_ms, last_ms, processes FROM session_tree WHERE started_ms = ?1
                            AND session_id = (SELECT id FROM session WHERE name = ?2)
                            AND host_id = (SELECT id FROM host WHERE name = ?3)",
                    )?
                    .query_row(params![tree.started_ms, tree.session, host], |row| {
                        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
                    })
                    .optional()?;
                let is_due = known.is_none_or(|(ended_ms, last_ms, processes)| {
                    let is_gone = tree.members.is_empty() && processes > 0;
                    tree.ended_ms != ended_ms || is_gone || tree.last_ms() - last_ms > every_ms
                });
                if is_due {
                    news.push(StoredTree::of(host, boot, tree));
                }
            }
            if news.is_empty() {
                return Ok(());
            }
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for tree in &news {
                write(&tx, tree)?;
            }
            tx.commit()
        };
        add().map_err(|source| explain(&path, source))
    }

    /// The trees of a session, in the order of their starts.
    pub fn session_trees(&self, session: i64) -> Result<Vec<StoredTree>, Error> {
        self.explained(read(&self.db, "WHERE session_id = ?1 ORDER BY started_ms, host_id", [session]))
    }

    /// Those of a boot of a host whose processes may still live.
    pub fn past_trees(&self, host: &str, boot: &str) -> Result<Vec<Past>, Error> {
        let which = "WHERE host.name = ?1 AND boot = ?2 AND (tree.ended_ms IS NULL OR processes > 0)
                     ORDER BY started_ms";
        let past = |tree: StoredTree| {
            let StoredTree { session, clients, started_ms, totals, programs, .. } = tree;
            Past { session, clients, started_ms, totals, programs }
        };
        let trees = self.explained(read(&self.db, which, [host, boot]))?;
        Ok(trees.into_iter().map(past).collect())
    }
}

/// Takes over the trees of another ledger; one of an older format has none. False where not all can be read.
pub(super) fn take_over(tx: &Transaction, other: &Connection) -> rusqlite::Result<bool> {
    if !other.table_exists(None, "session_tree").unwrap_or_default() {
        return Ok(true);
    }
    let trees = match read(other, "", []) {
        Err(error) if is_of_the_file(&error) => return Ok(false),
        trees => trees?,
    };
    for tree in &trees {
        write(tx, tree)?;
    }
    Ok(true)
}

/// What was seen later takes the place of what was seen before.
fn write(tx: &Transaction, tree: &StoredTree) -> rusqlite::Result<()> {
    let (session, host) =
        (name_id(tx, "session", "name", &tree.session)?, name_id(tx, "host", "name", &tree.host)?);
    let parent = tree.parent_session.as_deref();
    let parent = parent.map(|parent| name_id(tx, "session", "name", parent)).transpose()?;
    let clients: Vec<String> =
        tree.clients.iter().map(|client| format!("{}:{}", client.pid, client.start_ticks)).collect();
    let totals = &tree.totals;
    let io = |bytes| totals.is_io_known.then(|| stored(bytes));
    let written = tx
        .prepare_cached(
            "INSERT INTO session_tree (session_id, host_id, started_ms, ended_ms, last_ms, parent_id, boot, clients,
                 processes, cpu_user_ms, cpu_system_ms, minor_faults, major_faults, read_bytes, written_bytes,
                 context_switches, spawned, peak_rss_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT DO UPDATE SET ended_ms = ?4, last_ms = ?5, parent_id = ?6, boot = ?7,
                 clients = CASE ?8 WHEN '' THEN clients ELSE ?8 END, processes = ?9, cpu_user_ms = ?10, cpu_system_ms = ?11,
                 minor_faults = ?12, major_faults = ?13, read_bytes = ?14, written_bytes = ?15,
                 context_switches = ?16, spawned = ?17, peak_rss_bytes = ?18
              WHERE last_ms <= ?5",
        )?
        .execute(params![
            session,
            host,
            tree.started_ms,
            tree.ended_ms,
            tree.last_ms,
            parent,
            tree.boot,
            clients.join(","),
            stored(tree.processes),
            stored(totals.spent.cpu_user_ms),
            stored(totals.spent.cpu_system_ms),
            stored(totals.spent.minor_faults),
            stored(totals.spent.major_faults),
            io(totals.spent.read_bytes),
            io(totals.spent.written_bytes),
            stored(totals.context_switches),
            stored(totals.spawned),
            stored(totals.peak_rss_bytes)
        ])?;
    if written == 0 {
        return Ok(());
    }
    tx.prepare_cached(
        "DELETE FROM session_program WHERE session_id = ?1 AND host_id = ?2 AND started_ms = ?3",
    )?
    .execute([session, host, tree.started_ms])?;
    let mut add = tx.prepare_cached(
        "INSERT INTO session_program (session_id, host_id, started_ms, n, parent_n, kind, name, processes, cpu_user_ms,
             cpu_system_ms, minor_faults, major_faults, read_bytes, written_bytes, peak_rss_bytes, first_ms, last_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    for (n, program) in (0_i64..).zip(&tree.programs) {
        let kind = ProcessKind::ALL.iter().position(|kind| *kind == program.kind);
        add.execute(params![
            session,
            host,
            tree.started_ms,
            n,
            program.parent.map(|parent| stored(parent as u64)),
            kind.map(|kind| stored(kind as u64)),
            program.name,
            stored(program.processes),
            stored(program.spent.cpu_user_ms),
            stored(program.spent.cpu_system_ms),
            stored(program.spent.minor_faults),
            stored(program.spent.major_faults),
            stored(program.spent.read_bytes),
            stored(program.spent.written_bytes),
            stored(program.peak_rss_bytes),
            program.first_ms,
            program.last_ms
        ])?;
    }
    Ok(())
}

fn read(db: &Connection, which: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<StoredTree>> {
    let mut find = db.prepare_cached(&format!("{TREES} {which}"))?;
    let mut rows = find.query(values)?;
    let mut trees = vec![];
    while let Some(row) = rows.next()? {
        let mut tree = tree(row)?;
        let key: [i64; 3] = [row.get(18)?, row.get(19)?, tree.started_ms];
        tree.programs = db.prepare_cached(PROGRAMS)?.query_map(key, program)?.collect::<Result<_, _>>()?;
        trees.push(tree);
    }
    Ok(trees)
}

fn tree(row: &Row) -> rusqlite::Result<StoredTree> {
    let clients: String = row.get(4)?;
    let client = |text: &str| {
        let (pid, start_ticks) = text.split_once(':')?;
        Some(ProcessId { pid: pid.parse().ok()?, start_ticks: start_ticks.parse().ok()? })
    };
    let read_bytes: Option<i64> = row.get(13)?;
    Ok(StoredTree {
        session: row.get(0)?,
        host: row.get(1)?,
        parent_session: row.get(2)?,
        boot: row.get(3)?,
        clients: clients.split(',').filter_map(client).collect(),
        started_ms: row.get(5)?,
        ended_ms: row.get(6)?,
        last_ms: row.get(7)?,
        processes: count(row, 8)?,
        totals: Totals {
            spent: spent(row, 9)?,
            is_io_known: read_bytes.is_some(),
            context_switches: count(row, 15)?,
            spawned: count(row, 16)?,
            peak_rss_bytes: count(row, 17)?,
        },
        programs: vec![],
    })
}

fn program(row: &Row) -> rusqlite::Result<Program> {
    let (parent, kind): (Option<u16>, u16) = (row.get(0)?, row.get(1)?);
    Ok(Program {
        parent: parent.map(usize::from),
        kind: ProcessKind::ALL.get(usize::from(kind)).copied().unwrap_or(ProcessKind::Other),
        name: row.get(2)?,
        processes: count(row, 3)?,
        spent: spent(row, 4)?,
        peak_rss_bytes: count(row, 10)?,
        first_ms: row.get(11)?,
        last_ms: row.get(12)?,
    })
}

/// Of six columns.
fn spent(row: &Row, at: usize) -> rusqlite::Result<Spent> {
    Ok(Spent {
        cpu_user_ms: count(row, at)?,
        cpu_system_ms: count(row, at + 1)?,
        minor_faults: count(row, at + 2)?,
        major_faults: count(row, at + 3)?,
        read_bytes: count(row, at + 4)?,
        written_bytes: count(row, at + 5)?,
    })
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Nothing where it is not known.
fn count(row: &Row, at: usize) -> rusqlite::Result<u64> {
    let count: Option<i64> = row.get(at)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::StoredTree;
    use crate::ledger::Ledger;
    use crate::model::process::{Member, ProcessId, ProcessKind, Program, SessionTree, Spent, Totals};

    const CLIENT: ProcessId = ProcessId { start_ticks: 4711, pid: 100 };

    fn tree(last_ms: i64) -> SessionTree {
        let program = |parent, kind, name: &str, cpu_user_ms| Program {
            parent,
            kind,
            name: name.into(),
            processes: 1,
            spent: Spent { cpu_user_ms, read_bytes: 7, ..Spent::default() },
            peak_rss_bytes: 4096,
            first_ms: 1000,
            last_ms,
        };
        SessionTree {
            session: "s".into(),
            parent_session: Some("outer".into()),
            clients: vec![CLIENT],
            config_dir: "/c".into(),
            cwd: "/".into(),
            entrypoint: "cli".into(),
            kind: "interactive".into(),
            version: "2.1.330".into(),
            status: "busy".into(),
            started_ms: 1000,
            ended_ms: None,
            members: vec![Member::new(CLIENT, 1000)],
            totals: Totals {
                spent: Spent { cpu_user_ms: 30, read_bytes: 14, ..Spent::default() },
                is_io_known: true,
                context_switches: 5,
                spawned: 1,
                peak_rss_bytes: 8192,
            },
            programs: vec![
                program(None, ProcessKind::Claude, "claude", 10),
                program(Some(0), ProcessKind::Shell, "bash", 20),
            ],
        }
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        (dir, ledger)
    }

    fn kept(ledger: &Ledger) -> Vec<StoredTree> {
        let named = ledger.sessions_named("s").unwrap();
        ledger.session_trees(named[0].0).unwrap()
    }

    #[test]
    fn a_tree_comes_back_as_it_was() {
        let (_dir, mut ledger) = ledger();
        ledger.add_trees("here", "b", &[tree(2000)], 30_000).unwrap();
        assert_eq!(kept(&ledger), [StoredTree::of("here", "b", &tree(2000))]);
        let mut silent = tree(2000);
        (silent.started_ms, silent.parent_session, silent.totals) = (3000, None, Totals::default());
        ledger.add_trees("here", "b", &[silent.clone()], 30_000).unwrap();
        assert_eq!(kept(&ledger)[1], StoredTree::of("here", "b", &silent));
        assert!(ledger.check().unwrap().is_empty());
    }

    #[test]
    fn one_that_goes_on_is_written_now_and_then_and_its_end_at_once() {
        let (_dir, mut ledger) = ledger();
        let mut seen = |tree: &SessionTree| {
            ledger.add_trees("here", "b", std::slice::from_ref(tree), 30_000).unwrap();
            let kept = kept(&ledger).remove(0);
            (kept.last_ms, kept.ended_ms, kept.processes)
        };
        assert_eq!(seen(&tree(2000)), (2000, None, 1));
        assert_eq!(seen(&tree(32_000)), (2000, None, 1));
        assert_eq!(seen(&tree(32_001)), (32_001, None, 1));
        let mut ended = SessionTree { ended_ms: Some(32_100), clients: vec![], ..tree(32_050) };
        assert_eq!(seen(&ended), (32_050, Some(32_100), 1));
        ended.members.clear();
        ended.programs[1].last_ms = 32_060;
        assert_eq!(seen(&ended), (32_060, Some(32_100), 0), "the last orphan is gone");
        assert_eq!(seen(&tree(32_100)), (32_100, None, 1), "it was resumed");
    }

    #[test]
    fn what_may_still_live_is_gone_on_with() {
        let (_dir, mut ledger) = ledger();
        ledger.add_trees("here", "b", &[tree(2000)], 0).unwrap();
        let past = ledger.past_trees("here", "b").unwrap();
        assert_eq!((past.len(), &past[0].clients, past[0].started_ms), (1, &vec![CLIENT], 1000));
        assert_eq!((past[0].totals, &past[0].programs), (tree(2000).totals, &tree(2000).programs));
        assert!(ledger.past_trees("here", "c").unwrap().is_empty(), "another boot");
        assert!(ledger.past_trees("there", "b").unwrap().is_empty());
        let ended = SessionTree { ended_ms: Some(2100), clients: vec![], ..tree(2050) };
        ledger.add_trees("here", "b", std::slice::from_ref(&ended), 0).unwrap();
        assert_eq!(ledger.past_trees("here", "b").unwrap()[0].clients, [CLIENT], "it has an orphan");
        ledger.add_trees("here", "b", &[SessionTree { members: vec![], ..ended }], 0).unwrap();
        assert!(ledger.past_trees("here", "b").unwrap().is_empty());
    }

    #[test]
    fn trees_are_taken_over_and_the_later_sight_counts() {
        let (dir, mut ledger) = ledger();
        let mut other = Ledger::open(&dir.path().join("other.db")).unwrap();
        other.add_trees("here", "b", &[tree(5000)], 0).unwrap();
        ledger.add_trees("here", "b", &[tree(2000)], 0).unwrap();
        ledger.absorb(other.path()).unwrap();
        assert_eq!(kept(&ledger), [StoredTree::of("here", "b", &tree(5000))]);
        other.absorb(&dir.path().join("ledger.db")).unwrap();
        assert_eq!(kept(&other), kept(&ledger));
    }
}
