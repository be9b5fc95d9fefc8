//! The metrics of the frontends, by name.

use std::sync::atomic::{AtomicU64, Ordering};

use frontends_console::{Family, Kind};

fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// Metrics of the NBD server.
pub(in crate::engine) fn of_nbd(metrics: &frontends_nbd::Metrics) -> Vec<Family> {
    let (counter, gauge) = (Family::counter, Family::gauge);
    let requests = frontends_nbd::Kind::ALL.map(|kind| (kind.name(), metrics.requests(kind)));
    vec![
        Family::labelled(
            "trefoil_nbd_requests_total",
            "Requests started, by command.",
            Kind::Counter,
            "command",
            &requests,
        ),
        counter(
            "trefoil_nbd_errors_total",
            "Requests answered with an error.",
            load(&metrics.errors),
        ),
        counter(
            "trefoil_nbd_read_bytes_total",
            "Payload bytes sent in answers to reads, holes included.",
            load(&metrics.read_bytes),
        ),
        counter(
            "trefoil_nbd_written_bytes_total",
            "Payload bytes of writes.",
            load(&metrics.written_bytes),
        ),
        counter(
            "trefoil_nbd_connections_total",
            "Connections accepted, refused ones included.",
            load(&metrics.connections_total),
        ),
        counter(
            "trefoil_nbd_connections_refused_total",
            "Connections closed at once because there were too many.",
            load(&metrics.connections_refused),
        ),
        counter(
            "trefoil_nbd_breaches_total",
            "Connections closed because the client broke the protocol.",
            load(&metrics.breaches),
        ),
        gauge(
            "trefoil_nbd_connections",
            "Connections now.",
            load(&metrics.connections_open),
        ),
        gauge(
            "trefoil_nbd_requests_in_flight",
            "Requests started and not yet answered.",
            load(&metrics.requests_in_flight),
        ),
    ]
}

/// Metrics of the S3 server.
pub(in crate::engine) fn of_s3(metrics: &frontends_s3::Metrics) -> Vec<Family> {
    let (counter, gauge) = (Family::counter, Family::gauge);
    let requests = frontends_s3::Class::ALL.map(|class| (class.name(), metrics.requests(class)));
    let errors = [
        ("client", load(&metrics.client_errors)),
        ("server", load(&metrics.server_errors)),
    ];
    vec![
        Family::labelled(
            "trefoil_s3_requests_total",
            "Requests of known senders, by what they do.",
            Kind::Counter,
            "class",
            &requests,
        ),
        Family::labelled(
            "trefoil_s3_errors_total",
            "Requests answered with an error, by whose it is.",
            Kind::Counter,
            "side",
            &errors,
        ),
        counter(
            "trefoil_s3_denied_total",
            "Requests refused before anything else because of their signature or key.",
            load(&metrics.denied),
        ),
        counter(
            "trefoil_s3_slowed_down_total",
            "Requests answered 503 SlowDown because too many were in flight.",
            load(&metrics.slowed_down),
        ),
        counter(
            "trefoil_s3_received_bytes_total",
            "Bytes of bodies received.",
            load(&metrics.bytes_in),
        ),
        counter(
            "trefoil_s3_sent_bytes_total",
            "Bytes of objects sent.",
            load(&metrics.bytes_out),
        ),
        counter(
            "trefoil_s3_connections_total",
            "Connections accepted, refused ones included.",
            load(&metrics.connections_total),
        ),
        counter(
            "trefoil_s3_connections_refused_total",
            "Connections closed at once because there were too many.",
            load(&metrics.connections_refused),
        ),
        gauge(
            "trefoil_s3_connections",
            "Connections now.",
            load(&metrics.connections_open),
        ),
        gauge(
            "trefoil_s3_requests_in_flight",
            "Requests started and not yet answered to their end.",
            load(&metrics.requests_in_flight),
        ),
    ]
}

/// Metrics of the mounts.
pub(in crate::engine) fn of_mounts(metrics: &frontends_fuse::Metrics) -> Vec<Family> {
    let counter = Family::counter;
    let requests = frontends_fuse::Kind::ALL.map(|kind| (kind.name(), metrics.requests(kind)));
    vec![
        Family::labelled(
            "trefoil_mount_requests_total",
            "Requests of the kernel, by what they ask for.",
            Kind::Counter,
            "request",
            &requests,
        ),
        counter(
            "trefoil_mount_errors_total",
            "Requests answered with an error, also that something is not there.",
            load(&metrics.errors),
        ),
        counter(
            "trefoil_mount_read_bytes_total",
            "Bytes of files sent to the kernel.",
            load(&metrics.read_bytes),
        ),
        counter(
            "trefoil_mount_written_bytes_total",
            "Bytes of files received from the kernel.",
            load(&metrics.written_bytes),
        ),
        counter(
            "trefoil_mount_notifications_total",
            "Entries, attributes and contents that the kernel was told to forget.",
            load(&metrics.notifications),
        ),
    ]
}
