//! The catalogue, the verdict, and many probes at once against a server on this machine.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use keymend::host::http::{Options, run_all};
use keymend::host::loopback::{Loopback, Reply};
use keymend::probe::course::Job;
use keymend::probe::verdict::{Answer, Asked, judge};
use keymend::provider::Catalogue;
use keymend::secret::Secret;

const MODELS: &str = r#"{"object":"list","data":[{"id":"m-1"},{"id":"m-2"}]}"#;
const WRAPPED: &str = r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\"error\":{\"code\":\"1113\",\"message\":\"Insufficient balance\"}}"}}}"#;

fn key() -> Secret {
    Secret::new("sk-FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE")
}

fn catalogue(c: &mut Criterion) {
    c.bench_function("catalogue/parse all providers", |b| b.iter(Catalogue::embedded));
    let catalogue = Catalogue::embedded();
    let key = key();
    c.bench_function("catalogue/mask a key", |b| b.iter(|| catalogue.mask(black_box(&key))));
    c.bench_function("catalogue/recognise a key", |b| {
        b.iter(|| catalogue.recognise(black_box(&key)).matches.len());
    });
}

fn verdict(c: &mut Criterion) {
    let catalogue = Catalogue::embedded();
    let provider = catalogue.get("zai").unwrap();
    let key = key();
    let asked = Asked {
        catalogue: &catalogue,
        provider,
        spec: &provider.probe,
        key: &key,
        header: "authorization: bearer",
        host: "api.z.ai",
        foreign: false,
        own_probe: true,
    };
    let bodies = [
        ("short", WRAPPED.to_owned()),
        ("1 MiB", format!("{{\"error\":{{\"message\":\"{}", "x".repeat(1 << 20))),
    ];
    for (name, body) in bodies {
        let answer = Answer { status: 429, body: body.into_bytes(), ..Answer::default() };
        c.bench_function(&format!("verdict/{name}"), |b| b.iter(|| judge(&asked, black_box(&answer)).kind));
    }
}

/// Wall time of `jobs` probes against a server that answers after 300 ms.
fn together(jobs: usize) -> Duration {
    let server = Loopback::start(|_| Reply::json(200, MODELS).after(Duration::from_millis(300))).unwrap();
    let catalogue = Arc::new(Catalogue::embedded());
    let jobs: Vec<Job> = (0..jobs).map(|_| Job::at("openai", key(), &server.url())).collect();
    let begin = Instant::now();
    let reports = run_all(catalogue, Options::default(), jobs);
    let spent = begin.elapsed();
    assert!(reports.iter().all(|report| report.overall.status == Some(200)));
    spent
}

fn many(c: &mut Criterion) {
    let mut group = c.benchmark_group("probes");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for jobs in [42, 1000] {
        group.bench_function(format!("{jobs} against a server of 300 ms"), |b| {
            b.iter_custom(|rounds| (0..rounds).map(|_| together(jobs)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, catalogue, verdict, many);
criterion_main!(benches);
