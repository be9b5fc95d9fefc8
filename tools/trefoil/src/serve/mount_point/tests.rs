use super::MountPoint;

#[test]
fn a_mount_point_is_a_bucket_and_a_path() {
    let point: MountPoint = "photos=/mnt/a=b".parse().expect("a mount");
    assert_eq!(point.bucket, "photos");
    assert_eq!(point.path.to_str(), Some("/mnt/a=b"));
    for text in ["", "photos", "photos=", "=/mnt"] {
        let error = text.parse::<MountPoint>().expect_err("no mount");
        assert!(error.to_string().contains("BUCKET=PATH"), "{error}");
    }
}
