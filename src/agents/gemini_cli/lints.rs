//! What surprises people about Gemini CLI's choice.

use crate::agents::common;
use crate::finding::Lint;
use crate::source::{Place, tilde};
use crate::world::World;

use super::Gemini;
use super::decide::Type;

/// The lints of the slot.
pub fn of_slot(asked: &Gemini<'_>) -> Vec<Lint> {
    let mut lints = Vec::new();
    let environment = &asked.environment;
    let set = |name| environment.nonempty(name).is_some();
    if asked.kind == Type::Login && set("GEMINI_API_KEY") {
        let message = "the Google login is selected in the settings; GEMINI_API_KEY is set and not used";
        lints.push(Lint::warn("login-outranks-key", message));
    }
    if asked.kind == Type::Login && asked.login.is_some() {
        lints.push(Lint::note("who-pays", "the Google account pays, by its plan or free allowance"));
    }
    if asked.kind == Type::None && set("GOOGLE_API_KEY") {
        lints.push(Lint::warn(
            "variable-unused",
            "GOOGLE_API_KEY alone selects nothing; it is for Vertex only",
        ));
    }
    if asked.kind == Type::Gateway && !asked.selected {
        let message =
            "GOOGLE_GEMINI_BASE_URL without security.auth.selectedType: a run by script refuses to start";
        lints.push(Lint::fault("base-url-without-type", message));
    }
    let base = match asked.kind {
        Type::Key | Type::Gateway => environment.nonempty("GOOGLE_GEMINI_BASE_URL"),
        Type::Vertex => environment.nonempty("GOOGLE_VERTEX_BASE_URL"),
        _ => None,
    };
    let foreign = base.filter(|base| !common::is_within(&common::host_of(base), "googleapis.com"));
    lints.extend(
        foreign.map(|base| common::foreign_base("Gemini CLI", &base, "a base URL in the environment")),
    );
    lints.extend(hidden_file(asked));
    lints.extend(empty_hides(asked));
    if asked.kind == Type::Login {
        let places = environment.variable("GOOGLE_CLOUD_PROJECT").into_iter();
        let read = places.filter(|found| found.ignored.is_none()).find(|found| !found.text.is_empty());
        lints.extend(read.map(|found| project(asked.world, &found.place)));
    }
    lints
}

/// A Google login is used for a project where one is named, and its answer is that project's: 403 where the account may not use
/// it (google-gemini/gemini-cli#9795).
fn project(world: &dyn World, place: &Place) -> Lint {
    let of_folder = place.file().is_some_and(|file| file.parent() == Some(world.cwd()));
    let place = match place {
        Place::Env { .. } => "this shell".to_owned(),
        place => place.show(world.home()),
    };
    let message = format!(
        "the Google login is used for the project that GOOGLE_CLOUD_PROJECT names in {place}; a 403 that speaks of permissions \
         is about that project"
    );
    if of_folder { Lint::warn("project-decides", message) } else { Lint::note("who-pays", message) }
}

/// A `.env` nearer by hides the one with the key as a whole.
fn hidden_file(asked: &Gemini<'_>) -> Option<Lint> {
    let read = asked.environment.file.as_ref()?;
    let found = asked.environment.variable("GEMINI_API_KEY");
    let hidden = found.iter().find(|one| one.place.file().is_some_and(|file| file != read))?;
    let home = asked.world.home();
    let (read, hidden) = (tilde(read, home), hidden.place.show(home));
    Some(Lint::warn(
        "env-file-hidden",
        format!("{read} is the one .env that is read; it hides the key in {hidden}"),
    ))
}

fn empty_hides(asked: &Gemini<'_>) -> Option<Lint> {
    let found = asked.environment.variable("GEMINI_API_KEY");
    let (first, rest) = found.split_first()?;
    let hides = first.text.is_empty() && rest.iter().any(|one| !one.text.is_empty());
    hides.then(|| {
        Lint::fault("empty-hides", "GEMINI_API_KEY is set and empty, and hides the one in the .env file")
    })
}
