//! Lines: what goes in, what comes out, byte for byte.

use super::*;
use crate::edit::{Syntax, apply};
use crate::secret::Secret;

const KEY: &str = "sk-FAKE-0123456789abcdefABCDEF";

fn run(dialect: Dialect, text: &str, name: &str, line: Option<usize>, new: New) -> Result<String, EditError> {
    let edit = Edit { spot: Spot::Variable { name: name.to_owned(), line }, new };
    let after = apply(Syntax::Lines(dialect), Some(text.as_bytes()), &[edit])?;
    Ok(String::from_utf8(after.to_vec()).expect("text"))
}

fn set(dialect: Dialect, text: &str) -> Result<String, EditError> {
    run(dialect, text, "K", None, New::Key(Secret::new(KEY)))
}

#[track_caller]
fn check(dialect: Dialect, cases: &[(&str, &str)]) {
    for (before, after) in cases {
        let after = after.replace('§', KEY);
        assert_eq!(set(dialect, before).as_deref(), Ok(after.as_str()), "{dialect:?} {before:?}");
    }
}

#[test]
fn a_dotenv_value_is_replaced_and_nothing_else() {
    check(
        Dialect::PythonDotenv,
        &[
            ("# c\nK=old\nB=1\n", "# c\nK=§\nB=1\n"),
            ("K=\"old\" # c\r\nB=1\r\n", "K=\"§\" # c\r\nB=1\r\n"),
            ("export K='old'\n", "export K='§'\n"),
            ("K = old # c\n", "K = § # c\n"),
            ("K=\nB=1", "K=§\nB=1"),
            ("K=one\nK=two\n", "K=one\nK=§\n"),
            ("K=\"a\nb\"\nB=1\n", "K=\"§\"\nB=1\n"),
            ("K=old\nB=${K}\n", "K=§\nB=${K}\n"),
            ("\u{feff}K=old\n", "\u{feff}K=§\n"),
        ],
    );
    check(Dialect::NodeDotenv, &[("K=one\nK=two # c\n", "K=one\nK=§ # c\n")]);
    check(
        Dialect::Hermes,
        &[
            ("K=old\nB=${K}\n", "K=§\nB=${K}\n"),
            ("K=old\nB=\"x${K}\"\nC=${B}\nD=1\n", "K=§\nB=\"x${K}\"\nC=${B}\nD=1\n"),
        ],
    );
    check(Dialect::Hermes, &[("A=1\nK=old\n", "A=1\nK=§\n"), ("A=1\r\nK='old' # c\r\n", "A=1\r\nK='§'\r\n")]);
}

#[test]
fn a_missing_variable_becomes_a_last_line() {
    check(
        Dialect::PythonDotenv,
        &[("", "K=§\n"), ("B=1", "B=1\nK=§\n"), ("B=1\r\n", "B=1\r\nK=§\r\n"), ("#K=old\n", "#K=old\nK=§\n")],
    );
}

#[test]
fn one_of_several_lines_is_changed_or_removed_by_its_number() {
    let text = "K=one\nB=1\nK=two\n";
    let key = || New::Key(Secret::new(KEY));
    assert_eq!(run(Dialect::PythonDotenv, text, "K", Some(1), key()), Ok(format!("K={KEY}\nB=1\nK=two\n")));
    assert_eq!(run(Dialect::PythonDotenv, text, "K", Some(1), New::Nothing).as_deref(), Ok("B=1\nK=two\n"));
    assert_eq!(run(Dialect::PythonDotenv, text, "K", None, New::Nothing).as_deref(), Ok("B=1\n"));
}

#[test]
fn a_key_that_readers_disagree_about_is_refused() {
    for key in ["", "a b", "a$b", "a#b", "a&b", "a\"b", "a'b", "ä", "a\nb"] {
        let new = New::Key(Secret::new(key));
        assert!(
            matches!(run(Dialect::PythonDotenv, "K=old\n", "K", None, new), Err(EditError::Value(_))),
            "{key:?}"
        );
    }
    let new = New::Key(Secret::new("a~b|c"));
    assert_eq!(run(Dialect::PythonDotenv, "K=old\n", "K", None, new).as_deref(), Ok("K='a~b|c'\n"));
}

#[test]
fn a_plain_literal_in_a_start_up_file_is_replaced() {
    check(
        Dialect::Bash,
        &[
            ("# rc\nexport K=old # c\n", "# rc\nexport K=§ # c\n"),
            ("  export K=\"old\"\n", "  export K=\"§\"\n"),
            ("K='old'; export K\n", "K='§'; export K\n"),
            ("declare -x K=old\n", "declare -x K=§\n"),
            ("export J=1 K=old\n", "export J=1 K=§\n"),
            ("cat <<EOF\nexport K=no\nEOF\nexport K=old\n", "cat <<EOF\nexport K=no\nEOF\nexport K=§\n"),
            ("x='\nexport K=no\n'\nexport K=old\n", "x='\nexport K=no\n'\nexport K=§\n"),
            ("K=tmp prog\nexport K=old\n", "K=tmp prog\nexport K=§\n"),
            (
                "if [ -n \"$X\" ]; then echo; fi\nexport K=old\n",
                "if [ -n \"$X\" ]; then echo; fi\nexport K=§\n",
            ),
            ("echo hi", "echo hi\nexport K=§\n"),
            ("alias x='echo \"K=no\"'\nexport K=old\n", "alias x='echo \"K=no\"'\nexport K=§\n"),
        ],
    );
    check(
        Dialect::Fish,
        &[
            ("set -gx K old # c\n", "set -gx K § # c\n"),
            ("set -x K 'old'\n", "set -x K '§'\n"),
            ("export K=old\n", "export K=§\n"),
            ("if true; echo; end\n", "if true; echo; end\nset -gx K §\n"),
        ],
    );
}

#[test]
fn an_assignment_that_depends_on_something_is_refused() {
    for text in [
        "if true; then export K=old; fi\n",
        "f() {\n  export K=old\n}\n",
        "export K=${K:-old}\n",
        "export K=$(pass show k)\n",
        "[ -t 0 ] && export K=old\n",
        "export K=a\nK+=d\n",
        "export K=\"a\"b\n",
        "(export K=old)\n",
        "case $x in\n a) export K=old;;\nesac\n",
    ] {
        assert!(
            matches!(set(Dialect::Bash, text), Err(EditError::Form(_))),
            "{text:?} {:?}",
            set(Dialect::Bash, text)
        );
    }
    assert!(set(Dialect::Fish, "set -Ux K old\n").is_err());
    assert!(set(Dialect::Fish, "SETUVAR --export K:old\n").is_err());
}

#[test]
fn a_unit_keeps_its_other_words() {
    check(
        Dialect::SystemdEnvFile,
        &[
            ("[Service]\nEnvironment=K=old B=1\n", "[Service]\nEnvironment=K=§ B=1\n"),
            (
                "[Service]\nEnvironment=\"A=x y\" \"K=old\"\n[Install]\n",
                "[Service]\nEnvironment=\"A=x y\" \"K=§\"\n[Install]\n",
            ),
            (
                "[Unit]\nA=b\n[Service]\nType=x\n[Install]\n",
                "[Unit]\nA=b\n[Service]\nEnvironment=K=§\nType=x\n[Install]\n",
            ),
        ],
    );
}

#[test]
fn a_line_inside_of_another_value_is_no_line_to_take_away() {
    let inside = run(Dialect::Hermes, "A=\"one\nK=x\nthree\"\nK=old\n", "K", Some(2), New::Nothing);
    assert!(matches!(inside, Err(EditError::Unverified(_))), "{inside:?}");
    let plain = run(Dialect::Hermes, "K=x\nK=old\n", "K", Some(1), New::Nothing);
    assert_eq!(plain.as_deref(), Ok("K=old\n"));
}

#[test]
fn only_what_refers_to_the_changed_name_may_change_along() {
    let row = |name: &'static str, value: &'static str, spelled: &'static str| Row {
        name,
        value,
        spelled: Some(spelled),
    };
    let old = [row("B", "1", "${K}"), row("C", "1", "x$B"), row("D", "1", "${E}")];
    let both = |b, c, d| {
        let new = [row("B", b, "${K}"), row("C", c, "x$B"), row("D", d, "${E}")];
        agree(&old, &new, "K")
    };
    assert!(both("1", "1", "1") && both("2", "2", "1"));
    assert!(!both("1", "1", "2"), "D does not refer to K");
    assert!(!both("1", "2", "1"), "C refers to B, which is what it was");
    assert!(!agree(&old, &old[..2], "K"));
}
