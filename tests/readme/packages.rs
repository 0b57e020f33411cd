//! What packages are made of (`contrib/`, Cargo.toml).

use std::process::Command;

use super::pages::root;

/// What a program printed, which has to have succeeded.
fn ran(command: &mut Command) -> String {
    let out = command.current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_manual_pages_and_completions_are_assembled() {
    let folder = tempfile::tempdir().unwrap();
    ran(Command::new("sh").args(["contrib/assemble", env!("CARGO_BIN_EXE_keymend")]).arg(folder.path()));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for name in keymend::cli::manual::names() {
        assert!(read(&format!("man/{name}.1")).contains(".SH EXAMPLES"), "{name}");
    }
    for shell in ["keymend.bash", "_keymend", "keymend.fish"] {
        assert!(read(&format!("completions/{shell}")).contains("rotate"), "{shell}");
    }
}

#[test]
fn a_recipe_has_nothing_left_to_fill() {
    for template in ["contrib/aur/PKGBUILD.in", "contrib/homebrew/keymend.rb.in"] {
        let filled = ran(Command::new("sh").args([
            "contrib/fill",
            template,
            "1.2.3",
            "https://example.com/keymend",
            "abc123",
        ]));
        assert!(
            !filled.contains("@VERSION@") && !filled.contains("@REPO@") && !filled.contains("@SHA256@"),
            "{filled}"
        );
        assert!(filled.contains("https://example.com/keymend") && filled.contains("abc123"), "{filled}");
    }
}

/// The suites and their recordings are not what somebody needs who builds the program.
#[test]
fn the_package_is_the_program_and_its_pages() {
    let list =
        ran(Command::new(env!("CARGO")).args(["package", "--list", "--allow-dirty", "--offline", "--quiet"]));
    let size = |name: &str| std::fs::metadata(root().join(name)).map_or(0, |meta| meta.len());
    let bytes: u64 = list.lines().map(size).sum();
    assert!(bytes < 5 * 1024 * 1024, "{bytes} bytes");
    for needed in
        ["src/main.rs", "build.rs", "assets/findings.toml", "assets/providers/openai.toml", "docs/errors.md"]
    {
        assert!(list.lines().any(|name| name == needed), "{needed} is missing");
    }
    let other = list.lines().find(|name| name.starts_with("tests/") || name.starts_with("fuzz/"));
    assert_eq!(other, None);
}
