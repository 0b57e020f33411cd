//! What to do next at a slot.

use crate::resolve::{Outcome, Slot};
use crate::secret::Secret;

use super::keys::Action;
use super::known::{Grade, Known, Test};

/// What to do next at a slot: the key and the words, most useful first.
#[must_use]
pub fn way_out(known: &Known, slot: &Slot) -> Vec<(Action, String)> {
    let explain = (Action::Explain, "explain".to_owned());
    let fix = (Action::Fix, "fix it".to_owned());
    let Some(sent) = slot.sent() else {
        return match slot.outcome {
            Outcome::Nothing { .. } => vec![fix, (Action::New, "enter a key".to_owned()), explain],
            _ => vec![explain, (Action::New, "enter a key".to_owned())],
        };
    };
    match known.test(slot, &sent.key) {
        Some(Test::Done(judged)) => match judged.grade {
            Grade::Works => vec![explain],
            Grade::Rejected => {
                let mut out = vec![fix, (Action::New, "enter a new key".to_owned())];
                if !judged.untried.is_empty() {
                    out.insert(1, (Action::Others, "try the other addresses".to_owned()));
                }
                out.extend(offer_of_neighbour(known, slot));
                out.push(explain);
                out
            }
            Grade::Unproven => vec![(Action::Test, "test again".to_owned()), explain],
        },
        Some(Test::Running(_)) => vec![explain],
        None if known.status(slot).problem => {
            let new = (Action::New, "enter the key again".to_owned());
            vec![fix, new, (Action::Test, "test it".to_owned()), explain]
        }
        None => vec![(Action::Test, "test this key".to_owned()), explain],
    }
}

/// Another candidate of the slot whose key is known to work: what `u` makes active where none is chosen.
#[must_use]
pub fn working_neighbour(known: &Known, slot: &Slot) -> Option<usize> {
    let works = |key: &Secret| matches!(known.test(slot, key), Some(Test::Done(judged)) if judged.grade == Grade::Works);
    let another =
        |at: &usize| Some(*at) != slot.active && slot.candidates[*at].value.secret().is_some_and(works);
    (0..slot.candidates.len()).find(another)
}

/// The offer of [`working_neighbour`].
fn offer_of_neighbour(known: &Known, slot: &Slot) -> Option<(Action, String)> {
    let key = slot.candidates[working_neighbour(known, slot)?].value.secret()?;
    let tag = known.tag(key)?;
    Some((Action::Use, format!("use {tag} (tested: works)")))
}
