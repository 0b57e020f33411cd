//! The configurations of the projects that a person trusts: `.codex/config.toml` from the root of the project down to the
//! working directory (`codex-rs/config/src/loader/mod.rs`).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::Doc;
use crate::world::World;

/// What a project cannot set: Codex skips it, whatever its value (asked of 0.171.0 field by field).
const NOT_OF_PROJECTS: &[&str] = &[
    "apps_mcp_product_sku",
    "chatgpt_base_url",
    "experimental_realtime_webrtc_call_base_url",
    "experimental_realtime_ws_base_url",
    "model_provider",
    "model_providers",
    "notify",
    "openai_base_url",
    "otel",
    "profile",
    "profiles",
    "responses_api_metadata",
];

/// The configurations of trusted projects, weakest first, without what a project cannot set. One that is not trusted is
/// not looked at, broken or not.
pub fn trusted(world: &dyn World, home: &Path, config: &Json) -> Vec<Doc> {
    let Some(projects) = config.get("projects").and_then(Json::as_object) else { return Vec::new() };
    let trust = |folder: &Path| projects.get(folder.to_str()?)?.get("trust_level")?.as_str();
    let root = root(world, config);
    let above: Vec<&Path> = world.cwd().ancestors().collect();
    let last = above.iter().position(|folder| *folder == root).unwrap_or(0);
    let of_repository = repository(world);
    let is_trusted = |folder: &Path| {
        let levels = [Some(folder), Some(root.as_path()), of_repository.as_deref()];
        levels.into_iter().flatten().find_map(trust) == Some("trusted")
    };
    let folders = above.into_iter().take(last + 1).filter(|folder| folder.join(".codex") != home);
    let mut all: Vec<Doc> = folders
        .filter(|folder| is_trusted(folder))
        .map(|folder| Doc::toml(world, folder.join(".codex/config.toml")))
        .filter(|doc| doc.present)
        .collect();
    for fields in all.iter_mut().filter_map(|doc| doc.root.as_object_mut()) {
        fields.retain(|name, _| !NOT_OF_PROJECTS.contains(&name.as_str()));
    }
    all.reverse();
    all
}

/// The nearest folder upward with a marker, `.git` where none is configured; else the working directory.
fn root(world: &dyn World, config: &Json) -> PathBuf {
    let markers = config.get("project_root_markers").and_then(Json::as_array);
    let markers: Vec<&str> =
        markers.map_or_else(|| vec![".git"], |all| all.iter().filter_map(Json::as_str).collect());
    let has = |folder: &&Path| markers.iter().any(|marker| world.exists(&folder.join(marker)));
    world.cwd().ancestors().find(has).unwrap_or_else(|| world.cwd()).to_owned()
}

/// The folder of the repository; of a worktree, the main one.
fn repository(world: &dyn World) -> Option<PathBuf> {
    let folder = world.cwd().ancestors().find(|folder| world.exists(&folder.join(".git")))?;
    let link = world.read(&folder.join(".git"));
    let main = link.text().and_then(|text| {
        let of_worktree = Path::new(text.trim().strip_prefix("gitdir:")?.trim());
        // `MAIN/.git/worktrees/NAME`
        of_worktree.ancestors().nth(3).map(Path::to_owned)
    });
    Some(main.unwrap_or_else(|| folder.to_owned()))
}
