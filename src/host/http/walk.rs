//! Walks the course of a job: the layers side by side, and for each the repeats, the control and the second request
//! that `probe::course` asks for.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Options, Sender};
use crate::probe::course::{self, Consent, Job, Layer, Report, Row, What};
use crate::probe::verdict::{Failure, judge, unreachable};
use crate::probe::{self, Asked, Kind, Refusal, Request, Target, Verdict, custom};
use crate::provider::{Catalogue, ProbeSpec, Provider, authority};
use crate::secret::Secret;

/// How long the question itself goes ahead of what may follow it.
const HEAD_START: Duration = Duration::from_millis(40);

/// Everything a job needs.
pub(super) struct Walker {
    catalogue: Arc<Catalogue>,
    sender: Sender,
}

/// One way of one job.
struct Way {
    provider: String,
    key: Secret,
    target: Target,
    consent: Consent,
    agreed: Vec<String>,
    /// Whether the agent sends this key to a host that is not the provider's.
    elsewhere: bool,
}

impl Walker {
    pub(super) fn new(catalogue: Arc<Catalogue>, options: Options) -> Self {
        Self { catalogue, sender: Sender::new(options) }
    }

    /// The whole job.
    pub(super) async fn walk(self: &Arc<Self>, job: Job) -> Report {
        let mut rows =
            self.rows(&job, job.layers.clone().into_iter().map(|layer| (job.provider.clone(), layer))).await;
        let refused = course::overall(&rows).is_some_and(|verdict| verdict.kind.rejects());
        let doors = if refused { self.doors(&job, &rows) } else { Vec::new() };
        let mut untried = Vec::new();
        if job.consent.siblings {
            let doors = doors.into_iter().map(|(id, target)| (id, Layer { what: What::Sibling, target }));
            rows.extend(self.rows(&job, doors).await);
        } else {
            let bases = doors.iter().filter_map(|(_, target)| target.base.as_deref());
            untried.extend(bases.filter_map(authority).map(ToOwned::to_owned));
        }
        let Some(mut overall) = course::overall(&rows) else {
            return not_run(&job, "no address was given");
        };
        if let Some(provider) = self.catalogue.get(&job.provider).filter(|_| !untried.is_empty()) {
            let host = rows.first().map_or("", |row| row.host.as_str());
            course::leave_open(&mut overall, host, &provider.name, &untried);
        }
        Report { rows, overall, untried }
    }

    /// Where else a refused key may belong.
    fn doors(&self, job: &Job, rows: &[Row]) -> Vec<(String, Target)> {
        let Some(provider) = self.catalogue.get(&job.provider) else { return Vec::new() };
        let asked = rows.first().map(|row| row.host.as_str()).filter(|host| provider.owns(host));
        course::siblings(&self.catalogue, provider, &job.key, asked.unwrap_or(provider.base_url()))
    }

    fn provider(&self, id: &str) -> Option<&Provider> {
        self.catalogue.get(id).or_else(|| custom::get(id))
    }

    async fn rows(self: &Arc<Self>, job: &Job, layers: impl Iterator<Item = (String, Layer)>) -> Vec<Row> {
        let elsewhere = self.provider(&job.provider).is_some_and(|provider| job.goes_elsewhere(provider));
        let tasks: Vec<_> = layers
            .map(|(provider, layer)| {
                let (walker, key, consent) = (Arc::clone(self), job.key.clone(), job.consent);
                let lost =
                    Row { what: layer.what, host: String::new(), verdict: lost(&provider, "it was stopped") };
                let agreed = job.agreed.clone();
                let way = Way { provider, key, target: layer.target, consent, agreed, elsewhere };
                (Task(tokio::spawn(async move { walker.row(layer.what, way).await })), lost)
            })
            .collect();
        let mut rows = Vec::with_capacity(tasks.len());
        for (mut task, lost) in tasks {
            rows.push((&mut task.0).await.unwrap_or(lost));
        }
        rows
    }

    async fn row(&self, what: What, way: Way) -> Row {
        let Some(provider) = self.provider(&way.provider) else {
            return Row {
                what,
                host: String::new(),
                verdict: lost(&way.provider, "keymend does not know this provider"),
            };
        };
        let recognition = self.catalogue.recognise(&way.key);
        let kind = recognition.kind_at(&provider.id);
        let base_host = way.target.base.as_deref().map(|base| authority(base).unwrap_or(base));
        let other = probe::foreign_spec();
        let own = way.target.sends_own(provider);
        let spec = if own { probe::spec_for(provider, kind) } else { &other };
        match probe::request(provider, &way.key, kind, spec, &way.target) {
            Err(refusal) => refused(what, provider, base_host, &refusal),
            Ok(request) => {
                let host = request.host.clone();
                let verdict = match self.hold(what, &request, provider, &way) {
                    Some(verdict) => verdict,
                    None => self.ask(provider, &way, kind, request).await,
                };
                Row { what, host, verdict }
            }
        }
    }

    /// The question, and all that its answer leads to. Where the answer takes its time, the control and the second
    /// request are sent meanwhile, so that a test takes as long as one request and not as three.
    async fn ask(&self, provider: &Provider, way: &Way, kind: Option<&str>, request: Request) -> Verdict {
        let main = self.insist(provider, way, &request);
        tokio::pin!(main);
        let (mut verdict, (control, second)) = match tokio::time::timeout(HEAD_START, &mut main).await {
            Ok(quick) if quick.kind != Kind::Valid => (quick, (None, None)),
            Ok(quick) => (quick, self.extras(provider, way, kind, &request).await),
            Err(_) => tokio::join!(main, self.extras(provider, way, kind, &request)),
        };
        if let Some(other) = self.instead(provider, way, kind, &request, &verdict).await {
            return other;
        }
        if verdict.kind == Kind::Valid && course::needs_control(&request.spec, request.vouched) {
            verdict =
                course::after_control(verdict, &control.unwrap_or_else(|| lost(&provider.id, "no control")));
        }
        match second.filter(|_| verdict.kind == Kind::Valid) {
            Some(second) => course::after_second(verdict, second),
            None => verdict,
        }
    }

    /// The control, where a success proves nothing without it, and the request that sees money or scope.
    async fn extras(
        &self,
        provider: &Provider,
        way: &Way,
        kind: Option<&str>,
        request: &Request,
    ) -> (Option<Verdict>, Option<Verdict>) {
        let control = async {
            if !course::needs_control(&request.spec, request.vouched) {
                return None;
            }
            self.control(provider, way, kind, &request.spec).await
        };
        let second = async {
            let spec = provider
                .second_probe
                .as_ref()
                .filter(|spec| request.own_probe && (!spec.asks || way.consent.spend))?;
            let next = probe::request(provider, &way.key, kind, spec, &way.target).ok()?;
            Some(self.once(provider, &way.key, &next).await)
        };
        tokio::join!(control, second)
    }

    /// The same request with a broken twin of the key.
    async fn control(
        &self,
        provider: &Provider,
        way: &Way,
        kind: Option<&str>,
        spec: &ProbeSpec,
    ) -> Option<Verdict> {
        let twin = probe::broken_twin(&self.catalogue, &way.key);
        let request = probe::request(provider, &twin, kind, spec, &way.target).ok()?;
        Some(self.once(provider, &twin, &request).await)
    }

    /// Asks again what may have been a passing fault.
    async fn insist(&self, provider: &Provider, way: &Way, request: &Request) -> Verdict {
        let mut verdict = self.once(provider, &way.key, request).await;
        if let Some(seconds) = course::short_wait(&verdict) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            verdict = self.once(provider, &way.key, request).await;
            verdict.note("waited", format!("{seconds} s, as the provider asked"));
        }
        let mut answers = vec![verdict];
        let mut wait = self.sender.options.pace;
        while answers.len() < course::ASKS && answers.last().is_some_and(|last| course::flaps(provider, last))
        {
            tokio::time::sleep(wait).await;
            wait *= 2;
            answers.push(self.once(provider, &way.key, request).await);
        }
        course::settle(provider, answers).unwrap_or_else(|| lost(&provider.id, "it was stopped"))
    }

    /// Where the endpoint of the probe is gone, another one of the same provider.
    async fn instead(
        &self,
        provider: &Provider,
        way: &Way,
        kind: Option<&str>,
        request: &Request,
        verdict: &Verdict,
    ) -> Option<Verdict> {
        let gone = verdict.kind == Kind::WrongEndpoint && matches!(verdict.status, Some(404 | 405 | 410));
        let listed = |spec: &&ProbeSpec| spec.when.as_deref() == Some("endpoint gone");
        let spec = provider.alternatives.iter().find(listed).filter(|_| gone && request.own_probe)?;
        if !course::may_send(spec, &request.host, way.consent) {
            return None;
        }
        let next = probe::request(provider, &way.key, kind, spec, &way.target).ok()?;
        let mut other = self.once(provider, &way.key, &next).await;
        if other.kind == Kind::Valid && course::needs_control(spec, next.vouched) {
            let control = self.control(provider, way, kind, spec).await;
            other =
                course::after_control(other, &control.unwrap_or_else(|| lost(&provider.id, "no control")));
        }
        other.note("first_probe", format!("gone ({})", verdict.status.unwrap_or_default()));
        (other.kind != Kind::WrongEndpoint).then_some(other)
    }

    /// The verdict of a request that is not sent without a yes.
    fn hold(&self, what: What, request: &Request, provider: &Provider, way: &Way) -> Option<Verdict> {
        let not_sent = |why: String| unreachable(&provider.id, &request.host, &Failure::NotSent(why), None);
        let given = way.target.trusted
            || what == What::Sibling
            || request.foreign && way.consent.elsewhere
            || way.agreed.iter().any(|host| course::same_host(host, &request.host));
        let elsewhere = way.elsewhere && what == What::Direct;
        let needed = course::needs_yes(&self.catalogue, provider, &way.key, &request.host, elsewhere);
        if let Some(needed) = needed.filter(|_| !given) {
            let mut verdict = not_sent(format!("{}; say yes to it first", needed.why));
            verdict.note("needs_yes", needed.host.clone());
            verdict.hints.push(format!(
                "Where this is meant, say yes to the host once: `keymend test … --yes-to {}`.",
                needed.host
            ));
            return Some(verdict);
        }
        (!course::may_send(&request.spec, &request.host, way.consent))
            .then(|| not_sent(format!("this test costs {}; say yes to it first", request.spec.costs)))
    }

    /// One exchange and its meaning.
    async fn once(&self, provider: &Provider, key: &Secret, request: &Request) -> Verdict {
        match self.sender.send(request).await {
            Err((failure, spent)) => {
                let mut verdict = unreachable(&provider.id, &request.host, &failure, Some(spent));
                if failure == Failure::UnknownIssuer {
                    self.sender.options.name_certificates(&mut verdict);
                }
                verdict.note("header", request.header_shown.clone());
                verdict
            }
            Ok(answer) => {
                let asked = Asked {
                    catalogue: &self.catalogue,
                    provider,
                    spec: &request.spec,
                    key,
                    header: &request.header_shown,
                    host: &request.host,
                    foreign: request.foreign,
                    own_probe: request.own_probe,
                };
                judge(&asked, &answer)
            }
        }
    }
}

/// Stops its task when the job is stopped.
struct Task(tokio::task::JoinHandle<Row>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn refused(what: What, provider: &Provider, host: Option<&str>, refusal: &Refusal) -> Row {
    let host = host.or_else(|| authority(provider.base_url())).unwrap_or_default().to_owned();
    let verdict = unreachable(&provider.id, &host, &Failure::NotSent(refusal.to_string()), None);
    Row { what, host, verdict }
}

fn lost(provider: &str, why: &str) -> Verdict {
    unreachable(provider, "", &Failure::NotSent(why.to_owned()), None)
}

/// The report of a job that was not run.
pub(super) fn not_run(job: &Job, why: &str) -> Report {
    Report { rows: Vec::new(), overall: lost(&job.provider, why), untried: Vec::new() }
}
