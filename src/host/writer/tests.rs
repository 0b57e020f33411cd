//! Every situation of a write, on a real file system.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::edit::{Masker, Touched};
use crate::provider::Catalogue;
use crate::source::{Dialect, Format, Place, Pointer};

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
        Writer { wait: Duration::from_secs(2), ..Writer::new(journal, &self.keyring, self.now) }
    }

    fn apply(&self, changes: &[Change]) -> Result<Applied, ApplyError> {
        let action = Action { title: "test".to_owned(), ..Action::default() };
        self.writer().apply(&action, changes)
    }

    fn undo(&self, id: &str) -> Result<Applied, ApplyError> {
        let catalogue = Catalogue::embedded();
        self.writer().undo(id, Back::Exact, &Masker::new(&catalogue, []))
    }

    fn undo_as(&self, id: &str, how: Back) -> Result<Applied, ApplyError> {
        let catalogue = Catalogue::embedded();
        self.writer().undo(id, how, &Masker::new(&catalogue, []))
    }

    /// Puts the key `NEW` at `K` in a file of lines, and says what became of the place after `since` wrote there.
    fn since(&self, path: &Path, since: &str) -> Trace {
        let old = text(path);
        let new = old.replace("old-key", NEW);
        let action = Action { key: Some(Secret::new(NEW)), ..Action::default() };
        let applied = self.writer().apply(&action, &[line_change(path, &old, &new)]).expect("applied");
        fs::write(path, since).expect("write");
        let action = self.writer().journal.read(&applied.id).expect("read");
        self.writer().trace(&action).remove(0)
    }

    /// Ends what a kill interrupted, as after a yes. Returns a sentence for each.
    fn recover(&self) -> Vec<String> {
        let writer = self.writer();
        let mut said = writer.settle();
        for action in writer.interrupted() {
            said.extend(writer.end(&action.id).expect("ended").notes);
        }
        said
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

const NEW: &str = "sk-FAKE-new-fedcba9876543210";

/// A change of `K` in a file of lines.
fn line_change(path: &Path, before: &str, after: &str) -> Change {
    let touched = Touched {
        keys: vec![edit::Spot::Variable { name: "K".to_owned(), line: Some(1) }],
        ..Touched::new(edit::Syntax::Lines(Dialect::PythonDotenv))
    };
    Change { touched: Some(touched), ..change(path, Some(before), Some(after)) }
}

fn change(path: &Path, before: Option<&str>, after: Option<&str>) -> Change {
    Change {
        target: Target::File { path: path.to_owned(), real: path.to_owned(), mode: None, lock: None },
        before: before.map(|text| Hash::of(text.as_bytes())),
        after: after.map(|text| Content::new(text.as_bytes().to_vec())),
        touched: None,
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
    let Err(ApplyError::Conflict { conflicts, .. }) = lab.undo(&applied.id) else { panic!("no conflict") };
    assert_eq!(conflicts[0].place.show(None), path.display().to_string());
    assert!(conflicts[0].diff.iter().any(|line| line.text == "B=1"));
    assert_eq!(text(&path), "K=new\nB=1\n");
}

#[test]
fn an_undo_of_the_values_keeps_what_others_wrote_since() {
    let lab = Lab::new();
    let path = lab.put(".env", "A=1\nK=old-key # mine\nB='2'\r\n", 0o600);
    let new = text(&path).replace("old-key", NEW);
    let applied = lab.apply(&[line_change(&path, &text(&path), &new)]).expect("applied");
    fs::write(&path, format!("C=3\n{new}D=4\n")).expect("write");
    assert!(matches!(lab.undo(&applied.id), Err(ApplyError::Conflict { .. })));
    lab.undo_as(&applied.id, Back::Values).expect("undone");
    assert_eq!(text(&path), "C=3\nA=1\nK=old-key # mine\nB='2'\r\nD=4\n");
    assert!(matches!(lab.undo_as(&applied.id, Back::Values), Err(ApplyError::NothingToUndo)));
}

#[test]
fn an_undo_of_the_whole_goes_over_what_others_wrote_and_can_be_undone_itself() {
    let lab = Lab::new();
    let path = lab.put(".env", "K=old-key\n", 0o600);
    let applied = lab.apply(&[line_change(&path, "K=old-key\n", "K=x\n")]).expect("applied");
    fs::write(&path, "somebody else's\n").expect("write");
    let undone = lab.undo_as(&applied.id, Back::Whole).expect("undone");
    assert_eq!(text(&path), "K=old-key\n");
    lab.undo(&undone.id).expect("the undo is an action, too");
    assert_eq!(text(&path), "somebody else's\n");
}

#[test]
fn values_that_cannot_be_told_apart_are_left_to_a_choice() {
    let lab = Lab::new();
    let path = lab.put(".env", "K=old-key\n", 0o600);
    let applied = lab.apply(&[line_change(&path, "K=old-key\n", "K=x\n")]).expect("applied");
    fs::write(&path, [b'K', b'=', 0xff]).expect("write");
    assert!(matches!(lab.undo_as(&applied.id, Back::Values), Err(ApplyError::Conflict { .. })));
    let applied = lab.apply(&[change(&path, None, Some("x"))]);
    assert!(applied.is_err(), "nothing is written over what was not seen");
}

#[test]
fn the_history_tells_what_others_did_since() {
    let lab = Lab::new();
    let written = format!("K={NEW}\nB=1\n");
    for (since, expected) in [
        (format!("K={NEW}\n"), Since::AsWritten),
        (written, Since::Kept),
        ("K=old-key\nB=1\n".to_owned(), Since::OldIsBack),
        ("K=third\n".to_owned(), Since::Replaced),
        ("B=1\n".to_owned(), Since::Replaced),
    ] {
        let path = lab.put(".env", "K=old-key\n", 0o600);
        assert_eq!(lab.since(&path, &since).since, expected, "{since}");
    }
    let path = lab.put(".env", "K=old-key\n", 0o600);
    let trace = lab.since(&path, "K=old-key\n");
    let action = lab.writer().last().expect("an action");
    assert!(is_key_of(&action, &Secret::new(NEW)) && !is_key_of(&action, &Secret::new("old-key")));
    assert!(matches!(&trace.lost[..], [Place::Line { file, line: None, .. }] if *file == path), "{trace:?}");
    fs::remove_file(&path).expect("removed");
    let since: Vec<Since> = lab.writer().trace(&action).into_iter().map(|trace| trace.since).collect();
    assert_eq!(since, [Since::Gone]);
}

/// A change of a key in the first item of a list, and of the list of approved ends beside it.
fn list_change(path: &Path, before: &str, after: &str) -> Change {
    let field = |steps: &[&str]| edit::Spot::Field(Pointer::new(steps.iter().copied()));
    let touched = Touched {
        parts: vec![field(&["keys", "0"])],
        others: vec![field(&["approved"])],
        ..Touched::new(edit::Syntax::Tree(Format::Json))
    };
    Change { touched: Some(touched), ..change(path, Some(before), Some(after)) }
}

#[test]
fn items_of_a_list_are_found_again_when_somebody_wrote_it_in_another_order() {
    const BEFORE: &str = r#"{"keys":["a=OLD","b=other"],"approved":["A"]}"#;
    const AFTER: &str = r#"{"keys":["a=NEW","b=other"],"approved":["A","B"]}"#;
    let lab = Lab::new();
    let undo = |now: &str| {
        let path = lab.put("conf.json", BEFORE, 0o600);
        let applied = lab.apply(&[list_change(&path, BEFORE, AFTER)]).expect("applied");
        fs::write(&path, now).expect("write");
        lab.undo_as(&applied.id, Back::Values).map(|_| text(&path))
    };
    let moved = undo(r#"{"keys":["b=other","a=NEW"],"approved":["A","B"],"x":1}"#).expect("undone");
    assert_eq!(moved, r#"{"keys":["b=other","a=OLD"],"approved":["A"],"x":1}"#);
    // The old value is back already: nothing to do there, and the rest comes back.
    let half = undo(r#"{"keys":["b=other","a=OLD"],"approved":["A","B"]}"#).expect("undone");
    assert_eq!(half, r#"{"keys":["b=other","a=OLD"],"approved":["A"]}"#);
    // Somebody else's values are nobody's to put back.
    for now in [
        r#"{"keys":["b=other","a=THIRD"],"approved":["A","B"]}"#,
        r#"{"keys":["a=NEW"],"approved":["A","B","C"]}"#,
        r#"{"approved":["A","B"]}"#,
    ] {
        assert!(matches!(undo(now), Err(ApplyError::Conflict { .. })), "{now}");
    }
}

#[test]
fn a_failed_write_leaves_the_modes_as_they_were() {
    let lab = Lab::new();
    let one = lab.put("one", "old", 0o644);
    let folder = lab.path("folder");
    fs::create_dir(&folder).expect("dir");
    let tightened = |path: &Path| {
        let target =
            Target::File { path: path.to_owned(), real: path.to_owned(), mode: Some(0o600), lock: None };
        Change { target, ..change(path, Some("old"), Some("new")) }
    };
    // The second target is a folder: the first is put back.
    let two = lab.put("two", "old", 0o644);
    fs::remove_file(&two).expect("removed");
    symlink(&folder, &two).expect("link");
    assert!(lab.apply(&[tightened(&one), tightened(&two)]).is_err());
    assert_eq!(fs::metadata(&one).expect("meta").permissions().mode() & 0o777, 0o644);
    assert_eq!(text(&one), "old");
}

#[test]
fn folders_made_for_a_file_go_with_it_unless_somebody_uses_them() {
    let lab = Lab::new();
    let path = lab.path("a/b/.env");
    let applied = lab.apply(&[change(&path, None, Some("K=1\n"))]).expect("applied");
    assert_eq!(fs::metadata(lab.path("a")).expect("folder").permissions().mode() & 0o777, 0o700);
    lab.undo(&applied.id).expect("undone");
    assert!(!lab.path("a").exists());
    let applied = lab.apply(&[change(&path, None, Some("K=1\n"))]).expect("applied");
    fs::write(lab.path("a/other"), "x").expect("write");
    lab.undo(&applied.id).expect("undone");
    assert!(!lab.path("a/b").exists() && lab.path("a/other").exists());
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
    assert_eq!(lab.recover().len(), 1);
    assert_eq!(journal.read(&applied.id).expect("read").state, State::Written);
    journal.mark(&mut action, State::Planned).expect("marked");
    fs::write(&two, "old").expect("half");
    fs::write(lab.path(".keymend-x.tmp"), "new").expect("left");
    assert_eq!(lab.recover().len(), 1);
    assert_eq!((text(&one), text(&two)), ("old".to_owned(), "old".to_owned()));
    lab.assert_clean();
    assert_eq!(journal.read(&applied.id).expect("read").state, State::RolledBack);
    assert!(lab.recover().is_empty());
}

/// An action over `one` and `two` as it is after a kill between the two.
fn half_done(lab: &Lab) -> String {
    let (one, two) = (lab.put("one", "K=old\n", 0o600), lab.put("two", "K=old\n", 0o600));
    let changes = [&one, &two].map(|path| line_change(path, "K=old\n", "K=new\n"));
    let applied = lab.apply(&changes).expect("applied");
    let journal = lab.writer().journal;
    journal.mark(&mut journal.read(&applied.id).expect("read"), State::Planned).expect("marked");
    fs::write(&two, "K=old\n").expect("half");
    applied.id
}

#[test]
fn nothing_is_put_back_and_nothing_is_written_before_a_yes() {
    let lab = Lab::new();
    let id = half_done(&lab);
    let (one, two) = (lab.path("one"), lab.path("two"));
    let writer = lab.writer();
    assert!(writer.settle().is_empty());
    assert_eq!((text(&one).as_str(), text(&two).as_str()), ("K=new\n", "K=old\n"), "nothing was touched");
    let left = writer.interrupted();
    assert!(left.len() == 1 && left[0].id == id, "{left:?}");
    let catalogue = Catalogue::embedded();
    let changes = writer.left_by(&left[0], &Masker::new(&catalogue, [])).expect("shown");
    assert_eq!(changes.len(), 1, "only what the kill left changed is shown");
    assert!(!changes[0].diff.is_empty());
    let other = lab.put("three", "x", 0o600);
    let refused = lab.apply(&[change(&other, Some("x"), Some("y"))]);
    assert!(matches!(refused, Err(ApplyError::Interrupted { .. })), "{refused:?}");
    assert!(matches!(lab.undo(&id), Err(ApplyError::Interrupted { .. })));
    assert_eq!(text(&other), "x");
    writer.end(&id).expect("ended");
    assert_eq!((text(&one).as_str(), text(&two).as_str()), ("K=old\n", "K=old\n"));
    assert!(writer.interrupted().is_empty());
    lab.apply(&[change(&other, Some("x"), Some("y"))]).expect("applied");
}

#[test]
fn what_another_keymend_is_writing_is_not_interrupted() {
    let lab = Lab::new();
    half_done(&lab);
    let writer = lab.writer();
    let other = lock::take(&writer.own_lock(), Duration::ZERO).expect("free");
    assert!(writer.interrupted().is_empty());
    drop(other);
    assert_eq!(writer.interrupted().len(), 1);
}

#[test]
fn an_interrupted_place_that_somebody_wrote_to_since_stays() {
    let lab = Lab::new();
    let id = half_done(&lab);
    fs::write(lab.path("two"), "K=mine\n").expect("write");
    let said = lab.writer().end(&id).expect("ended").notes.join(" ");
    assert!(said.contains("two") && said.contains("--whole"), "{said}");
    assert_eq!((text(&lab.path("one")).as_str(), text(&lab.path("two")).as_str()), ("K=old\n", "K=mine\n"));
    lab.undo_as(&id, Back::Whole).expect("undone");
    assert_eq!(text(&lab.path("two")), "K=old\n");
}

#[test]
fn a_state_folder_that_is_open_to_others_is_closed_before_a_write() {
    let lab = Lab::new();
    let path = lab.put("one", "old", 0o600);
    fs::create_dir_all(lab.path("state/actions")).expect("folders");
    for folder in ["state", "state/actions"] {
        fs::set_permissions(lab.path(folder), fs::Permissions::from_mode(0o777)).expect("mode");
    }
    let applied = lab.apply(&[change(&path, Some("old"), Some("new"))]).expect("applied");
    assert_eq!((mode(&lab.path("state")), mode(&lab.path("state/actions"))), (0o700, 0o700));
    let entry = lab.writer().journal.folder(&applied.id);
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o770)).expect("mode");
    let (all, bad) = lab.writer().journal.history();
    assert!(all.is_empty());
    assert!(bad[0].why.contains("open to other users"), "{bad:?}");
    assert!(lab.undo(&applied.id).is_err());
    assert_eq!(text(&path), "new");
}

#[test]
fn an_entry_whose_file_is_now_a_link_elsewhere_is_not_acted_upon() {
    let lab = Lab::new();
    let path = lab.put("one", "old", 0o600);
    let other = lab.put("other", "new", 0o600);
    let applied = lab.apply(&[change(&path, Some("old"), Some("new"))]).expect("applied");
    fs::remove_file(&path).expect("removed");
    symlink(&other, &path).expect("link");
    assert!(lab.undo_as(&applied.id, Back::Whole).is_err());
    assert_eq!(text(&other), "new");
    assert!(lab.writer().journal.history().1[0].why.contains("leads to"));
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
    let week = Keep { days: 7, actions: 5 };
    assert_eq!(journal.expire(lab.now, week), 15);
    assert_eq!(journal.expire(lab.now + 8 * 86_400_000, Keep::default()), 0);
    assert_eq!(journal.expire(lab.now + 8 * 86_400_000, week), 5);
    lab.apply(&[change(&path, Some("25"), Some("x"))]).expect("applied");
    assert_eq!(journal.purge(), 1);
    assert!(journal.history().0.is_empty());
}

/// Each action that goes is work on the disk: a history of years goes in pieces, the oldest first.
#[test]
fn a_long_history_expires_in_pieces() {
    let mut lab = Lab::new();
    let path = lab.put("one", "0", 0o600);
    let applied = lab.apply(&[change(&path, Some("0"), Some("1"))]).expect("applied");
    let journal = lab.writer().journal;
    let (first, ids) = (journal.folder(&applied.id), |n| format!("20200101-000000-{n:03}"));
    for id in (0..300).map(ids) {
        let copy = journal.folder(&id);
        fs::DirBuilder::new().mode(0o700).create(&copy).unwrap();
        for entry in fs::read_dir(&first).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        let manifest = copy.join("manifest.json");
        let text = fs::read_to_string(&manifest).unwrap().replace(&applied.id, &id);
        fs::write(&manifest, text).unwrap();
    }
    assert_eq!(journal.history().0.len(), 301);
    lab.now += 1000;
    lab.apply(&[change(&path, Some("1"), Some("2"))]).expect("applied");
    assert_eq!(journal.history().0.len(), 102);
    assert!(!journal.folder(&ids(199)).exists() && journal.folder(&ids(200)).exists());
    assert_eq!(journal.expire(lab.now, Keep::default()), 82);
    let (left, _) = journal.history();
    assert_eq!((left.len(), left[1].id.as_str()), (20, applied.id.as_str()));
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
