use super::*;

#[test]
fn checksums_of_pieces_make_that_of_the_whole() {
    let data: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
        let pieces: Vec<_> = data
            .chunks(3333)
            .map(|piece| (digest_of(algorithm, piece), piece.len() as u64))
            .collect();
        assert_eq!(
            combine(algorithm, &pieces),
            Some(digest_of(algorithm, &data))
        );
    }
    assert_eq!(combine(Algorithm::Sha1, &[(vec![0; 20], 1)]), None);
}

#[test]
fn one_checksum_is_the_most() {
    let headers = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    };
    let crc = ("x-amz-checksum-crc32", "AAAAAA==");
    let promised = Promised::of(&headers(&[crc]), None, false).unwrap();
    assert_eq!(
        promised.checksum,
        Some((Algorithm::Crc32, Some(vec![0; 4])))
    );
    let two = headers(&[crc, ("x-amz-checksum-crc32c", "AAAAAA==")]);
    assert!(Promised::of(&two, None, false).is_err());
    let wanted = headers(&[("x-amz-sdk-checksum-algorithm", "SHA256")]);
    let promised = Promised::of(&wanted, None, false).unwrap();
    assert_eq!(promised.checksum, Some((Algorithm::Sha256, None)));
}

#[test]
fn a_trailer_that_was_announced_must_come() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-trailer", "x-amz-checksum-crc32".parse().unwrap());
    let promised = Promised::of(&headers, None, false).unwrap();
    let digests = || Hashing::new(&promised, None).finish();
    assert!(digests().check(&promised, &HeaderMap::new()).is_err());
    let mut trailer = HeaderMap::new();
    trailer.insert("x-amz-checksum-crc32", "AAAAAA==".parse().unwrap());
    assert!(
        digests().check(&promised, &trailer).is_ok(),
        "the CRC of nothing is 0"
    );
    trailer.insert("x-amz-checksum-crc32", "AAAAAQ==".parse().unwrap());
    assert!(digests().check(&promised, &trailer).is_err());
}
