//! Writes cells of an agent's SQLite store as a neighbour that the agent may be talking to: one transaction, the row
//! read again and compared first, nothing else of the database touched.

use std::path::PathBuf;

use thiserror::Error;

use crate::plan::{Content, Hash};
use crate::source::Cell;

/// Why a cell was not written.
#[derive(Debug, Error)]
pub enum CellError {
    /// The row holds something else than was planned from.
    #[error("{db}: row {row} changed since keymend read it")]
    Changed {
        /// The database.
        db: PathBuf,
        /// The row.
        row: String,
    },
    /// The database refused.
    #[error("{db}: {why}")]
    Database {
        /// The database.
        db: PathBuf,
        /// Its word.
        why: String,
    },
}

impl CellError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "nothing was written; scan again and look at the new content first",
            Self::Database { .. } => "nothing was written; close the agent or wait for it, then try again",
        }
    }
}

/// A change of one cell: what it was planned from and what comes.
pub struct CellChange<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// The content that it was planned from.
    pub before: Option<Hash>,
    /// The content that comes; none takes the row away.
    pub after: Option<&'a Content>,
}

#[cfg(feature = "sqlite")]
pub use with_sqlite::{Pending, read};

#[cfg(feature = "sqlite")]
mod with_sqlite {
    use std::path::Path;
    use std::time::Duration;

    use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

    use super::{Cell, CellChange, CellError, Content, Hash};

    /// How long the agent may hold its database.
    const BUSY: Duration = Duration::from_secs(5);

    /// Changes of one database, made and not yet committed. Dropped, they never happened.
    #[derive(Debug)]
    pub struct Pending {
        connection: Connection,
        db: std::path::PathBuf,
    }

    fn failed(db: &Path) -> impl Fn(rusqlite::Error) -> CellError {
        let db = db.to_owned();
        // The message of a constraint or syntax error names columns, never values: all values are bound.
        move |error| CellError::Database { db: db.clone(), why: error.to_string() }
    }

    fn open(db: &Path) -> Result<Connection, CellError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(db, flags).map_err(failed(db))?;
        connection.busy_timeout(BUSY).map_err(failed(db))?;
        Ok(connection)
    }

    fn name(name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn select(connection: &Connection, cell: &Cell) -> Result<Option<Content>, rusqlite::Error> {
        let (value, table, key) = (name(cell.value_column), name(cell.table), name(cell.key_column));
        let sql = format!("SELECT {value} FROM {table} WHERE {key} = ?1");
        let text: Option<String> =
            connection.query_row(&sql, params![cell.key], |row| row.get(0)).optional()?;
        Ok(text.map(|text| Content::new(text.into_bytes())))
    }

    /// The text of a cell now.
    pub fn read(cell: &Cell) -> Result<Option<Content>, CellError> {
        select(&open(&cell.db)?, cell).map_err(failed(&cell.db))
    }

    impl Pending {
        /// Begins a transaction on `db`, compares every row with what was planned from, and makes the changes.
        pub fn begin(db: &Path, changes: &[CellChange<'_>], now_ms: i64) -> Result<Self, CellError> {
            let connection = open(db)?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(failed(db))?;
            for change in changes {
                let now = select(&connection, change.cell).map_err(failed(db))?;
                if now.map(|now| Hash::of(&now.0)) != change.before {
                    return Err(CellError::Changed { db: db.to_owned(), row: change.cell.key.clone() });
                }
                put(&connection, change, now_ms).map_err(failed(db))?;
            }
            Ok(Self { connection, db: db.to_owned() })
        }

        /// Makes it last.
        pub fn commit(self) -> Result<(), CellError> {
            self.connection.execute_batch("COMMIT").map_err(failed(&self.db))
        }
    }

    fn put(connection: &Connection, change: &CellChange<'_>, now_ms: i64) -> Result<(), rusqlite::Error> {
        let cell = change.cell;
        let (value, table, key) = (name(cell.value_column), name(cell.table), name(cell.key_column));
        let Some(after) = change.after else {
            let delete = format!("DELETE FROM {table} WHERE {key} = ?1");
            let gone = connection.execute(&delete, params![cell.key])?;
            return if gone <= 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(gone)) };
        };
        let text = String::from_utf8_lossy(&after.0);
        let stamp = cell.stamp_column.map(name);
        let changed = match (change.before.is_some(), stamp) {
            (true, Some(stamp)) => connection.execute(
                &format!("UPDATE {table} SET {value} = ?1, {stamp} = ?3 WHERE {key} = ?2"),
                params![text, cell.key, now_ms],
            )?,
            (true, None) => connection.execute(
                &format!("UPDATE {table} SET {value} = ?1 WHERE {key} = ?2"),
                params![text, cell.key],
            )?,
            (false, Some(stamp)) => connection.execute(
                &format!("INSERT INTO {table} ({value}, {key}, {stamp}) VALUES (?1, ?2, ?3)"),
                params![text, cell.key, now_ms],
            )?,
            (false, None) => connection.execute(
                &format!("INSERT INTO {table} ({value}, {key}) VALUES (?1, ?2)"),
                params![text, cell.key],
            )?,
        };
        if changed == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
    }
}

#[cfg(not(feature = "sqlite"))]
pub use without_sqlite::{Pending, read};

#[cfg(not(feature = "sqlite"))]
mod without_sqlite {
    use std::path::Path;

    use super::{Cell, CellChange, CellError, Content};

    /// The changes of a database in a build that cannot make any.
    #[derive(Debug)]
    pub struct Pending {}

    fn cannot(db: &Path) -> CellError {
        CellError::Database { db: db.to_owned(), why: "this build of keymend cannot write SQLite".to_owned() }
    }

    /// The text of a cell now.
    pub fn read(cell: &Cell) -> Result<Option<Content>, CellError> {
        Err(cannot(&cell.db))
    }

    impl Pending {
        /// Begins a transaction.
        pub fn begin(db: &Path, _changes: &[CellChange<'_>], _now_ms: i64) -> Result<Self, CellError> {
            Err(cannot(db))
        }

        /// Makes it last.
        pub fn commit(self) -> Result<(), CellError> {
            Ok(())
        }
    }
}
