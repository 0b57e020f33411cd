//! The environment that launchd gives to a job: `EnvironmentVariables` of the property lists, XML form. Read only.

use std::path::PathBuf;

use crate::secret::Secret;
use crate::world::World;

/// One place where a job gets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The property list.
    pub file: PathBuf,
    /// The one-based line of the value.
    pub line: usize,
    /// The value; none for a binary property list, which is not opened.
    pub value: Option<Secret>,
}

/// One property list: a job of launchd.
#[derive(Debug, Default)]
pub struct Job {
    /// The property list.
    pub file: PathBuf,
    /// It is in binary form, which is not opened: nothing else is known of it.
    pub binary: bool,
    /// `Label`.
    pub label: String,
    /// `Program` and `ProgramArguments`.
    pub command: Vec<String>,
    /// `UserName`.
    pub user: Option<String>,
    /// `WorkingDirectory`.
    pub cwd: Option<PathBuf>,
    /// Whether it has a `KeepAlive`.
    pub keeps_alive: bool,
    /// `EnvironmentVariables`: name, value and the one-based line of the value.
    pub variables: Vec<(String, Secret, usize)>,
}

/// The property lists of a machine, read once for many variables.
#[derive(Debug, Default)]
pub struct Jobs(pub Vec<Job>);

impl Jobs {
    /// Reads them.
    #[must_use]
    pub fn look(world: &dyn World) -> Self {
        let home = world.home().map(|home| home.join("Library/LaunchAgents"));
        let dirs =
            home.into_iter().chain(["/Library/LaunchAgents", "/Library/LaunchDaemons"].map(PathBuf::from));
        let files = dirs.flat_map(|dir| world.list(&dir).into_iter().map(move |file| dir.join(file)));
        let lists = files.filter(|path| path.extension().is_some_and(|extension| extension == "plist"));
        Self(lists.filter_map(|path| Job::read(world, path)).collect())
    }

    /// All property lists that set a variable, and those in binary form, which may.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<Setting> {
        self.0.iter().filter_map(|job| job.setting(name)).collect()
    }
}

/// All property lists that set a variable, and those in binary form, which may.
#[must_use]
pub fn find(world: &dyn World, name: &str) -> Vec<Setting> {
    Jobs::look(world).find(name)
}

impl Job {
    fn read(world: &dyn World, file: PathBuf) -> Option<Self> {
        let state = world.read(&file);
        if state.bytes()?.starts_with(b"bplist") {
            return Some(Self { file, binary: true, ..Self::default() });
        }
        let mut job = Self { file, ..Self::default() };
        job.take(state.text()?);
        Some(job)
    }

    fn setting(&self, name: &str) -> Option<Setting> {
        if self.binary {
            return Some(Setting { file: self.file.clone(), line: 1, value: None });
        }
        let (_, value, line) = self.variables.iter().find(|(variable, ..)| variable == name)?;
        Some(Setting { file: self.file.clone(), line: *line, value: Some(value.clone()) })
    }

    /// Walks over the tags. `path` holds the key of each dictionary that is open.
    fn take(&mut self, text: &str) {
        let mut path: Vec<String> = Vec::new();
        let mut at = 0;
        while let Some((tag, start, end)) = next_tag(text, at) {
            at = end;
            match tag {
                "dict" => path.push(String::new()),
                "/dict" => drop(path.pop()),
                "/key" => {
                    let Some(from) = open_end(text, start) else { return };
                    if let Some(key) = path.last_mut() {
                        *key = unescape(&text[from..start]);
                    }
                }
                "/string" => {
                    let Some(from) = open_end(text, start) else { return };
                    self.text(&path, unescape(&text[from..start]), || text[..from].matches('\n').count() + 1);
                }
                "true" if path.first().is_some_and(|key| key == "KeepAlive") => self.keeps_alive = true,
                _ => {}
            }
        }
    }

    fn text(&mut self, path: &[String], value: String, line: impl FnOnce() -> usize) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path[..] {
            ["Label"] => self.label = value,
            ["Program"] => self.command.insert(0, value),
            ["ProgramArguments"] => self.command.push(value),
            ["UserName"] => self.user = Some(value),
            ["WorkingDirectory"] => self.cwd = Some(PathBuf::from(value)),
            ["EnvironmentVariables", name] => {
                self.variables.push((name.to_owned(), Secret::new(value), line()));
            }
            _ => {}
        }
    }
}

/// The next tag from `at`: its name (with `/` in front for a closing one), where it starts and ends. Comments are
/// passed over.
fn next_tag(text: &str, at: usize) -> Option<(&str, usize, usize)> {
    let start = at + text.get(at..)?.find('<')?;
    if text[start..].starts_with("<!--") {
        let end = start + text[start..].find("-->")? + 3;
        return Some(("!--", start, end));
    }
    let end = start + text[start..].find('>')?;
    let inner = text[start + 1..end].split_whitespace().next().unwrap_or("");
    Some((inner.trim_end_matches('/'), start, end + 1))
}

/// Where the text before a closing tag begins.
fn open_end(text: &str, close: usize) -> Option<usize> {
    text[..close].rfind('>').map(|at| at + 1)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    const PLIST: &str = "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict>\n<key>K</key><string>no</string>\n\
        <key>EnvironmentVariables</key>\n<dict>\n<!-- <key>K</key><string>old</string> -->\n<key>J</key><string>1</string>\n\
        <key>K</key>\n<string>a&amp;b</string>\n</dict>\n<key>K</key><string>no</string></dict></plist>\n";

    #[test]
    fn the_variable_of_the_environment_is_found() {
        let world = MemoryWorld::new("/Users/ann").with_file("Library/LaunchAgents/ai.gw.plist", PLIST);
        let found = find(&world, "K");
        assert_eq!(found.len(), 1);
        assert!(found[0].value.as_ref().unwrap().is("a&b"));
        assert_eq!(found[0].line, 9);
        assert!(find(&world, "X").is_empty());
    }

    #[test]
    fn a_job_tells_what_it_runs() {
        let list = "<plist><dict><key>Label</key><string>ai.gw</string><key>KeepAlive</key><true/>\
            <key>ProgramArguments</key><array><string>/bin/gw</string><string>run</string></array>\
            <key>EnvironmentVariables</key><dict><key>K</key><string>v</string></dict></dict></plist>";
        let world = MemoryWorld::new("/Users/ann").with_file("Library/LaunchAgents/ai.gw.plist", list);
        let jobs = Jobs::look(&world);
        let job = &jobs.0[0];
        assert_eq!((job.label.as_str(), job.keeps_alive), ("ai.gw", true));
        assert_eq!(job.command, ["/bin/gw", "run"]);
        assert_eq!(job.variables.len(), 1);
    }
}
