//! Reads one table of a SQLite database without leaving a trace: no lock, no side file, no change of a time stamp.
//!
//! A database whose write-ahead log is empty or absent is opened as immutable. One with a live log is opened read-only
//! with its shared-memory file read-only too, which sees the newest committed rows; where that file is missing (the
//! owner died) the database and its log are merged in memory.

use crate::world::{Table, TableState, Trouble};

/// The live rows of `table`, keyed by its key column.
#[cfg(feature = "sqlite")]
pub(super) fn read_table(table: &Table) -> TableState {
    match reading::read(table) {
        Ok(state) => state,
        Err(trouble) => TableState::Unreadable(trouble),
    }
}

/// Without the `sqlite` feature a database that exists is named and not read.
#[cfg(not(feature = "sqlite"))]
pub(super) fn read_table(table: &Table) -> TableState {
    if table.db.exists() {
        TableState::Unreadable(Trouble::Io("this build of keymend cannot read SQLite".into()))
    } else {
        TableState::Missing
    }
}

#[cfg(feature = "sqlite")]
mod reading {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use rusqlite::limits::Limit;
    use rusqlite::{Connection, OpenFlags};

    use super::{Table, TableState, Trouble};
    use crate::host::real::{MAX_FILE_BYTES, contents};
    use crate::host::wal;

    /// The largest database that is merged with its log in memory.
    const MAX_MERGED_BYTES: u64 = 64 * 1024 * 1024;
    /// The longest text of a row, and what the rows may hold together.
    const MAX_TEXT: i32 = 32 * 1024 * 1024;
    /// How many thousand steps of SQLite's machine one table may take. A million rows take about ten thousand.
    const MAX_KILOSTEPS: u32 = 50_000;

    pub(super) fn read(table: &Table) -> Result<TableState, Trouble> {
        let meta = match std::fs::metadata(&table.db) {
            Ok(meta) if meta.is_file() => meta,
            Ok(meta) if meta.is_dir() => return Err(Trouble::Folder),
            Ok(_) => return Err(Trouble::Special("special file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(TableState::Missing),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Trouble::Denied);
            }
            Err(error) => return Err(Trouble::Io(error.to_string())),
        };
        if meta.len() == 0 {
            return Ok(TableState::NoTable);
        }
        let mut connection = open(&table.db, meta.len())?;
        bound(&mut connection).map_err(|error| trouble(&error))?;
        rows(&connection, table)
    }

    /// A database may hold what costs any amount of time and memory to read: generated columns, huge texts.
    fn bound(connection: &mut Connection) -> rusqlite::Result<()> {
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_TEXT)?;
        let mut kilosteps = 0_u32;
        connection.progress_handler(
            1000,
            Some(move || {
                kilosteps += 1;
                kilosteps > MAX_KILOSTEPS
            }),
        )
    }

    fn open(db: &Path, bytes: u64) -> Result<Connection, Trouble> {
        let log = beside(db, "-wal");
        let log_bytes = std::fs::metadata(&log).map_or(0, |meta| meta.len());
        if log_bytes == 0 {
            return open_uri(db, "immutable=1");
        }
        if beside(db, "-shm").exists() {
            return open_uri(db, "readonly_shm=1");
        }
        if bytes + log_bytes > MAX_MERGED_BYTES {
            let limit = MAX_MERGED_BYTES;
            return Err(Trouble::TooLarge { bytes: bytes + log_bytes, limit });
        }
        merged(db, &log)
    }

    fn beside(db: &Path, suffix: &str) -> PathBuf {
        let mut name = OsString::from(db);
        name.push(suffix);
        PathBuf::from(name)
    }

    fn open_uri(db: &Path, option: &str) -> Result<Connection, Trouble> {
        let uri = format!("file:{}?mode=ro&{option}", escape(db)?);
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(uri, flags).map_err(|error| trouble(&error))
    }

    /// Percent-encodes what has a meaning in a URI.
    fn escape(db: &Path) -> Result<String, Trouble> {
        let text = db.to_str().ok_or_else(|| Trouble::Io("the path is not text".into()))?;
        Ok(text.replace('%', "%25").replace('?', "%3f").replace('#', "%23"))
    }

    fn merged(db: &Path, log: &Path) -> Result<Connection, Trouble> {
        let limit = usize::try_from(2 * MAX_MERGED_BYTES).unwrap_or(usize::MAX);
        let read = |path: &Path| contents(path, MAX_MERGED_BYTES);
        let image = wal::merge(read(db)?.to_vec(), &read(log)?, limit)
            .ok_or_else(|| Trouble::Syntax("its write-ahead log asks for more than it may hold".into()))?;
        let mut connection = Connection::open_in_memory().map_err(|error| trouble(&error))?;
        connection
            .deserialize_read_exact("main", image.as_slice(), image.len(), true)
            .map_err(|error| trouble(&error))?;
        Ok(connection)
    }

    fn rows(connection: &Connection, table: &Table) -> Result<TableState, Trouble> {
        let exists = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table'",
                [table.name],
                |row| row.get::<_, i64>(0),
            )
            .map_err(|error| trouble(&error))?;
        if exists == 0 {
            return Ok(TableState::NoTable);
        }
        let mut found = BTreeMap::new();
        let mut bytes = 0;
        let mut statement = connection.prepare(&query(table)).map_err(|error| trouble(&error))?;
        let mut cursor = statement.query([]).map_err(|error| trouble(&error))?;
        while let Some(row) = cursor.next().map_err(|error| trouble(&error))? {
            let key: Option<String> = row.get(0).map_err(|error| trouble(&error))?;
            let value: Option<String> = row.get(1).map_err(|error| trouble(&error))?;
            if let (Some(key), Some(value)) = (key, value) {
                bytes += (key.len() + value.len()) as u64;
                if bytes > MAX_FILE_BYTES {
                    return Err(Trouble::TooLarge { bytes, limit: MAX_FILE_BYTES });
                }
                found.insert(key, value);
            }
        }
        Ok(TableState::Rows(found))
    }

    /// Names come from the agents' tables in this program, never from a file.
    fn query(table: &Table) -> String {
        let Table { name, key_column: key, value_column: value, .. } = table;
        let filter =
            table.live_when_null.map_or(String::new(), |column| format!(" WHERE \"{column}\" IS NULL"));
        format!("SELECT CAST(\"{key}\" AS TEXT), CAST(\"{value}\" AS TEXT) FROM \"{name}\"{filter}")
    }

    fn trouble(error: &rusqlite::Error) -> Trouble {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Trouble::Syntax("it is not a SQLite database, or it is damaged".into())
            }
            Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Trouble::Denied,
            Some(ErrorCode::OperationInterrupted | ErrorCode::TooBig) => {
                Trouble::Syntax("it takes too long to read, or holds a text that is too long".into())
            }
            Some(code) => Trouble::Io(format!("SQLite: {code:?}")),
            None => Trouble::Io("SQLite could not read it".into()),
        }
    }
}
