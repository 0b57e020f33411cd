//! Every situation of a write, on a real file system.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::provider::Catalogue;

struct Lab {
    dir: tempfile::TempDir,
    keyring: MemoryKeyring,
    now: i64,
}

impl Lab {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("dir"),
            keyring: MemoryKeyring::default(),
            now: 1_800_000_000_000,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        path
    }

    fn writer(&self) -> Writer<'_> {
        let journal = Journal::at(self.path("state"));
        Writer { wait: Duration::ZERO, ..Writer::new(journal, &self.keyring, self.now) }
    }

    fn apply(&self, changes: &[Change]) -> Result<Applied, ApplyError> {
        let action = Action { title: "test".to_owned(), ..Action::default() };
        self.writer().apply(&action, changes)
    }

    fn undo(&self, id: &str) -> Result<Applied, ApplyError> {
        let catalogue = Catalogue::embedded();
        self.writer().undo(id, &Masker::new(&catalogue, []))
    }

    /// No temporary file is left anywhere.
    fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.dir.path())
            .expect("list")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(files::TEMP_PREFIX))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn change(path: &Path, before: Option<&str>, after: Option<&str>) -> Change {
    Change {
        target: Target::File { path: path.to_owned(), real: path.to_owned(), mode: None, lock: None },
        before: before.map(|text| Hash::of(text.as_bytes())),
        after: after.map(|text| Content::new(text.as_bytes().to_vec())),
        diff: Vec::new(),
        notes: Vec::new(),
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("text")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("meta").mode() & 0o7777
}

#[test]
fn a_file_is_written_and_undone_byte_for_byte() {
    let lab = Lab::new();
    let path = lab.put(".env", "K=old\r\n", 0o640);
    let applied = lab.apply(&[change(&path, Some("K=old\r\n"), Some("K=new\r\n"))]).expect("applied");
    assert_eq!((text(&path).as_str(), mode(&path)), ("K=new\r\n", 0o640));
    lab.assert_clean();
    let folder = lab.writer().journal.folder(&applied.id);
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).expect("list").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
    }
    assert!(!text(&folder.join("manifest.json")).contains("K=old"));
    lab.undo(&applied.id).expect("undone");
    assert_eq!(text(&path), "K=old\r\n");
    assert_eq!(lab.writer().journal.read(&applied.id).expect("read").state, State::Undone);
    assert!(matches!(lab.undo(&applied.id), Err(ApplyError::NothingToUndo)));
    assert!(lab.writer().last().is_none());
}

#[test]
fn an_undo_can_itself_be_undone_by_its_id() {
    let lab = Lab::new();
    let path = lab.put(".env", "old", 0o600);
    let applied = lab.apply(&[change(&path, Some("old"), Some("new"))]).expect("applied");
    let undone = lab.undo(&applied.id).expect("undone");
    lab.undo(&undone.id).expect("redone");
    assert_eq!(text(&path), "new");
}

#[test]
fn a_new_file_is_private_with_its_folders_and_its_undo_takes_it_away() {
    let lab = Lab::new();
    let path = lab.path("a/b/.env");
    let applied = lab.apply(&[change(&path, None, Some("K=new\n"))]).expect("applied");
    assert_eq!((text(&path).as_str(), mode(&path)), ("K=new\n", 0o600));
    assert_eq!(mode(&lab.path("a/b")), 0o700);
    lab.undo(&applied.id).expect("undone");
    assert!(!path.exists());
}

#[test]
fn a_link_stays_a_link_and_its_file_is_written() {
    let lab = Lab::new();
    let real = lab.put("real", "old", 0o600);
    let link = lab.path("link");
    symlink("real", &link).expect("link");
    lab.apply(&[change(&link, Some("old"), Some("new"))]).expect("applied");
    assert!(fs::symlink_metadata(&link).expect("meta").is_symlink());
    assert_eq!(text(&real), "new");
    let dangling = lab.path("dangling");
    symlink("not-there-yet", &dangling).expect("link");
    lab.apply(&[change(&dangling, None, Some("new"))]).expect("applied");
    assert!(fs::symlink_metadata(&dangling).expect("meta").is_symlink());
    assert_eq!(text(&lab.path("not-there-yet")), "new");
}

#[test]
fn a_file_with_two_names_is_written_in_place() {
    let lab = Lab::new();
    let path = lab.put("one", "old and longer", 0o600);
    fs::hard_link(&path, lab.path("two")).expect("link");
    let applied = lab.apply(&[change(&path, Some("old and longer"), Some("new"))]).expect("applied");
    assert_eq!(text(&lab.path("two")), "new");
    assert_eq!(fs::metadata(&path).expect("meta").nlink(), 2);
    assert_eq!(applied.notes.len(), 1, "{applied:?}");
    let manifest = lab.writer().journal.read(&applied.id).expect("read");
    assert!(manifest.items[0].in_place);
    lab.undo(&applied.id).expect("undone");
    assert_eq!(text(&lab.path("two")), "old and longer");
}

#[test]
fn a_mode_is_tightened_where_planned_and_extended_attributes_stay() {
    let lab = Lab::new();
    let path = lab.put(".env", "old", 0o644);
    let named = rustix::fs::setxattr(&path, "user.note", b"mine", rustix::fs::XattrFlags::empty()).is_ok();
    let mut tightened = change(&path, Some("old"), Some("new"));
    if let Target::File { mode, .. } = &mut tightened.target {
        *mode = Some(0o600);
    }
    lab.apply(&[tightened]).expect("applied");
    assert_eq!((text(&path).as_str(), mode(&path)), ("new", 0o600));
    if named {
        let mut value = [0; 16];
        assert_eq!(rustix::fs::getxattr(&path, "user.note", &mut value), Ok(4));
    } else {
        eprintln!("skipped: this file system has no extended attributes");
    }
}

#[test]
fn a_file_that_changed_is_not_overwritten() {
    let lab = Lab::new();
    let path = lab.put(".env", "edited", 0o600);
    let result = lab.apply(&[change(&path, Some("old"), Some("new"))]);
    assert!(matches!(result, Err(ApplyError::File(WriteError::Changed(_)))), "{result:?}");
    let result = lab.apply(&[change(&path, None, Some("new"))]);
    assert!(matches!(result, Err(ApplyError::File(WriteError::Changed(_)))), "{result:?}");
    assert_eq!(text(&path), "edited");
    assert!(lab.writer().journal.history().0.is_empty());
}

#[test]
fn a_file_that_changes_between_preparation_and_commit_keeps_its_change() {
    let lab = Lab::new();
    let path = lab.put(".env", "old", 0o600);
    let new = Content::new(b"new".to_vec());
    let ready = files::prepare(&path, Some(Hash::of(b"old")), Some(&new), None).expect("ready");
    fs::write(&path, "theirs").expect("write");
    assert!(matches!(ready.commit(&mut || Ok(())), Err(WriteError::Changed(_))));
    assert_eq!(text(&path), "theirs");
    lab.assert_clean();
}

#[test]
fn many_files_are_written_all_or_none() {
    let lab = Lab::new();
    let one = lab.put("one", "old", 0o600);
    let two = lab.put("two", "old", 0o600);
    let folder = lab.path("three");
    fs::create_dir(&folder).expect("dir");
    let bad = [
        change(&one, Some("old"), Some("new")),
        change(&two, Some("old"), Some("new")),
        change(&folder, None, Some("new")),
    ];
    assert!(lab.apply(&bad).is_err());
    assert_eq!((text(&one), text(&two)), ("old".to_owned(), "old".to_owned()));
    lab.assert_clean();
    lab.apply(&bad[..2]).expect("applied");
    assert_eq!((text(&one), text(&two)), ("new".to_owned(), "new".to_owned()));
}

#[test]
fn an_undo_refuses_where_somebody_edited_since_and_shows_what_differs() {
    let lab = Lab::new();
    let path = lab.put(".env", "K=old\n", 0o600);
    let applied = lab.apply(&[change(&path, Some("K=old\n"), Some("K=new\n"))]).expect("applied");
    fs::write(&path, "K=new\nB=1\n").expect("write");
    let Err(ApplyError::Conflict(conflicts)) = lab.undo(&applied.id) else { panic!("no conflict") };
    assert_eq!(conflicts[0].place, path.display().to_string());
    assert!(conflicts[0].diff.iter().any(|line| line.text == "B=1"));
    assert_eq!(text(&path), "K=new\nB=1\n");
}

#[test]
fn a_kill_in_the_middle_is_put_back_or_closed_on_the_next_start() {
    let lab = Lab::new();
    let one = lab.put("one", "old", 0o600);
    let two = lab.put("two", "old", 0o600);
    let applied = lab
        .apply(&[change(&one, Some("old"), Some("new")), change(&two, Some("old"), Some("new"))])
        .expect("applied");
    let journal = lab.writer().journal;
    let mut action = journal.read(&applied.id).expect("read");
    journal.mark(&mut action, State::Planned).expect("marked");
    assert_eq!(lab.writer().recover().len(), 1);
    assert_eq!(journal.read(&applied.id).expect("read").state, State::Written);
    journal.mark(&mut action, State::Planned).expect("marked");
    fs::write(&two, "old").expect("half");
    fs::write(lab.path(".keymend-x.tmp"), "new").expect("left");
    assert_eq!(lab.writer().recover().len(), 1);
    assert_eq!((text(&one), text(&two)), ("old".to_owned(), "old".to_owned()));
    lab.assert_clean();
    assert_eq!(journal.read(&applied.id).expect("read").state, State::RolledBack);
    assert!(lab.writer().recover().is_empty());
}

#[test]
fn backups_expire_by_age_and_number_and_can_be_purged() {
    let mut lab = Lab::new();
    let path = lab.put("one", "0", 0o600);
    for n in 0..25 {
        lab.now += 1000;
        lab.apply(&[change(&path, Some(&n.to_string()), Some(&(n + 1).to_string()))]).expect("applied");
    }
    let journal = lab.writer().journal;
    assert_eq!(journal.history().0.len(), 20);
    assert_eq!(journal.expire(lab.now + 31 * 86_400_000), 20);
    lab.apply(&[change(&path, Some("25"), Some("x"))]).expect("applied");
    assert_eq!(journal.purge(), 1);
    assert!(journal.history().0.is_empty());
}

#[test]
fn a_keyring_entry_is_written_and_undone_with_the_files() {
    let lab = Lab::new();
    let path = lab.put("one", "old", 0o600);
    let key = ("svc".to_owned(), "me".to_owned());
    lab.keyring.0.borrow_mut().insert(key.clone(), Secret::new("old"));
    let entry = Change {
        target: Target::Keyring { service: key.0.clone(), user: key.1.clone() },
        ..change(&path, Some("old"), Some("new"))
    };
    let applied = lab.apply(&[entry.clone(), change(&path, Some("old"), Some("new"))]).expect("applied");
    assert!(lab.keyring.0.borrow()[&key].is("new"));
    lab.undo(&applied.id).expect("undone");
    assert!(lab.keyring.0.borrow()[&key].is("old"));
    assert_eq!(text(&path), "old");
    let locked = lab.path("nowhere/x");
    fs::write(lab.path("nowhere"), "a file where a folder should be").expect("write");
    assert!(lab.apply(&[entry, change(&locked, None, Some("new"))]).is_err());
    assert!(lab.keyring.0.borrow()[&key].is("old"), "put back when a file failed");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_cell_is_written_in_one_transaction_and_undone() {
    let lab = Lab::new();
    let db = lab.path("auth.sqlite");
    let connection = rusqlite::Connection::open(&db).expect("open");
    connection
        .execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT NOT NULL, at INTEGER); INSERT INTO t VALUES ('a','old',1),('b','other',2);")
        .expect("made");
    let cell = |key: &str| crate::source::Cell {
        db: db.clone(),
        table: "t",
        key_column: "id",
        key: key.to_owned(),
        value_column: "v",
        stamp_column: Some("at"),
    };
    let cell_change = |key: &str, before: Option<&str>, after: &str| Change {
        target: Target::Cell(cell(key)),
        ..change(&db, before, Some(after))
    };
    let rows = || -> Vec<(String, String, i64)> {
        let mut statement = connection.prepare("SELECT id, v, at FROM t ORDER BY id").expect("select");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        rows.map(|row| row.expect("row")).collect()
    };
    let applied = lab
        .apply(&[cell_change("a", Some("old"), "new"), cell_change("b", Some("other"), "more")])
        .expect("applied");
    assert_eq!(rows(), [("a".into(), "new".into(), lab.now), ("b".into(), "more".into(), lab.now)]);
    lab.undo(&applied.id).expect("undone");
    assert_eq!(rows(), [("a".into(), "old".into(), lab.now), ("b".into(), "other".into(), lab.now)]);
    let result = lab.apply(&[cell_change("a", Some("stale"), "new")]);
    assert!(matches!(result, Err(ApplyError::Cell(CellError::Changed { .. }))), "{result:?}");
}

#[test]
fn the_agents_lock_is_respected_and_let_go() {
    let lab = Lab::new();
    let path = lab.put("auth.json", "old", 0o600);
    let agent = AgentLock::Exclusive(lab.path("auth.json.lock"));
    let mut locked = change(&path, Some("old"), Some("new"));
    if let Target::File { lock, .. } = &mut locked.target {
        *lock = Some(agent.clone());
    }
    let held = lock::take(&agent, Duration::ZERO).expect("free");
    assert!(matches!(lab.apply(std::slice::from_ref(&locked)), Err(ApplyError::Lock(LockError::Held(_)))));
    drop(held);
    let applied = lab.apply(&[locked]).expect("applied");
    assert!(!lab.path("auth.json.lock").exists());
    lab.undo(&applied.id).expect("undone");
}
