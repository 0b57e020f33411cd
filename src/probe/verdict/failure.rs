//! No answer: which step of the way failed, in words.

use super::{AnsweredBy, Kind, Verdict};

/// Why no answer arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name is not known.
    Dns,
    /// Nobody listens there.
    Refused,
    /// The connection could not be made.
    Unroutable,
    /// The certificate's issuer is not known here.
    UnknownIssuer,
    /// The certificate is not valid at this time.
    CertificateTime,
    /// The certificate is for another name.
    CertificateName,
    /// Another fault of the encrypted connection.
    Tls(String),
    /// A proxy wants a name and password.
    ProxyAuth,
    /// The proxy cannot be reached, or refuses to connect.
    Proxy(String),
    /// The setting of the proxy cannot be used: why.
    ProxySetting(String),
    /// No answer within the time.
    TimedOut,
    /// The connection ended in the middle.
    CutOff,
    /// There are no certificates on this system to check servers with.
    NoCertificates(String),
    /// It was not sent: why.
    NotSent(String),
    /// Something else.
    Other(String),
}

impl Failure {
    fn words(&self, host: &str) -> (String, Option<String>) {
        let plain = |reason: String| (reason, None);
        let with = |reason: String, hint: &str| (reason, Some(hint.to_owned()));
        match self {
            Self::Dns => with(
                format!("The name {host} could not be looked up."),
                "Check the network and the spelling of the address.",
            ),
            Self::Refused => with(
                format!("{host} refused the connection: nobody listens there."),
                "Check the address and port, or start the server.",
            ),
            Self::Unroutable => with(
                format!("{host} cannot be reached from this network."),
                "Check the network, a VPN or a firewall.",
            ),
            Self::UnknownIssuer => with(
                format!(
                    "Something is intercepting TLS: the certificate of {host} comes from an issuer that is not known here. The key was not sent."
                ),
                "If this is your company's proxy, name its certificate with SSL_CERT_FILE.",
            ),
            Self::CertificateTime => with(
                format!(
                    "The certificate of {host} is not valid now: this computer's clock may be wrong. The key was not sent."
                ),
                "Set the clock and try again.",
            ),
            Self::CertificateName => with(
                format!(
                    "The certificate is not for {host}: something else answers at this address. The key was not sent."
                ),
                "Check the address; a proxy or a wrong DNS entry may be in the way.",
            ),
            Self::Tls(why) => plain(format!("The encrypted connection to {host} failed: {why}.")),
            Self::ProxyAuth => with(
                "The proxy wants a name and password (407).".into(),
                "Put them into HTTPS_PROXY, or name the host in NO_PROXY.",
            ),
            Self::Proxy(why) => with(
                format!("The proxy does not connect to {host}: {why}."),
                "Check HTTPS_PROXY and NO_PROXY.",
            ),
            Self::ProxySetting(why) => with(
                format!("The proxy that this environment names cannot be used: {why}. Nothing was sent."),
                "Mend HTTPS_PROXY (or ALL_PROXY), or name the host in NO_PROXY.",
            ),
            Self::TimedOut => {
                with(format!("{host} did not answer in time."), "Try again; check the network.")
            }
            Self::CutOff => with(
                format!("{host} ended the connection before the answer was whole."),
                "Try again; something between here and there may cut it.",
            ),
            Self::NoCertificates(why) => with(
                format!(
                    "This system has no certificates to check servers with ({why}), so nothing was sent."
                ),
                "Install ca-certificates, or name a file with SSL_CERT_FILE.",
            ),
            Self::NotSent(why) => plain(format!("Nothing was sent: {why}.")),
            Self::Other(why) => plain(format!("No answer from {host}: {why}.")),
        }
    }

    /// The stable name in the evidence.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unroutable => "unreachable",
            Self::UnknownIssuer => "tls_unknown_issuer",
            Self::CertificateTime => "tls_time",
            Self::CertificateName => "tls_name",
            Self::Tls(_) => "tls",
            Self::ProxyAuth => "proxy_407",
            Self::Proxy(_) => "proxy",
            Self::ProxySetting(_) => "proxy_setting",
            Self::TimedOut => "timeout",
            Self::CutOff => "cut_off",
            Self::NoCertificates(_) => "no_certificates",
            Self::NotSent(_) => "not_sent",
            Self::Other(_) => "other",
        }
    }
}

/// The verdict when no answer arrived.
#[must_use]
pub fn unreachable(provider: &str, host: &str, failure: &Failure, latency_ms: Option<u64>) -> Verdict {
    let (reason, hint) = failure.words(host);
    let kind = match failure {
        Failure::NotSent(_) => Kind::Ambiguous,
        Failure::ProxyAuth => Kind::Gateway,
        _ => Kind::Network,
    };
    let mut verdict = Verdict::without_answer(provider, kind, reason);
    if *failure == Failure::ProxyAuth {
        verdict.answered_by = AnsweredBy::Proxy;
        verdict.status = Some(407);
    }
    verdict.latency_ms = latency_ms;
    verdict.hints.extend(hint);
    verdict.note("host", host);
    verdict.note("failure", failure.id());
    verdict
}
