//! Metrics of scrubbing.

use engine_pool::ScrubStatus;
use frontends_console::Family;

/// Metrics of scrubbing at this moment, in nanoseconds since 1970.
pub(in crate::engine) fn of_scrub(status: &ScrubStatus, now: u64) -> [Family; 8] {
    let (counter, gauge) = (Family::counter, Family::gauge);
    let age = now.saturating_sub(status.oldest_unverified_unix_nanos);
    [
        gauge(
            "trefoil_scrub_running",
            "1 while a pass is on its way.",
            status.running.into(),
        ),
        gauge(
            "trefoil_scrub_verified_bytes",
            "Bytes that the newest pass has read, each copy counted.",
            status.progress.verified.get(),
        ),
        gauge(
            "trefoil_scrub_expected_bytes",
            "Bytes that it will read, as estimated when it began.",
            status.progress.total.get(),
        ),
        counter(
            "trefoil_scrub_bad_copies_total",
            "Bad copies of anything, found since the pool was created.",
            status.found,
        ),
        counter(
            "trefoil_scrub_repaired_copies_total",
            "Those of them that were repaired.",
            status.repaired,
        ),
        gauge(
            "trefoil_lost_ranges",
            "Ranges of which no good copy is left.",
            status.lost_ranges,
        ),
        gauge("trefoil_lost_bytes", "Their bytes.", status.lost.get()),
        gauge(
            "trefoil_oldest_unverified_seconds",
            "Nothing that is stored was verified, or written, longer ago.",
            age / 1_000_000_000,
        ),
    ]
}
