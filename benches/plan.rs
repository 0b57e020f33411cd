//! How long the plan of one rotation over 200 places in 50 files takes, on a machine in memory.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use keymend::agents::{self, Agent};
use keymend::plan;
use keymend::provider::Catalogue;
use keymend::secret::Secret;
use keymend::source::{Dialect, Format, Place, Pointer};
use keymend::world::MemoryWorld;

const OLD: &str = "sk-FAKE-old-0123456789abcdef";
const NEW: &str = "sk-FAKE-new-fedcba9876543210";
const FILES: usize = 50;
const KEYS: usize = 4;

/// One file with four places, its kind by its number: dotenv, JSON5, YAML, TOML.
fn file(n: usize) -> (String, String, Vec<Place>) {
    let filler = |comment: &str| format!("{comment} a line beside the keys\n").repeat(40);
    let lines = |line: &str| -> String {
        (0..KEYS).map(|k| line.replace('~', &k.to_string()).replace('@', OLD)).collect()
    };
    let (name, text): (String, String) = match n % 4 {
        0 => (format!("a{n}/.env"), filler("#") + &lines("KEY~=@\n")),
        1 => (format!("a{n}.json5"), format!("{{\n{}{}}}\n", filler("//"), lines("  key~: '@', // mine\n"))),
        2 => (format!("a{n}.yaml"), filler("#") + &lines("key~: \"@\" # mine\n")),
        _ => (format!("a{n}.toml"), filler("#") + &lines("key~ = \"@\" # mine\n")),
    };
    let path = std::path::Path::new("/h").join(&name);
    let field = |format, k: usize| Place::Field {
        file: path.clone(),
        format,
        pointer: Pointer::new([format!("key{k}")]),
    };
    let places = (0..KEYS).map(|k| match n % 4 {
        0 => Place::Line {
            file: path.clone(),
            line: None,
            name: format!("KEY{k}"),
            dialect: Dialect::PythonDotenv,
        },
        1 => field(Format::Json5, k),
        2 => field(Format::Yaml, k),
        _ => field(Format::Toml, k),
    });
    let places = places.collect();
    (name, text, places)
}

fn rotate(c: &mut Criterion) {
    let catalogue = Catalogue::embedded();
    let agents: Vec<&'static Agent> = agents::ALL.to_vec();
    let mut world = MemoryWorld::new("/h");
    let mut ticked = Vec::new();
    for n in 0..FILES {
        let (name, text, places) = file(n);
        world = world.with_file(&name, text);
        ticked.extend(places);
    }
    let (old, new) = (Secret::new(OLD), Secret::new(NEW));
    let plan = || plan::rotate(&world, &catalogue, &agents, &old, &new, black_box(&ticked)).unwrap();
    assert_eq!((ticked.len(), plan().changes.len()), (FILES * KEYS, FILES));
    let mut group = c.benchmark_group("plan");
    group.sample_size(10);
    group.bench_function("200 places in 50 files", |b| b.iter(plan));
    group.finish();
}

criterion_group!(benches, rotate);
criterion_main!(benches);
