use super::Compression;

#[test]
fn words_are_read_as_they_are_written() {
    for compression in [Compression::Off, Compression::Lz4] {
        assert_eq!(compression.to_string().parse(), Ok(compression));
        let json = serde_json::to_string(&compression).unwrap();
        assert_eq!(json, format!("\"{compression}\""));
    }
    assert!("zstd".parse::<Compression>().is_err());
}

#[test]
fn a_ratio_is_shown_where_something_is_saved() {
    assert_eq!(Compression::Lz4.with_ratio(0, 0), "lz4");
    assert_eq!(Compression::Lz4.with_ratio(4096, 4096), "lz4");
    assert_eq!(Compression::Lz4.with_ratio(65_536, 4096), "lz4, 16.0x");
    assert_eq!(Compression::Off.with_ratio(10_000, 4800), "none, 2.0x");
}
