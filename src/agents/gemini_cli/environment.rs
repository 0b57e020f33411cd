//! Which `.env` file Gemini CLI reads: the first one upward from the working directory, then at home.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::engine::EnvFiles;
use crate::world::World;

use super::settings::{Settings, Trust};

/// Looks for the files. Without trust only plain `.env` files count.
pub fn read(world: &dyn World, settings: &Settings) -> EnvFiles {
    let trusted = settings.trust == Trust::Trusted;
    let ignore =
        settings.get(&["advanced", "ignoreLocalEnv"]).is_some_and(|(_, value)| *value == Json::Bool(true));
    let home = &settings.home;
    let both = |folder: &Path| [folder.join(".gemini/.env"), folder.join(".env")];
    let mut paths: Vec<PathBuf> = world.cwd().ancestors().flat_map(both).collect();
    paths.extend(both(home));
    let may_be_read = |path: &Path| {
        let local = path != home.join(".env") && path != home.join(".gemini/.env");
        (trusted || !is_own(path)) && !(ignore && local)
    };
    // A file outside of any `.gemini` folder may be told to leave variables out.
    let excluded = |path: &Path| {
        let list = settings.get(&["advanced", "excludedEnvVars"]).and_then(|(_, list)| list.as_array());
        let names = list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
        names.filter(|_| !path.to_string_lossy().contains(".gemini")).collect()
    };
    EnvFiles::read(world, paths, may_be_read, excluded)
}

fn is_own(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(".gemini"))
}
