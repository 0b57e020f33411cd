//! What the real shell, tmux and the systemd user manager answer about the variables of some slots, as further candidates.
//! Only on request: asking a shell runs its start-up files.

use std::time::Duration;

use crate::formats::shell::{self, Mode};
use crate::host::ask::{self, Answer, AskError};
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Slot, State};
use crate::secret::Secret;
use crate::session::{Scan, SlotRef, elsewhere};
use crate::source::{Place, Source, Value};
use crate::world::World;

/// One question and what came of it.
struct Asked {
    source: Source,
    /// Where the person finds it, and how it was asked.
    place: String,
    command: String,
    /// "a new bash exports this".
    means: String,
    answer: Result<Answer, AskError>,
}

/// Asks, and adds to each of these slots what was answered for the variables that its candidates name.
pub fn add(
    scan: &mut Scan,
    chosen: &[SlotRef],
    world: &dyn World,
    catalogue: &Catalogue,
    patience: Duration,
) {
    let of_slots: Vec<(SlotRef, Vec<String>)> = chosen
        .iter()
        .filter_map(|at| {
            let (agent, slot) = (scan.agents.get(at.agent)?.agent, scan.slot(*at)?);
            let mut names = variables(slot);
            let read = elsewhere::read_at(world, catalogue, agent, slot);
            names.extend(read.into_iter().filter(|name| !variables(slot).contains(name)));
            Some((*at, names))
        })
        .collect();
    let mut names: Vec<String> = of_slots.iter().flat_map(|(_, names)| names.clone()).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return;
    }
    let asked = ask_all(world, &names, patience);
    for (at, names) in of_slots {
        let found = candidates(&names, &asked, world);
        append(scan, at, found, catalogue);
    }
}

/// The variables that a slot's candidates name, in their order.
fn variables(slot: &Slot) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for candidate in &slot.candidates {
        if let Place::Env { name } | Place::Line { name, .. } = &candidate.place
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    names
}

/// All questions, one after the other.
fn ask_all(world: &dyn World, names: &[String], patience: Duration) -> Vec<Asked> {
    let mut asked = shells(world, patience);
    // Another home than your own has no server and no manager here.
    if world.var("HOME").map(std::path::Path::new) == world.home() {
        let tmux = Asked {
            source: Source::Process,
            place: "tmux's global environment".to_owned(),
            command: "tmux show-environment -g".to_owned(),
            means: "new tmux panes start with this".to_owned(),
            answer: ask::tmux(world, names, patience),
        };
        let systemd = Asked {
            source: Source::Systemd,
            place: "the systemd user manager's environment".to_owned(),
            command: "systemctl --user show-environment".to_owned(),
            means: "your services start with this".to_owned(),
            answer: ask::systemd(world, patience),
        };
        asked.extend(
            [tmux, systemd].into_iter().filter(|asked| !matches!(asked.answer, Err(AskError::Missing(_)))),
        );
    }
    asked
}

fn shells(world: &dyn World, patience: Duration) -> Vec<Asked> {
    let Some(own) = shell::login_shell(world) else {
        let answer = Err(AskError::NoAnswer("your shell (SHELL names none that keymend knows)".to_owned()));
        let place = "your shell".to_owned();
        return vec![Asked {
            source: Source::Shell,
            place,
            command: String::new(),
            means: String::new(),
            answer,
        }];
    };
    let name = own.name();
    [(Mode::TERMINAL, "-i", "a new"), (Mode::LOGIN, "-l -i", "a new login")]
        .into_iter()
        .map(|(mode, flags, which)| Asked {
            source: Source::Shell,
            place: format!("{name} {flags}, asked without a terminal"),
            command: format!("{name} {flags} -c env"),
            means: format!("{which} {name} exports this"),
            answer: ask::shell(world, own, mode, patience),
        })
        .collect()
}

fn candidates(names: &[String], asked: &[Asked], world: &dyn World) -> Vec<Candidate> {
    let mut found = Vec::new();
    for asked in asked {
        match &asked.answer {
            Ok(answer) => {
                found.extend(names.iter().map(|name| told(asked, name, answer.get(name), world.var(name))));
            }
            // One line for the question; it says nothing about any variable.
            Err(error) => {
                let value = Value::Unreadable("not known".to_owned());
                found.push(candidate(asked, None, value, error.to_string()));
            }
        }
    }
    found
}

/// What one answer says about one variable.
fn told(asked: &Asked, name: &str, there: Option<&Secret>, here: Option<&str>) -> Candidate {
    let Some(there) = there else { return candidate(asked, Some(name), Value::Unset, String::new()) };
    let means = &asked.means;
    let reason = match here {
        Some(here) if there.is(here) => format!("{means}; this process has the same value"),
        Some(_) => format!("{means}; this process has another value"),
        None => format!("{means}; this process has no such variable"),
    };
    candidate(asked, Some(name), Value::Present(there.clone()), reason)
}

fn candidate(asked: &Asked, name: Option<&str>, value: Value, reason: String) -> Candidate {
    let place = Place::Command { from: asked.place.clone(), command: asked.command.clone() };
    let state = if value == Value::Unset { State::Unset } else { State::Ignored { reason } };
    Candidate { source: asked.source, place, name: name.map(str::to_owned), value, state, lints: Vec::new() }
}

/// Adds candidates at the end of a slot; a key that is known keeps its letter, a new one takes the next.
fn append(scan: &mut Scan, at: SlotRef, found: Vec<Candidate>, catalogue: &Catalogue) {
    let Some(slot) = scan.agents.get_mut(at.agent).and_then(|agent| agent.findings.slots.get_mut(at.slot))
    else {
        return;
    };
    let (mut added, mut texts) = (Vec::new(), Vec::new());
    for candidate in found {
        let index = slot.candidates.len();
        let key = candidate.value.secret().filter(|key| !key.is_empty()).cloned();
        let is_key = super::is_key_of(slot, &candidate, catalogue, &super::surround::Natures::default());
        slot.candidates.push(candidate);
        match key {
            Some(key) if is_key => added.push((index, key)),
            Some(key) => texts.push(key),
            None => {}
        }
    }
    for (index, key) in added {
        scan.note(at, index, &key, catalogue);
    }
    scan.texts.extend(texts);
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::RealWorld;
    use crate::secret::Tag;
    use crate::world::MemoryWorld;
    use crate::{agents, session};

    const HERE: &str = "sk-FAKE-IN-THIS-PROCESS-000000";

    /// A slot that reads `OPENAI_API_KEY`, asked with this `.bashrc`, or none if there is no bash or no setsid.
    fn told_with(rc: &str) -> Option<(Scan, Vec<Candidate>)> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".bashrc"), rc).unwrap();
        let mut world =
            MemoryWorld::new(home.path()).with_var("SHELL", "/bin/bash").with_var("OPENAI_API_KEY", HERE);
        for name in ["bash", "setsid"] {
            let Some(path) = RealWorld::new(None).executable(name) else {
                println!("skipped: no {name}");
                return None;
            };
            world.executables.insert(name.to_owned(), path);
        }
        let catalogue = Catalogue::embedded();
        let mut scan = session::scan(&world, &catalogue, &[agents::find("codex").unwrap()]);
        let wanted =
            scan.slots().find(|(_, _, slot)| variables(slot).iter().any(|name| name == "OPENAI_API_KEY"));
        let at = wanted.unwrap().0;
        let before = scan.slot(at).unwrap().candidates.len();
        add(&mut scan, &[at], &world, &catalogue, ask::PATIENCE);
        let found = scan.slot(at).unwrap().candidates[before..].to_vec();
        Some((scan, found))
    }

    fn of<'a>(found: &'a [Candidate], name: &str) -> Vec<&'a Candidate> {
        found.iter().filter(|candidate| candidate.name.as_deref() == Some(name)).collect()
    }

    #[test]
    fn a_key_that_the_shell_exports_is_told_and_the_same_key_has_the_same_letter() {
        let rc = format!("export OPENAI_API_KEY={HERE}\n");
        let Some((scan, found)) = told_with(&rc) else { return };
        let [terminal, login] = of(&found, "OPENAI_API_KEY")[..] else { panic!("{found:?}") };
        assert_eq!(terminal.state.reason(), "a new bash exports this; this process has the same value");
        let key = terminal.value.secret().unwrap();
        assert_eq!(scan.tag(key), Some(Tag(0)));
        assert_eq!(scan.keys.iter().filter(|view| view.key == *key).count(), 1);
        assert_eq!(login.state, State::Unset, "a login bash reads no .bashrc by itself");
    }

    #[test]
    fn another_key_is_told_as_another() {
        let Some((scan, found)) = told_with("export OPENAI_API_KEY=sk-FAKE-ANOTHER-ONE-0000000000\n") else {
            return;
        };
        let terminal = of(&found, "OPENAI_API_KEY")[0];
        assert_eq!(terminal.state.reason(), "a new bash exports this; this process has another value");
        assert!(scan.tag(terminal.value.secret().unwrap()).is_some_and(|tag| tag != Tag(0)));
    }

    #[test]
    fn a_shell_that_ends_early_is_not_confirmed_and_not_called_unset() {
        let Some((_, found)) = told_with("exit 0\n") else { return };
        assert_eq!(found[0].name, None);
        assert_eq!(found[0].state.id(), "ignored");
        assert!(found[0].state.reason().starts_with("could not confirm"), "{:?}", found[0].state);
    }
}
