//! How long a scan, a resolution, a cleaning and a frame take.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use keymend::demo::Demo;
use keymend::hygiene;
use keymend::provider::Catalogue;
use keymend::session;
use keymend::tui::app::{Model, update, view};
use keymend::tui::core::Options;
use keymend::tui::message::Message;
use keymend::world::{MemoryWorld, World};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn scan(c: &mut Criterion) {
    let catalogue = Catalogue::embedded();
    let demo = Demo::start(None).unwrap();
    c.bench_function("scan/demo home on disk", |b| {
        b.iter(|| session::scan_all(black_box(&demo.world()), &catalogue).keys.len());
    });
    let large = large_world();
    c.bench_function("scan/1,000 profiles and 10,000 lines", |b| {
        b.iter(|| session::scan_all(black_box(&large), &catalogue).keys.len());
    });
}

/// Each of these takes time in proportion to its number.
fn growth(c: &mut Criterion) {
    let catalogue = Catalogue::embedded();
    let mut group = c.benchmark_group("growth");
    group.sample_size(10);
    for n in [1_000, 2_000, 4_000] {
        let world = (0..n).fold(MemoryWorld::new("/home/ann"), |world, at| {
            let file = format!(".hermes/profiles/p{at}/.env");
            world.with_file(&file, format!("ANTHROPIC_API_KEY=sk-ant-api03-FAKE-{at}\n"))
        });
        group.bench_function(format!("{n} profiles of Hermes"), |b| {
            b.iter(|| session::scan_all(black_box(&world), &catalogue).keys.len());
        });
    }
    for n in [25_000, 50_000, 100_000] {
        let lines: String = (0..n).map(|at| format!("N{at}=v\n")).collect();
        let world = MemoryWorld::new("/home/ann")
            .with_file(".hermes/.env", lines.clone())
            .with_file("work/.env", lines);
        group.bench_function(format!("two files of {n} lines"), |b| {
            b.iter(|| session::scan_all(black_box(&world), &catalogue).keys.len());
        });
    }
    let bomb = (1..20).map(|i| format!("V{i}={}\n", format!("${{V{}}}", i - 1).repeat(3)));
    let bomb: String = std::iter::once("V0=xxxxxxxx\n".to_owned()).chain(bomb).collect();
    let world = MemoryWorld::new("/home/ann").with_file("work/.env", bomb);
    group.bench_function("a bomb of 410 bytes", |b| {
        b.iter(|| session::scan_all(black_box(&world), &catalogue).keys.len());
    });
    group.finish();
}

/// An OpenClaw store of 1,000 profiles and a Hermes `.env` of 10,000 lines.
fn large_world() -> MemoryWorld {
    let profiles: Vec<String> = (0..1000)
        .map(|n| format!("\"anthropic:p{n}\":{{\"type\":\"api_key\",\"provider\":\"anthropic\",\"key\":\"sk-ant-api03-FAKE-{n:086}-AA\"}}"))
        .collect();
    let lines: String = (0..10_000).map(|n| format!("SOME_NAME_{n}=sk-FAKE-{n:040}\n")).collect();
    MemoryWorld::new("/home/ann")
        .with_file(
            ".openclaw/openclaw.json",
            "{agents:{defaults:{model:{primary:'anthropic/claude-sonnet-5'}}}}",
        )
        .with_row(
            ".openclaw/state/openclaw.sqlite",
            "config_machine_state",
            "auth.sharedStore",
            "{\"location\":\"state-db\"}",
        )
        .with_row(
            ".openclaw/state/openclaw.sqlite",
            "config_machine_state",
            "authProfiles.store",
            &format!("{{\"version\":1,\"profiles\":{{{}}}}}", profiles.join(",")),
        )
        .with_file(".hermes/.env", lines + "OPENROUTER_API_KEY=sk-or-v1-FAKE\n")
}

fn clean(c: &mut Criterion) {
    let catalogue = Catalogue::embedded();
    let paste = Demo::paste("anthropic");
    let text = paste.expose(ToOwned::to_owned);
    c.bench_function("clean/a dirty key", |b| {
        b.iter(|| hygiene::clean(black_box(text.as_bytes()), &catalogue, None));
    });
    let megabyte = "x".repeat(1 << 20);
    c.bench_function("clean/one megabyte", |b| {
        b.iter(|| hygiene::clean(black_box(megabyte.as_bytes()), &catalogue, None));
    });
}

fn frame(c: &mut Criterion) {
    let catalogue = Arc::new(Catalogue::embedded());
    let demo = Demo::start(None).unwrap();
    let world = demo.world();
    let options = Options { colour: true, ascii: false, motion: true, offline: true };
    let (mut model, _) = Model::new(Arc::clone(&catalogue), (140, 40), options);
    let scan = session::scan_all(&world, &catalogue);
    let scanning = keymend::tui::known::Scanning {
        scan,
        files: std::collections::BTreeMap::new(),
        home: world.home().map(std::path::Path::to_path_buf),
        agreed: Vec::new(),
        now_ms: world.now_ms(),
        took_ms: 1,
    };
    let ticket = model.core.scanning.unwrap();
    update(&mut model, Message::Scanned(ticket, Box::new(scanning)));
    let mut terminal = Terminal::new(TestBackend::new(140, 40)).unwrap();
    c.bench_function("frame/home at 140x40", |b| {
        b.iter(|| terminal.draw(|frame| view(black_box(&model), frame)).is_ok());
    });
}

criterion_group!(benches, scan, growth, clean, frame);
criterion_main!(benches);
