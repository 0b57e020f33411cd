//! Claude on somebody else's cloud: the variable that switches it on, and what it sends (2.1.329, from the program's source
//! and the recordings fj-h3-cc-* and cc-cloud-*).

use crate::agents::engine::{Clash, Question, Request, Without};
use crate::resolve::{Header, Outcome};
use crate::world::World;

use super::credentials::Variable;
use super::decide::{self, Kind, Row};
use super::settings::Settings;
use super::{Claude, headers};

/// A cloud: its switch, the credentials it takes, where they go.
pub struct Cloud {
    id: &'static str,
    switch: &'static str,
    provider: Option<&'static str>,
    /// Its own variables, strongest first.
    keys: &'static [(&'static str, Kind)],
    /// The variable that switches off the cloud's own login.
    skip: &'static str,
    /// What is sent then.
    skipped: Skipped,
    base_url: fn(&dyn World, &Settings) -> Option<String>,
    /// Who else has a credential.
    otherwise: &'static str,
}

/// What is sent where the cloud's own login is left out: Anthropic's token or the helper's output as bearer, and…
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// …nothing else.
    Token,
    /// …Anthropic's key beside a bearer.
    KeyBeside,
    /// …Anthropic's key, with or without it.
    Key,
    /// …the same text in `x-api-key`, in the place of the cloud's own key.
    Twice,
    /// …where there is none, a placeholder.
    Placeholder,
}

/// In the order in which they win.
const CLOUDS: &[Cloud] = &[
    Cloud {
        id: "bedrock",
        switch: "CLAUDE_CODE_USE_BEDROCK",
        provider: Some("bedrock"),
        keys: &[("AWS_BEARER_TOKEN_BEDROCK", Kind::CloudToken)],
        skip: "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
        skipped: Skipped::KeyBeside,
        base_url: |world, settings| {
            let address = |region: &str| format!("https://bedrock-runtime.{region}.amazonaws.com");
            in_region(world, settings, "ANTHROPIC_BEDROCK_BASE_URL", address)
        },
        otherwise: "the AWS credential chain signs the requests",
    },
    Cloud {
        id: "foundry",
        switch: "CLAUDE_CODE_USE_FOUNDRY",
        provider: None,
        keys: &[
            ("ANTHROPIC_FOUNDRY_AUTH_TOKEN", Kind::CloudToken),
            ("ANTHROPIC_FOUNDRY_API_KEY", Kind::CloudKey),
        ],
        skip: "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
        skipped: Skipped::Placeholder,
        base_url: foundry,
        otherwise: "Microsoft Entra gives the token",
    },
    Cloud {
        id: "anthropic-aws",
        switch: "CLAUDE_CODE_USE_ANTHROPIC_AWS",
        provider: None,
        keys: &[("ANTHROPIC_AWS_API_KEY", Kind::CloudKey)],
        skip: "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH",
        skipped: Skipped::Twice,
        base_url: |world, settings| {
            let address = |region: &str| format!("https://aws-external-anthropic.{region}.api.aws");
            in_region(world, settings, "ANTHROPIC_AWS_BASE_URL", address)
        },
        otherwise: "the AWS credential chain signs the requests",
    },
    Cloud {
        id: "anthropic-google-cloud",
        switch: "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
        provider: None,
        keys: &[],
        skip: "CLAUDE_CODE_SKIP_ANTHROPIC_GOOGLE_CLOUD_AUTH",
        skipped: Skipped::Token,
        base_url: |_, _| None,
        otherwise: "Google's own login gives the token",
    },
    Cloud {
        id: "mantle",
        switch: "CLAUDE_CODE_USE_MANTLE",
        provider: None,
        keys: &[("AWS_BEARER_TOKEN_BEDROCK", Kind::CloudToken)],
        skip: "CLAUDE_CODE_SKIP_MANTLE_AUTH",
        skipped: Skipped::Token,
        base_url: |world, settings| {
            let address = |region: &str| format!("https://bedrock-mantle.{region}.api.aws");
            in_region(world, settings, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL", address)
        },
        otherwise: "the AWS credential chain signs the requests",
    },
    Cloud {
        id: "vertex",
        switch: "CLAUDE_CODE_USE_VERTEX",
        provider: Some("vertex"),
        keys: &[],
        skip: "CLAUDE_CODE_SKIP_VERTEX_AUTH",
        skipped: Skipped::Key,
        base_url: |world, settings| settings.text(world, "ANTHROPIC_VERTEX_BASE_URL"),
        otherwise: "Google's own login gives the token",
    },
];

/// The address that `variable` sets, else the one of the region.
fn in_region(
    world: &dyn World,
    settings: &Settings,
    variable: &str,
    address: impl Fn(&str) -> String,
) -> Option<String> {
    let region = || {
        let set = settings.text(world, "AWS_REGION").or_else(|| settings.text(world, "AWS_DEFAULT_REGION"));
        set.or_else(|| configured_region(world, settings)).unwrap_or_else(|| "us-east-1".to_owned())
    };
    settings.text(world, variable).or_else(|| Some(address(&region())))
}

/// The region of the AWS profile in use, from the shared configuration file.
fn configured_region(world: &dyn World, settings: &Settings) -> Option<String> {
    let file = match settings.text(world, "AWS_CONFIG_FILE") {
        Some(path) => world.cwd().join(path),
        None => world.home()?.join(".aws/config"),
    };
    let state = world.read(&file);
    let profile = settings.text(world, "AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let mut inside = false;
    for line in state.text()?.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            let name = name.trim();
            inside =
                name == profile || name.strip_prefix("profile").is_some_and(|name| name.trim() == profile);
        } else if let (true, Some(("region", region))) =
            (inside, line.split_once('=').map(|(name, value)| (name.trim(), value.trim())))
        {
            return Some(region.to_owned());
        }
    }
    None
}

fn foundry(world: &dyn World, settings: &Settings) -> Option<String> {
    let resource = || settings.text(world, "ANTHROPIC_FOUNDRY_RESOURCE");
    settings
        .text(world, "ANTHROPIC_FOUNDRY_BASE_URL")
        .or_else(|| resource().map(|name| format!("https://{name}.services.ai.azure.com/anthropic")))
}

/// The cloud that is switched on.
pub fn switched_on(world: &dyn World, settings: &Settings) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| settings.on(world, cloud.switch))
}

impl Cloud {
    /// What there is for it.
    pub fn ask(&self, claude: &Claude<'_>) -> Question {
        let Claude { world, settings, credentials, .. } = claude;
        let world = *world;
        let skips = settings.on(world, self.skip);
        let rows = self.rows(claude, skips);
        let live = rows.iter().position(Row::is_live);
        let bearer = live.is_some_and(|at| rows[at].kind != Kind::Key && rows[at].kind != Kind::CloudKey);
        let also = match live {
            Some(at) if skips && self.skipped == Skipped::Twice => Some((at, Header::raw("x-api-key"))),
            Some(_) if skips => {
                let key = rows.iter().position(|row| row.kind == Kind::Key && row.is_live());
                key.filter(|_| bearer).map(|at| (at, Header::raw("x-api-key")))
            }
            _ => None,
        };
        let mut own = headers::all(credentials, |name| {
            let yields = bearer && name.eq_ignore_ascii_case("authorization");
            if yields { Clash::Yields } else { Clash::Replaces }
        });
        // Only a start without the cloud's own login takes an Authorization of the person's.
        own.retain(|own| skips || !own.is_named("authorization"));
        let base_url = (self.base_url)(world, settings);
        let stops = settings.stops(world).or_else(|| headers::refused(credentials));
        let stops = stops.or_else(|| self.incomplete(claude, base_url.as_deref()));
        let twice = self.skipped == Skipped::Twice
            && live.is_none()
            && own.iter().any(|own| own.is_named("authorization"));
        let unknown = if base_url.is_none() && (live.is_some() || !own.is_empty()) {
            Some("no known variable sets the address")
        } else {
            twice.then_some("what an Authorization in ANTHROPIC_CUSTOM_HEADERS does here is unknown")
        };
        let request = Request {
            library: decide::library,
            also,
            without: self.without(skips, own.is_empty()),
            own,
            ..Request::new(Header::Bearer, base_url.unwrap_or_default(), "")
        };
        Question {
            provider: self.provider.map(ToOwned::to_owned),
            in_use: true,
            refusal: stops.map(Outcome::nothing).or_else(|| unknown.map(Outcome::unknown)),
            ..Question::new(self.id, rows.into_iter().map(Row::into_offer).collect(), request)
        }
    }

    fn rows(&self, claude: &Claude<'_>, skips: bool) -> Vec<Row> {
        let Claude { world, settings, credentials, .. } = claude;
        let mut own = Vec::new();
        for (name, kind) in self.keys {
            let variable = Variable { found: settings.variable(*world, name), unused: settings.unused(name) };
            own.extend(decide::variable(*kind, &variable, &format!("{} is on", self.switch)));
        }
        if !skips {
            return own;
        }
        let why = format!("{} is on, so that the cloud's own login is not used", self.skip);
        let mut general = decide::variable(Kind::Token, &credentials.token, &why);
        general.extend(decide::helpers(credentials));
        if self.skipped == Skipped::Twice {
            let unused = || format!("{} is on, so that it is not used", self.skip);
            general.extend(own.into_iter().map(|row| row.ignored(unused())));
            return general;
        }
        if self.skipped == Skipped::Token {
            general.extend(own);
            return general;
        }
        own.extend(general);
        let bearer = own.iter().any(Row::is_live) || headers::names(credentials, "authorization");
        if self.skipped == Skipped::Key || self.skipped == Skipped::KeyBeside && bearer {
            own.extend(decide::variable(Kind::Key, &credentials.key, &why));
        }
        own
    }

    /// What happens without a credential of its own.
    fn without(&self, skips: bool, alone: bool) -> Without {
        match (skips, self.skipped) {
            (true, Skipped::Placeholder) if alone => {
                let reason = "the request has the placeholder skip-foundry-auth in the place of a key";
                Without::Ends(Outcome::nothing(reason))
            }
            (true, _) => {
                Without::Bare("the request has no credential: the cloud's own login is left out".to_owned())
            }
            (false, _) => Without::Ends(Outcome::hidden(self.otherwise)),
        }
    }

    /// What is missing for a request.
    fn incomplete(&self, claude: &Claude<'_>, base_url: Option<&str>) -> Option<String> {
        let Claude { world, settings, credentials, .. } = claude;
        let set = |name: &str| settings.effective(*world, name).is_some();
        match self.id {
            "foundry" if set("ANTHROPIC_FOUNDRY_BASE_URL") && set("ANTHROPIC_FOUNDRY_RESOURCE") => {
                let both = "ANTHROPIC_FOUNDRY_BASE_URL and ANTHROPIC_FOUNDRY_RESOURCE exclude each other";
                Some(format!("API Error: {both}"))
            }
            "foundry" if base_url.is_none() => Some(
                "API Error: ANTHROPIC_FOUNDRY_BASE_URL or ANTHROPIC_FOUNDRY_RESOURCE must be set".to_owned(),
            ),
            "foundry" if !set("ANTHROPIC_FOUNDRY_BASE_URL") => {
                let resource = settings.text(*world, "ANTHROPIC_FOUNDRY_RESOURCE")?;
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
                let fits = (2..=64).contains(&resource.len()) && resource.chars().all(plain);
                let fits = fits && !resource.starts_with('-') && !resource.ends_with('-');
                (!fits).then(|| {
                    "ANTHROPIC_FOUNDRY_RESOURCE must be the name of a resource, not an address".to_owned()
                })
            }
            "anthropic-aws" => {
                let header = headers::names(credentials, "anthropic-workspace-id");
                let missing = !header && !set("ANTHROPIC_AWS_WORKSPACE_ID");
                missing.then(|| "API Error: No workspace ID found: set ANTHROPIC_AWS_WORKSPACE_ID".to_owned())
            }
            _ => None,
        }
    }
}
