//! Merges a SQLite write-ahead log into its database image, in memory.
//!
//! Format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>. Only frames of the log's current generation
//! whose checksums hold and that belong to a committed transaction count, exactly as in SQLite's own recovery.

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// The database as a reader of both files would see it, in rollback-journal form. A log that does not parse adds
/// nothing. None if the log asks for more than `limit` bytes: a page's number is four bytes that anybody can write.
#[must_use]
pub fn merge(mut image: Vec<u8>, log: &[u8], limit: usize) -> Option<Vec<u8>> {
    if let Some(pages) = committed(log) {
        for (number, page) in pages.frames {
            let end = number.checked_mul(pages.size).filter(|end| *end <= limit)?;
            if image.len() < end {
                image.resize(end, 0);
            }
            image[end - pages.size..end].copy_from_slice(page);
        }
        image.truncate(pages.count.saturating_mul(pages.size));
    }
    // Bytes 18 and 19 say "write-ahead log"; an in-memory image has none.
    if let Some(versions) = image.get_mut(18..20) {
        versions.copy_from_slice(&[1, 1]);
    }
    Some(image)
}

/// The committed frames of a log.
struct Pages<'a> {
    size: usize,
    /// The database's size in pages after the last commit.
    count: usize,
    /// One-based page number and content, in order.
    frames: Vec<(usize, &'a [u8])>,
}

fn committed(log: &[u8]) -> Option<Pages<'_>> {
    let header = log.get(..LOG_HEADER)?;
    let big_endian = match be32(header, 0)? {
        magic if magic == MAGIC => false,
        magic if magic == MAGIC | 1 => true,
        _ => return None,
    };
    let size =
        usize::try_from(be32(header, 8)?).ok().filter(|size| size.is_power_of_two() && *size >= 512)?;
    let mut sum = checksum((0, 0), header.get(..24)?, big_endian);
    if sum != (be32(header, 24)?, be32(header, 28)?) {
        return None;
    }
    let salt = header.get(16..24)?;
    let mut pages = Pages { size, count: 0, frames: Vec::new() };
    let mut open = Vec::new();
    for frame in log.get(LOG_HEADER..)?.chunks_exact(FRAME_HEADER + size) {
        let (head, page) = frame.split_at(FRAME_HEADER);
        sum = checksum(checksum(sum, &head[..8], big_endian), page, big_endian);
        if head.get(8..16) != Some(salt) || sum != (be32(head, 16)?, be32(head, 20)?) {
            break;
        }
        let number = usize::try_from(be32(head, 0)?).ok().filter(|number| *number > 0)?;
        open.push((number, page));
        let count = usize::try_from(be32(head, 4)?).ok()?;
        if count > 0 {
            pages.count = count;
            pages.frames.append(&mut open);
        }
    }
    Some(pages).filter(|pages| pages.count > 0)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn checksum(start: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let word = |chunk: &[u8]| {
        let four: [u8; 4] = chunk.try_into().unwrap_or_default();
        if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(start, |(s0, s1), pair| {
        let s0 = s0.wrapping_add(word(&pair[..4])).wrapping_add(s1);
        let s1 = s1.wrapping_add(word(&pair[4..])).wrapping_add(s0);
        (s0, s1)
    })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use rusqlite::Connection;

    use super::merge;
    use crate::host::sqlite;
    use crate::world::{Table, TableState, Trouble};

    fn table(db: &std::path::Path) -> Table {
        Table {
            db: db.to_owned(),
            name: "t",
            key_column: "k",
            value_column: "v",
            live_when_null: Some("gone"),
        }
    }

    /// A database in write-ahead mode whose newest row is in the log alone, with its owner still connected.
    fn live(dir: &std::path::Path) -> (std::path::PathBuf, Connection) {
        let db = dir.join("x.sqlite");
        let owner = Connection::open(&db).unwrap();
        owner
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;
                 CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT, gone INTEGER);
                 INSERT INTO t VALUES('a', 'old', NULL), ('b', 'dead', 1);
                 PRAGMA wal_checkpoint(TRUNCATE);
                 UPDATE t SET v = 'new' WHERE k = 'a';",
            )
            .unwrap();
        (db, owner)
    }

    fn names(dir: &std::path::Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_live_log_is_read_beside_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _owner) = live(dir.path());
        let before = names(dir.path());
        let state = sqlite::read_table(&table(&db));
        assert_eq!(state, TableState::Rows([("a".to_owned(), "new".to_owned())].into()));
        assert_eq!(names(dir.path()), before);
    }

    #[test]
    fn a_log_whose_owner_died_is_merged_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _owner) = live(dir.path());
        let copy = tempfile::tempdir().unwrap();
        for name in ["x.sqlite", "x.sqlite-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let state = sqlite::read_table(&table(&copy.path().join("x.sqlite")));
        assert_eq!(state, TableState::Rows([("a".to_owned(), "new".to_owned())].into()));
        assert_eq!(names(copy.path()), ["x.sqlite", "x.sqlite-wal"]);
        drop(db);
    }

    #[test]
    fn a_page_number_beyond_the_limit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (db, log) = (dir.path().join("x.sqlite"), dir.path().join("x.sqlite-wal"));
        let connection = Connection::open(&db).unwrap();
        let _: String = connection.query_row("PRAGMA journal_mode=wal", [], |row| row.get(0)).unwrap();
        connection.execute_batch("CREATE TABLE t(k); INSERT INTO t VALUES (1)").unwrap();
        let (image, log) = (std::fs::read(&db).unwrap(), std::fs::read(&log).unwrap());
        assert!(merge(image.clone(), &log, 1 << 20).is_some());
        assert!(merge(image, &log, 4096).is_none(), "the log has a second page of 4096 bytes");
    }

    #[test]
    fn a_view_and_a_huge_text_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("x.sqlite");
        let connection = Connection::open(&db).unwrap();
        let endless = "WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k FROM r) SELECT k, k AS v FROM r";
        connection.execute_batch(&format!("CREATE VIEW endless AS {endless}")).unwrap();
        connection
            .execute_batch("CREATE TABLE huge(k, v); INSERT INTO huge VALUES ('k', zeroblob(40000000))")
            .unwrap();
        drop(connection);
        let named =
            |name| Table { db: db.clone(), name, key_column: "k", value_column: "v", live_when_null: None };
        assert_eq!(sqlite::read_table(&named("endless")), TableState::NoTable);
        assert!(matches!(sqlite::read_table(&named("huge")), TableState::Unreadable(Trouble::Syntax(_))));
    }

    #[test]
    fn a_torn_log_adds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _owner) = live(dir.path());
        let mut log = std::fs::read(dir.path().join("x.sqlite-wal")).unwrap();
        log[40] ^= 1;
        let image = std::fs::read(&db).unwrap();
        let mut merged = merge(image.clone(), &log, 1 << 20).unwrap();
        merged[18..20].copy_from_slice(&image[18..20]);
        assert!(merged == image);
        assert!(merge(vec![1, 2, 3], &[0; 100], 1 << 20).unwrap() == [1, 2, 3]);
    }

    #[test]
    fn a_text_file_in_place_of_a_database_is_one_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("x.sqlite");
        std::fs::write(&db, "not a database, but long enough to be looked at as one ".repeat(40)).unwrap();
        assert!(matches!(sqlite::read_table(&table(&db)), TableState::Unreadable(_)));
        assert_eq!(sqlite::read_table(&table(&dir.path().join("none"))), TableState::Missing);
    }
}
