//! The providers as a table, for the documentation and for `keymend providers`.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Catalogue, Confidence, Honesty, Provider};
use crate::printer::printable;

/// One provider in `keymend providers --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Listed<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The variables that hold its keys.
    pub env: &'a [String],
    /// Its addresses.
    pub base_urls: Vec<&'a str>,
    /// The header that carries a key.
    pub header: &'a str,
    /// The kinds of keys.
    pub kinds: Vec<&'a str>,
    /// The request that tests a key.
    pub probe: String,
    /// What a success proves.
    pub proves: &'a str,
    /// What it costs.
    pub costs: &'a str,
    /// Whether the person is asked before it is sent.
    pub asks: bool,
    /// How sure it is that a wrong key is refused there.
    pub honesty: Honesty,
    /// How sure the whole is.
    pub confidence: Confidence,
    /// Where a new key is made.
    pub console_url: &'a str,
}

impl<'a> Listed<'a> {
    fn of(provider: &'a Provider) -> Self {
        Self {
            id: &provider.id,
            name: &provider.name,
            env: &provider.env,
            base_urls: provider.hosts.iter().map(|host| host.base.as_str()).collect(),
            header: &provider.auth.header,
            kinds: provider.keys.iter().map(|shape| shape.kind.as_str()).collect(),
            probe: format!("{} {}", provider.probe.method, provider.probe.path),
            proves: &provider.probe.proves,
            costs: &provider.probe.costs,
            asks: provider.probe.asks,
            honesty: provider.probe.honesty,
            confidence: provider.probe.confidence,
            console_url: &provider.console_url,
        }
    }
}

impl Catalogue {
    /// The list behind `keymend providers --json`.
    #[must_use]
    pub fn list(&self) -> Vec<Listed<'_>> {
        self.all().iter().map(Listed::of).collect()
    }

    /// The table of `docs/providers.md`.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "| Provider | Keys are in | Tested by | A success proves | Costs |\n| --- | --- | --- | --- | --- |\n",
        );
        for provider in self.all() {
            let env: Vec<String> = provider.env.iter().take(3).map(|name| format!("`{name}`")).collect();
            let doubt = match provider.probe.honesty {
                Honesty::Unknown => "; a broken twin of the key has to be refused",
                Honesty::None => "; never that a key is good",
                _ => "",
            };
            let _ = writeln!(
                out,
                "| {} (`{}`) | {} | `{} {}` | {}{doubt} | {} |",
                cell(&provider.name),
                cell(&provider.id),
                cell(&env.join(", ")),
                provider.probe.method,
                cell(&provider.probe.path),
                cell(&provider.probe.proves),
                cell(&provider.probe.costs),
            );
        }
        out
    }

    /// The list as text, one line a provider.
    #[must_use]
    pub fn lines(&self) -> String {
        let width = self.all().iter().map(|provider| provider.id.len()).max().unwrap_or(0);
        let mut out = String::new();
        for provider in self.all() {
            let env = provider.env.first().map_or("-", String::as_str);
            let (id, env, name) = (printable(&provider.id), printable(env), printable(&provider.name));
            let _ = writeln!(out, "{id:width$}  {env:28}  {name}");
        }
        for trouble in &self.troubles {
            let _ = writeln!(out, "! {}", printable(trouble));
        }
        out
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    printable(&text.replace('\n', " ")).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_provider() {
        let catalogue = Catalogue::embedded();
        let table = catalogue.markdown();
        assert_eq!(table.lines().count(), catalogue.all().len() + 2);
        assert!(table.contains("| OpenRouter (`openrouter`) | `OPENROUTER_API_KEY` | `GET /key` |"));
        assert_eq!(catalogue.lines().lines().count(), catalogue.all().len());
        let json = serde_json::to_value(catalogue.list()).unwrap();
        let listed = json.as_array().unwrap().iter().find(|own| own["id"] == "anthropic").unwrap();
        assert_eq!(listed["honesty"], "seen-in-code");
    }
}
