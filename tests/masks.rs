//! The printer masks keys and nothing else: what a scan of a recorded home says is shown as it is, apart from what cannot be
//! shown.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use keymend::agents;
use keymend::printer::{printable, visible};
use keymend::provider::Catalogue;
use keymend::resolve::Outcome;
use keymend::session::{self, Scan, Selector};
use keymend::source::Value;
use keymend::world::{MemoryWorld, Trouble, World as _};
use support::scenarios;

/// Everything that is shown of a scan and is no key: names, places, reasons, addresses.
fn said(scan: &Scan, home: Option<&std::path::Path>) -> Vec<String> {
    let mut said = Vec::new();
    for scanned in &scan.agents {
        let findings = &scanned.findings;
        said.extend(
            findings.found.iter().cloned().chain([findings.rules.clone()]).chain(findings.version.clone()),
        );
        said.extend(findings.troubles.iter().map(|(path, trouble)| format!("{} {trouble}", path.display())));
        said.extend(findings.lints.iter().map(|lint| lint.message.clone()));
        for slot in &findings.slots {
            said.extend([slot.profile.clone(), slot.agent_provider.clone()]);
            said.extend(slot.lints.iter().map(|lint| lint.message.clone()));
            match &slot.outcome {
                Outcome::Sends { base_url, .. } => said.push(base_url.clone()),
                Outcome::Nothing { reason } | Outcome::Hidden { reason } | Outcome::NotKnown { reason } => {
                    said.push(reason.clone());
                }
            }
            for candidate in &slot.candidates {
                said.extend([candidate.place.show(home), candidate.state.reason().to_owned()]);
                said.extend(candidate.name.clone());
                said.extend(candidate.lints.iter().map(|lint| lint.message.clone()));
                if let Value::Reference(text) = &candidate.value {
                    said.push(text.clone());
                }
            }
        }
    }
    said
}

#[test]
fn nothing_but_keys_is_masked_in_any_recorded_home() {
    let catalogue = Catalogue::embedded();
    let (mut masked, mut alarms, mut looked) = (Vec::new(), Vec::new(), 0);
    for scenario in scenarios() {
        let world = scenario.world();
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let scan = session::scan(&world, &catalogue, &[agent]);
        for text in said(&scan, world.home()) {
            looked += 1;
            if printable(&text) != visible(&text) {
                masked.push(format!("{}: {text} → {}", scenario.id, printable(&text)));
            }
        }
        let troubles = scan.agents.iter().flat_map(|scanned| &scanned.findings.troubles);
        alarms.extend(
            troubles
                .filter(|(_, trouble)| matches!(trouble, Trouble::KeyInName(_)))
                .map(|(path, trouble)| format!("{}: {} {trouble}", scenario.id, path.display())),
        );
    }
    assert!(looked > 5_000, "{looked} texts");
    assert!(masked.is_empty(), "{masked:#?}");
    assert!(alarms.is_empty(), "{alarms:#?}");
}

/// A name can be typed as it is shown, although it is not what the file says.
#[test]
fn a_name_that_is_shown_otherwise_can_be_typed_back() {
    let catalogue = Catalogue::embedded();
    let text = "GOOSE_PROVIDER: \"pr\\e[2Jx\"\nGOOSE_MODEL: m\n";
    let world = MemoryWorld::new("/home/ann").with_file(".config/goose/config.yaml", text);
    let scan = session::scan(&world, &catalogue, &[agents::find("goose").unwrap()]);
    let odd: Vec<_> = scan.slots().filter(|(_, _, slot)| slot.agent_provider.contains('\u{1b}')).collect();
    assert_eq!(
        odd.len(),
        1,
        "{:?}",
        scan.slots().map(|(_, _, slot)| &slot.agent_provider).collect::<Vec<_>>()
    );
    let (at, _, slot) = odd[0];
    for name in [&slot.agent_provider, &printable(&slot.agent_provider)] {
        assert_eq!(scan.select(&Selector::parse(&format!("goose/{name}"))), [at], "{name:?}");
    }
}
