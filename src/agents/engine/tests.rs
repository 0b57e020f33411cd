//! What one decision holds: a row is active exactly where the request has its key.

use super::*;
use crate::resolve::{Gives, Header, State};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

fn env(name: &str) -> Offer {
    let place = Place::Env { name: name.to_owned() };
    Offer::usable(Source::Env, place, Value::of(Some(name.to_lowercase())), format!("{name} is set"))
}

fn request() -> Request {
    Request::new(Header::raw("x-api-key"), "https://host", "no key")
}

fn own(name: &str, value: &str) -> OwnHeader {
    OwnHeader::shown(name, value, Source::Env, Place::Env { name: "HEADERS".to_owned() }).unwrap()
}

/// What is sent, or why nothing is; then the active row, and the states of all.
fn told(answer: &Answer) -> (String, Option<usize>, Vec<&str>) {
    let sent = match &answer.outcome {
        Outcome::Sends { sent, also, .. } => std::iter::once(sent)
            .chain(also)
            .map(|one| format!("{}={}", one.header.name(), one.key.expose(ToOwned::to_owned)))
            .collect::<Vec<_>>()
            .join(" "),
        Outcome::Nothing { reason } | Outcome::Hidden { reason } | Outcome::NotKnown { reason } => {
            reason.clone()
        }
    };
    (sent, answer.active, answer.candidates.iter().map(|row| row.state.id()).collect())
}

#[test]
fn the_first_offer_that_gives_a_key_is_sent_and_shadows_the_rest() {
    let unset = Offer::usable(Source::Env, Place::Env { name: "A".into() }, Value::Unset, "");
    let unread =
        Offer::ignored(Source::Env, Place::Env { name: "B".into() }, Value::of(Some("b")), "not read");
    let answer = answer(vec![unset, unread, env("C"), env("D")], request(), None);
    assert_eq!(
        told(&answer),
        ("x-api-key=c".into(), Some(2), vec!["unset", "ignored", "active", "shadowed"])
    );
    assert_eq!(answer.candidates[3].state, State::Shadowed { by: 2, reason: "C is set".into() });
}

#[test]
fn where_nothing_is_sent_no_row_is_active() {
    let refusal = || Some(Outcome::nothing("not a trusted folder"));
    let refused = answer(vec![env("A"), env("B")], request(), refusal());
    assert_eq!(told(&refused), ("not a trusted folder".into(), None, vec!["ignored", "ignored"]));
    assert_eq!(refused.candidates[1].state.reason(), "not a trusted folder");

    let faulty = Request { library: |_, _| Err(Unsendable::Faulty("a line break".into())), ..request() };
    let faulty = answer(vec![env("A"), env("B")], faulty, None);
    assert_eq!(told(&faulty), ("a line break".into(), None, vec!["ignored", "ignored"]));
    assert_eq!(faulty.candidates[0].lints[0].id, "invalid-header");

    let unknown = answer(vec![env("A").gives(Gives::Unknown("locked".into()))], request(), None);
    assert_eq!(told(&unknown), ("locked".into(), None, vec!["ignored"]));
}

#[test]
fn a_stop_ends_the_search() {
    let stop =
        Offer::stops(Source::Env, Place::Env { name: "A".into() }, Value::of(Some("")), "set but empty");
    let answer = answer(vec![stop, env("B")], request(), None);
    assert_eq!(told(&answer), ("set but empty".into(), None, vec!["ignored", "ignored"]));
    assert_eq!(answer.candidates[1].state.reason(), "set but empty");
}

#[test]
fn a_value_that_somebody_else_has_is_the_active_row() {
    let helper = env("A").gives(Gives::Hidden("a helper prints it".into()));
    let answer = answer(vec![helper, env("B")], request(), None);
    assert_eq!(told(&answer), ("a helper prints it".into(), Some(0), vec!["active", "shadowed"]));
}

#[test]
fn two_credentials_of_one_request_are_two_active_rows() {
    let offers = vec![env("TOKEN").in_header(Header::Bearer), env("KEY"), env("OTHER")];
    let request = Request { also: Some((1, Header::raw("x-api-key"))), ..request() };
    let answer = answer(offers, request, None);
    let sent = "authorization=token x-api-key=key".to_owned();
    assert_eq!(told(&answer), (sent, Some(0), vec!["active", "active", "shadowed"]));
}

#[test]
fn a_configured_header_takes_the_keys_place_or_goes_beside_it() {
    let replaced = Request { own: vec![own("X-Api-Key", "own")], ..request() };
    let replaced = answer(vec![env("A"), env("B")], replaced, None);
    assert_eq!(told(&replaced), ("x-api-key=own".into(), Some(0), vec!["active", "shadowed", "shadowed"]));

    let beside = Request { own: vec![own("X-Token", "own")], ..request() };
    let beside = answer(vec![env("A")], beside, None);
    assert_eq!(told(&beside), ("x-api-key=a x-token=own".into(), Some(1), vec!["active", "active"]));

    let leads = Request { own: vec![own("Authorization", "Bearer own")], ..request() };
    let leads = answer(vec![env("A")], leads, None);
    assert_eq!(told(&leads), ("authorization=own x-api-key=a".into(), Some(0), vec!["active", "active"]));

    let alone = Request { own: vec![own("X-Token", "own")], ..request() };
    assert_eq!(told(&answer(Vec::new(), alone, None)), ("no key".into(), None, vec![]));
}

#[test]
fn a_request_without_its_key_may_still_carry_a_header() {
    let headers = || headers::all([("x-token", "own")], Clash::Both);
    let bare = || Request { own: headers(), without: Without::Bare("not logged in".into()), ..request() };
    assert_eq!(told(&answer(Vec::new(), bare(), None)), ("x-token=own".into(), None, vec![]));

    let left_out = Request { library: |_, _| Err(Unsendable::LeftOut("a line break".into())), ..bare() };
    let left_out = answer(vec![env("A"), env("B")], left_out, None);
    assert_eq!(told(&left_out), ("x-token=own".into(), None, vec!["ignored", "ignored"]));

    let stop = env("A").gives(Gives::NoKey("no token".into()));
    let alone = Request { own: Vec::new(), ..bare() };
    assert_eq!(told(&answer(vec![stop, env("B")], alone, None)).0, "no token");
    let key = Secret::new("a b");
    assert!(matches!(python::h11(&key, &Header::Bearer), Ok(sent) if sent == key));
}
