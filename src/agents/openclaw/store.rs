//! The credential stores of the four eras: what profiles there are, in which order they were chosen, and how healthy
//! they are, merged for one agent as OpenClaw merges them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::Site;
use super::era::{Era, Rules};
use super::providers;
use crate::source::{Cell, Format, Place, Pointer, tilde};
use crate::world::{FileState, Table, TableState};

/// The type of a stored credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A login with access and refresh token.
    Oauth,
    /// A bearer token.
    Token,
    /// A plain key.
    ApiKey,
}

impl Kind {
    fn parse(text: &str, rules: Rules) -> Option<Self> {
        match text {
            "api_key" => Some(Self::ApiKey),
            "apiKey" if rules == Rules::New => Some(Self::ApiKey),
            "token" => Some(Self::Token),
            "oauth" => Some(Self::Oauth),
            _ => None,
        }
    }

    /// OpenClaw's name of the type.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::Token => "token",
            Self::ApiKey => "api_key",
        }
    }
}

/// A JSON document with profiles or their state: a file or a database cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// A strict JSON file.
    File(PathBuf),
    /// A cell.
    Cell(Cell),
}

impl Home {
    /// The place of a member of this document.
    pub(super) fn place(&self, pointer: Pointer) -> Place {
        match self {
            Self::File(file) => Place::Field { file: file.clone(), format: Format::Json, pointer },
            Self::Cell(cell) => Place::Cell { cell: cell.clone(), pointer },
        }
    }
}

/// One stored credential.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    /// Its id: `anthropic:default`.
    pub id: String,
    /// Its type.
    pub kind: Kind,
    /// The provider it says it is for.
    pub provider: String,
    /// The entry as it is.
    entry: Map<String, Json>,
    /// The document that holds it.
    pub home: Home,
    /// The steps to the entry.
    steps: Vec<String>,
}

impl Profile {
    fn new(
        id: &str,
        entry: &Json,
        rules: Rules,
        home: &Home,
        steps: Vec<String>,
        provider: Option<&str>,
    ) -> Option<Self> {
        let entry = entry.as_object()?.clone();
        let text = |name: &str| entry.get(name).and_then(Json::as_str);
        let kind = Kind::parse(text("type").or_else(|| text("mode"))?, rules)?;
        let provider = text("provider").or(provider).map(str::trim).filter(|p| !p.is_empty())?.to_owned();
        Some(Self { id: id.to_owned(), kind, provider, entry, home: home.clone(), steps })
    }

    /// A member of the entry.
    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        self.entry.get(name)
    }

    /// The member that holds the credential, by its real name.
    pub(super) fn secret_member(&self) -> &'static str {
        match self.kind {
            Kind::ApiKey if !self.entry.contains_key("key") && self.entry.contains_key("apiKey") => "apiKey",
            Kind::ApiKey => "key",
            Kind::Token => "token",
            Kind::Oauth => "access",
        }
    }

    /// The reference beside the inline value.
    pub(super) fn reference(&self) -> Option<&Json> {
        match self.kind {
            Kind::ApiKey => self.entry.get("keyRef"),
            Kind::Token => self.entry.get("tokenRef"),
            Kind::Oauth => None,
        }
    }

    /// The place of a member.
    pub(super) fn place(&self, member: &str) -> Place {
        self.home.place(Pointer::new(self.steps.iter().cloned()).join(member))
    }

    /// A saved replacement that is not in force yet (2026.9.6).
    pub(super) fn is_inactive_setup(&self) -> bool {
        self.entry.get("setup").and_then(|setup| setup.get("replacement")) == Some(&Json::Bool(true))
    }
}

/// The health record of one profile.
#[derive(Clone, Debug)]
pub(super) struct Health {
    /// The record as it is.
    pub record: Map<String, Json>,
    /// The document that holds it.
    pub home: Home,
}

/// What one agent sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    /// All profiles in the merged order.
    pub profiles: Vec<Profile>,
    /// Stored orders by provider.
    pub orders: BTreeMap<String, (Vec<String>, Home)>,
    /// Health by profile id.
    pub health: BTreeMap<String, Health>,
    /// Why OpenClaw refuses to run at all, where it does, and the file that makes it so.
    pub blocked: Option<(String, PathBuf)>,
    /// Why the store cannot be told.
    pub unknown: Option<String>,
    /// The document that a new order or health record goes to.
    pub state_home: Option<Home>,
    /// Whether any document with profiles was there.
    pub present: bool,
    /// Profile id to its position, once everything is merged.
    positions: HashMap<String, usize>,
}

impl Store {
    /// A profile by its id.
    pub(super) fn profile(&self, id: &str) -> Option<&Profile> {
        match self.positions.get(id) {
            Some(at) => self.profiles.get(*at),
            None if self.positions.is_empty() => self.profiles.iter().find(|profile| profile.id == id),
            None => None,
        }
    }

    /// The stored order for a provider.
    pub(super) fn order(&self, rules: Rules, provider: &str) -> Option<&(Vec<String>, Home)> {
        self.orders.iter().find(|(key, _)| providers::auth_id(rules, key) == provider).map(|(_, order)| order)
    }

    /// Lays `other` behind this one: what is here wins. The position is that of the first.
    fn backed_by(mut self, other: Self) -> Self {
        let here: HashSet<String> = self.profiles.iter().map(|profile| profile.id.clone()).collect();
        let more = other.profiles.into_iter().filter(|profile| !here.contains(&profile.id));
        self.profiles.extend(more);
        self.fill(other.orders, other.health, other.blocked, other.unknown);
        self.state_home = self.state_home.or(other.state_home);
        self.present |= other.present;
        self
    }

    /// Lays `over` on this one: its values win, new ids come last.
    fn overlaid(mut self, over: Self) -> Self {
        let Self { profiles, orders, health, blocked, unknown, state_home, present, .. } = over;
        let mut at: HashMap<String, usize> =
            self.profiles.iter().enumerate().map(|(at, profile)| (profile.id.clone(), at)).collect();
        for profile in profiles {
            if let Some(at) = at.get(&profile.id) {
                self.profiles[*at] = profile;
            } else {
                at.insert(profile.id.clone(), self.profiles.len());
                self.profiles.push(profile);
            }
        }
        self.orders.extend(orders);
        self.health.extend(health);
        self.blocked = blocked.or(self.blocked);
        self.unknown = unknown.or(self.unknown);
        self.state_home = state_home.or(self.state_home);
        self.present |= present;
        self
    }

    fn fill(
        &mut self,
        orders: BTreeMap<String, (Vec<String>, Home)>,
        health: BTreeMap<String, Health>,
        blocked: Option<(String, PathBuf)>,
        unknown: Option<String>,
    ) {
        for (provider, order) in orders {
            self.orders.entry(provider).or_insert(order);
        }
        for (id, record) in health {
            self.health.entry(id).or_insert(record);
        }
        self.blocked = self.blocked.take().or(blocked);
        self.unknown = self.unknown.take().or(unknown);
    }
}

/// The stores that `agent` reads, merged.
pub(super) fn load(site: &Site<'_>, agent: &str) -> Store {
    let mut store = match site.era {
        Era::A | Era::B => load_files(site, agent),
        Era::C => load_agent_databases(site, agent),
        Era::D => load_shared(site, agent),
    };
    store.positions =
        store.profiles.iter().enumerate().map(|(at, profile)| (profile.id.clone(), at)).collect();
    store
}

/// 2026.3.13 lays the agent's own store over main's; an agent without one takes main's.
fn load_files(site: &Site<'_>, agent: &str) -> Store {
    let main = files_of(site, "main");
    if agent == "main" {
        return main;
    }
    let own = files_of(site, agent);
    if own.present || main.profiles.is_empty() { merged(site, main, own) } else { main }
}

fn merged(site: &Site<'_>, main: Store, own: Store) -> Store {
    match site.rules {
        Rules::Old => main.overlaid(own),
        Rules::New => own.backed_by(main),
    }
}

/// One agent's JSON files; without a readable `auth-profiles.json` the legacy ones are imported.
fn files_of(site: &Site<'_>, agent: &str) -> Store {
    let dir = site.agent_dir(agent);
    let path = dir.join("auth-profiles.json");
    let home = Home::File(path.clone());
    let doc = strict_json(site, &path).filter(|doc| doc.get("profiles").is_some_and(Json::is_object));
    let mut store = Store { state_home: Some(home.clone()), ..Store::default() };
    let Some(doc) = doc else {
        import_legacy(site, agent, &mut store);
        return store;
    };
    store.present = true;
    add_profiles(&mut store, &doc, site.rules, &home);
    let state_path = dir.join("auth-state.json");
    match strict_json(site, &state_path).filter(|_| site.era == Era::B) {
        Some(state) => {
            let home = Home::File(state_path);
            add_state(&mut store, &state, &home);
            store.state_home = Some(home);
        }
        None => add_state(&mut store, &doc, &home),
    }
    store
}

/// `auth.json` of the agent and `oauth.json` of the credentials folder, as 2026.3.13 imports them on first use.
fn import_legacy(site: &Site<'_>, agent: &str, store: &mut Store) {
    let path = site.agent_dir(agent).join("auth.json");
    if let Some(Json::Object(entries)) = strict_json(site, &path).filter(|doc| doc.get("profiles").is_none())
    {
        let home = Home::File(path);
        store.profiles.extend(entries.iter().filter_map(|(provider, entry)| {
            let id = format!("{provider}:default");
            Profile::new(&id, entry, site.rules, &home, vec![provider.clone()], Some(provider))
        }));
    }
    let path = site.install.oauth_dir.join("oauth.json");
    let Some(Json::Object(entries)) = strict_json(site, &path) else { return };
    let home = Home::File(path);
    for (provider, entry) in entries {
        let Json::Object(mut entry) = entry else { continue };
        entry.entry("type").or_insert_with(|| Json::from("oauth"));
        let id = format!("{provider}:default");
        let steps = vec![provider.clone()];
        let profile = Profile::new(&id, &Json::Object(entry), site.rules, &home, steps, Some(&provider));
        if store.profile(&id).is_none() {
            store.profiles.extend(profile);
        }
    }
}

/// 2026.6 and 2026.7: each agent's database, main's behind it.
fn load_agent_databases(site: &Site<'_>, agent: &str) -> Store {
    let main = database_of(site, "main");
    if agent == "main" { main } else { merged(site, main, database_of(site, agent)) }
}

/// 2026.8 and later: the agent's own rows first, then the shared ones.
fn load_shared(site: &Site<'_>, agent: &str) -> Store {
    let mut own = database_of(site, agent);
    own.blocked = retired_files(site, agent, !own.profiles.is_empty());
    if shared_in_state_db(site) {
        let mut shared = Store::default();
        add_cell(site, &mut shared, &machine_cell(site, "authProfiles.store"), add_profiles_of);
        add_cell(site, &mut shared, &machine_cell(site, "authProfiles.state"), |store, doc, _, home| {
            add_state(store, doc, home);
        });
        shared.state_home = Some(Home::Cell(machine_cell(site, "authProfiles.state")));
        let local = own.present;
        let mut store = own.backed_by(shared);
        if !local {
            store.state_home = Some(Home::Cell(machine_cell(site, "authProfiles.state")));
        }
        return store;
    }
    if agent == "main" {
        return own;
    }
    let main = database_of(site, "main");
    let store = own.backed_by(main);
    let main_leftover = retired_files(site, "main", !database_of(site, "main").profiles.is_empty());
    match (&store.blocked, main_leftover) {
        (None, Some(_)) => Store { unknown: Some(MAIN_LEFTOVER.to_owned()), ..store },
        _ => store,
    }
}

const MAIN_LEFTOVER: &str = "the main agent has a retired auth-profiles.json that stops it; whether it stops this agent \
     too is unknown";

/// Whether the shared store is in the state database; absent or `legacy-main` means main's own database.
fn shared_in_state_db(site: &Site<'_>) -> bool {
    let table = table_of(&machine_cell(site, "auth.sharedStore"));
    let state = site.world.table(&table);
    let location = state.get("auth.sharedStore").and_then(|text| serde_json::from_str::<Json>(text).ok());
    location.is_some_and(|row| row.get("location") == Some(&Json::from("state-db")))
}

/// The retired files that stop 2026.8 and later while the agent's own database holds no profile: the check looks at
/// the agent's database alone, whatever the shared store holds.
fn retired_files(site: &Site<'_>, agent: &str, migrated: bool) -> Option<(String, PathBuf)> {
    let dir = site.agent_dir(agent);
    let mut files = vec![dir.join("auth-profiles.json"), dir.join("auth.json")];
    if agent == "main" {
        files.push(site.install.oauth_dir.join("oauth.json"));
    }
    let file = files.into_iter().find(|file| !migrated && site.world.exists(file))?;
    let db = tilde(&dir.join("openclaw-agent.sqlite"), site.world.home());
    let reason = format!(
        "AUTH_PROFILE_MIGRATION_REQUIRED: {} is a retired store, and {db} holds no profile yet; OpenClaw sends nothing \
         until openclaw doctor --fix has moved it",
        tilde(&file, site.world.home())
    );
    Some((reason, file))
}

/// One agent's database.
fn database_of(site: &Site<'_>, agent: &str) -> Store {
    let cell = |table, key_column, value_column| Cell {
        db: site.agent_dir(agent).join("openclaw-agent.sqlite"),
        table,
        key_column,
        key: "primary".to_owned(),
        value_column,
        stamp_column: Some("updated_at"),
    };
    let mut store = Store::default();
    let profiles = cell("auth_profile_store", "store_key", "store_json");
    let state = cell("auth_profile_state", "state_key", "state_json");
    add_cell(site, &mut store, &profiles, add_profiles_of);
    add_cell(site, &mut store, &state, |store, doc, _, home| add_state(store, doc, home));
    store.state_home = Some(Home::Cell(state));
    store
}

/// A row of the state database.
fn machine_cell(site: &Site<'_>, key: &str) -> Cell {
    Cell {
        db: site.install.state_db(),
        table: "config_machine_state",
        key_column: "state_key",
        key: key.to_owned(),
        value_column: "value_json",
        stamp_column: Some("updated_at_ms"),
    }
}

/// A row of the state database as JSON.
pub(super) fn machine_row(site: &Site<'_>, key: &str) -> Option<Json> {
    let state = site.world.table(&table_of(&machine_cell(site, key)));
    serde_json::from_str(state.get(key)?).ok()
}

fn table_of(cell: &Cell) -> Table {
    Table {
        db: cell.db.clone(),
        name: cell.table,
        key_column: cell.key_column,
        value_column: cell.value_column,
        live_when_null: None,
    }
}

fn add_cell(site: &Site<'_>, store: &mut Store, cell: &Cell, add: fn(&mut Store, &Json, Rules, &Home)) {
    match site.world.table(&table_of(cell)) {
        TableState::Unreadable(trouble) => {
            let db = tilde(&cell.db, site.world.home());
            store.unknown = Some(format!("{db} {trouble}; the profiles in it cannot be told"));
        }
        state => {
            let Some(text) = state.get(&cell.key) else { return };
            if let Ok(doc) = serde_json::from_str::<Json>(text) {
                add(store, &doc, site.rules, &Home::Cell(cell.clone()));
            } else {
                let db = tilde(&cell.db, site.world.home());
                store.unknown = Some(format!("row {} of {db} is not JSON", cell.key));
            }
        }
    }
}

fn add_profiles_of(store: &mut Store, doc: &Json, rules: Rules, home: &Home) {
    store.present = true;
    add_profiles(store, doc, rules, home);
}

fn add_profiles(store: &mut Store, doc: &Json, rules: Rules, home: &Home) {
    let entries = doc.get("profiles").and_then(Json::as_object);
    store.profiles.extend(entries.into_iter().flatten().filter_map(|(id, entry)| {
        Profile::new(id, entry, rules, home, vec!["profiles".to_owned(), id.clone()], None)
    }));
}

/// `order` (empty lists count as none) and `usageStats`.
fn add_state(store: &mut Store, doc: &Json, home: &Home) {
    for (provider, list) in doc.get("order").and_then(Json::as_object).into_iter().flatten() {
        let ids: Vec<String> = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        if !ids.is_empty() {
            store.orders.insert(provider.clone(), (ids, home.clone()));
        }
    }
    for (id, record) in doc.get("usageStats").and_then(Json::as_object).into_iter().flatten() {
        if let Json::Object(record) = record {
            store.health.insert(id.clone(), Health { record: record.clone(), home: home.clone() });
        }
    }
}

/// A strict JSON file; what does not parse is treated as not there, without a word from OpenClaw.
pub(super) fn strict_json(site: &Site<'_>, path: &Path) -> Option<Json> {
    match &*site.world.read(path) {
        FileState::Regular(content) => serde_json::from_slice(&content.bytes).ok(),
        _ => None,
    }
}
