//! Keeps what this process holds in memory out of files.

/// No core dump of this process, whatever ends it: a core holds every key in clear. Called before anything is read.
///
/// The limit alone is not enough: where the kernel pipes a core to a program (systemd-coredump, apport) that program
/// decides about the limit, while a process that is not dumpable never gets as far (core(5), prctl(2)
/// `PR_SET_DUMPABLE`). Not dumpable also means that other processes of the same user cannot read its memory or its
/// environment in `/proc`. A program that keymend starts is dumpable again; only the soft limit goes along, which it
/// may raise.
pub fn no_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Core).maximum;
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
