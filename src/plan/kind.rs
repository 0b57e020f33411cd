//! Which places take keys, which take the tokens of logins, and which are not the person's own: what keeps a plan from
//! putting a credential where it does not belong.

use std::path::Path;

use super::PlanError;
use crate::hygiene::{self, Nature};
use crate::lint;
use crate::provider::Catalogue;
use crate::resolve::Candidate;
use crate::secret::Secret;
use crate::source::{Place, Source};
use crate::world::World;

/// What a place is made for, by the name of its variable or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// An API key.
    Key,
    /// The token of a login.
    Token,
    /// Whatever goes into a bearer header.
    Either,
}

/// What `place` is made for.
#[must_use]
pub fn takes(place: &Place) -> Takes {
    /// Fields of logins.
    const TOKENS: [&str; 8] = [
        "access",
        "accessToken",
        "refresh",
        "refreshToken",
        "refresh_token",
        "id_token",
        "token",
        "oauth_token",
    ];
    match place {
        Place::Env { name } | Place::Line { name, .. } => of_variable(name),
        // Gemini CLI keeps its key in its store under the names of a login (`token`, `accessToken`).
        Place::SealedField { .. } => Takes::Either,
        Place::Field { pointer, .. } | Place::Cell { pointer, .. } | Place::KeyringField { pointer, .. } => {
            let last = pointer.0.last().map(String::as_str).unwrap_or_default();
            let in_login = pointer.0.iter().any(|step| step == "tokens" || step == "claudeAiOauth");
            if in_login || TOKENS.contains(&last) { Takes::Token } else { of_variable(last) }
        }
        Place::File { .. }
        | Place::Keyring { .. }
        | Place::Command { .. }
        | Place::BuiltIn { .. }
        | Place::Sealed { .. } => Takes::Key,
    }
}

/// `CLAUDE_CODE_OAUTH_TOKEN` is a login's; other names with TOKEN (`ANTHROPIC_TOKEN`, `access_token` of a pool,
/// `GITHUB_TOKEN`) are used for both.
fn of_variable(name: &str) -> Takes {
    let name = name.to_ascii_uppercase();
    match () {
        () if name.contains("OAUTH") => Takes::Token,
        () if name.ends_with("TOKEN") => Takes::Either,
        () => Takes::Key,
    }
}

/// Whether the credential of a candidate is a login's: by its store, its field or its form.
#[must_use]
pub fn is_login(candidate: &Candidate, provider: Option<&str>, catalogue: &Catalogue) -> bool {
    let Some(text) = candidate.value.secret() else { return candidate.source == Source::Oauth };
    let form = hygiene::nature(text, provider, catalogue);
    // A key of a known form may have been put into a token's field.
    let is_key = catalogue.recognise(text).best().is_some_and(|found| !found.shape.kind.contains("oauth"));
    candidate.source == Source::Oauth
        || form == Nature::Login
        || (takes(&candidate.place) == Takes::Token && !is_key)
}

/// Whether `new` may be put at `place`.
pub(super) fn check(
    world: &dyn World,
    catalogue: &Catalogue,
    place: &Place,
    new: &Secret,
    provider: Option<&str>,
) -> Result<(), PlanError> {
    let is_login = hygiene::nature(new, provider, catalogue) == Nature::Login;
    let (why, hint) = match (takes(place), is_login) {
        (Takes::Key, true) => (
            "it takes an API key, and this is the token of a login",
            "a login's token goes into a token's place, such as CLAUDE_CODE_OAUTH_TOKEN, or is made by signing in",
        ),
        (Takes::Token, false) => (
            "it takes the token of a login, and this is none",
            "an API key goes into a key's place, such as ANTHROPIC_API_KEY",
        ),
        _ => return Ok(()),
    };
    Err(PlanError::NotWritable {
        place: place.show(world.home()),
        why: why.to_owned(),
        hint: hint.to_owned(),
    })
}

/// Whether the file of `place` belongs to a project rather than to the agent: the `.env` or `.envrc` of the folder that
/// a command is run in, which an application reads too, or a file there that git keeps.
#[must_use]
pub fn is_shared(world: &dyn World, place: &Place) -> bool {
    let Some(file) = place.file() else { return false };
    let in_project = |folder: &Path| {
        world.cwd().starts_with(folder)
            && world.home().is_none_or(|home| home != folder && !home.starts_with(folder))
    };
    let folder = file.parent().is_some_and(in_project);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let of_application = name == ".envrc" || name == ".env" || name.starts_with(".env.");
    let tracked = || {
        let inside = file.ancestors().skip(1).any(in_project);
        inside && lint::tracked_by_git(world, file) == Some(true)
    };
    (folder && of_application) || tracked()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Dialect, Format, Pointer};
    use crate::world::MemoryWorld;

    fn line(file: &str, name: &str) -> Place {
        Place::Line { file: file.into(), line: None, name: name.to_owned(), dialect: Dialect::NodeDotenv }
    }

    #[test]
    fn a_name_tells_what_a_place_takes() {
        let field = |steps: &[&str]| Place::Field {
            file: "/x.json".into(),
            format: Format::Json,
            pointer: Pointer::new(steps.iter().copied()),
        };
        assert_eq!(takes(&line("/.env", "ANTHROPIC_API_KEY")), Takes::Key);
        assert_eq!(takes(&line("/.env", "CLAUDE_CODE_OAUTH_TOKEN")), Takes::Token);
        assert_eq!(takes(&line("/.env", "ANTHROPIC_TOKEN")), Takes::Either);
        assert_eq!(takes(&field(&["env", "ANTHROPIC_AUTH_TOKEN"])), Takes::Either);
        assert_eq!(takes(&field(&["tokens", "access_token"])), Takes::Token);
        assert_eq!(takes(&field(&["credential_pool", "0", "access_token"])), Takes::Either);
        assert_eq!(takes(&field(&["profiles", "a:b", "token"])), Takes::Token);
        assert_eq!(takes(&field(&["profiles", "a:b", "key"])), Takes::Key);
    }

    #[test]
    fn the_env_file_of_a_project_is_shared_and_the_agents_own_is_not() {
        let world = MemoryWorld::new("/home/ann");
        assert!(is_shared(&world, &line("/home/ann/work/.env", "K")));
        for own in ["/home/ann/.env", "/home/ann/.gemini/.env", "/home/ann/work/.gemini/.env", "/srv/.env"] {
            assert!(!is_shared(&world, &line(own, "K")), "{own}");
        }
    }
}
