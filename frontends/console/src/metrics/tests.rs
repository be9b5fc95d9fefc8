use super::{Family, Kind, Sample, Value, render_metrics};

#[test]
fn help_and_type_precede_the_lines_of_a_family() {
    let families = [
        Family::gauge(
            "trefoil_pool_capacity_bytes",
            "Bytes the pool may hold.",
            1 << 40,
        ),
        Family::labelled(
            "trefoil_device_written_bytes_total",
            "Bytes written, by kind.",
            Kind::Counter,
            "kind",
            &[("journal", 8192), ("index", u64::MAX)],
        ),
        Family::gauge_real("trefoil_index_share_ratio", "Share of the index.", 0.25),
    ];
    let expected = "\
# HELP trefoil_pool_capacity_bytes Bytes the pool may hold.
# TYPE trefoil_pool_capacity_bytes gauge
trefoil_pool_capacity_bytes 1099511627776
# HELP trefoil_device_written_bytes_total Bytes written, by kind.
# TYPE trefoil_device_written_bytes_total counter
trefoil_device_written_bytes_total{kind=\"journal\"} 8192
trefoil_device_written_bytes_total{kind=\"index\"} 18446744073709551615
# HELP trefoil_index_share_ratio Share of the index.
# TYPE trefoil_index_share_ratio gauge
trefoil_index_share_ratio 0.25
";
    assert_eq!(render_metrics(&families), expected);
}

#[test]
fn label_values_cannot_break_out_of_their_quotes() {
    let family = Family {
        name: "trefoil_x",
        help: "a\\b\nc",
        kind: Kind::Gauge,
        samples: vec![Sample {
            labels: vec![("a", "x\"} 1\ny".to_owned()), ("b", "\\".to_owned())],
            value: Value::Whole(1),
        }],
    };
    let expected = "# HELP trefoil_x a\\\\b\\nc\n# TYPE trefoil_x gauge\n\
                    trefoil_x{a=\"x\\\"} 1\\ny\",b=\"\\\\\"} 1\n";
    assert_eq!(render_metrics(&[family]), expected);
}
