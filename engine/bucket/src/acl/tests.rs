use super::*;

fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut value = VERSION.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        value.extend_from_slice(&tag.to_le_bytes());
        value.extend_from_slice(&permissions.to_le_bytes());
        value.extend_from_slice(&id.to_le_bytes());
    }
    value
}

const NAMED: [(u16, u16, u32); 5] = [
    (USER_OBJ, 7, NO_ID),
    (USER, 6, 1000),
    (GROUP_OBJ, 5, NO_ID),
    (MASK, 7, NO_ID),
    (OTHER, 0, NO_ID),
];

#[test]
fn a_list_limits_a_new_mode_instead_of_the_umask() {
    let value = list(&NAMED);
    let kind = InodeKind::File;
    let new = Inherited::new(Some(&value), kind, 0o4666, 0o077);
    assert_eq!(new.mode, 0o4660);
    let mut expected = NAMED;
    (expected[0].1, expected[3].1) = (6, 6);
    assert_eq!(new.access, Some(list(&expected)));
    assert_eq!(new.default, None);
    let kind = InodeKind::Directory;
    let new = Inherited::new(Some(&value), kind, 0o777, 0o077);
    assert_eq!((new.mode, new.default()), (0o770, Some(&value[..])));
    let kind = InodeKind::Symlink;
    let new = Inherited::new(Some(&value), kind, 0o777, 0o022);
    assert_eq!((new.mode, new.bytes()), (0o755, 0));
}

#[test]
fn a_list_without_names_leaves_only_a_mode_behind() {
    let plain = [
        (USER_OBJ, 7, NO_ID),
        (GROUP_OBJ, 5, NO_ID),
        (OTHER, 1, NO_ID),
    ];
    let value = list(&plain);
    let new = Inherited::new(Some(&value), InodeKind::File, 0o666, 0);
    assert_eq!((new.mode, new.access), (0o640, None));
}

#[test]
fn malformed_lists_are_refused() {
    let cut = &list(&NAMED)[..11];
    let mut other_version = list(&NAMED);
    other_version[0] = 1;
    let mut unordered = NAMED;
    unordered.swap(1, 2);
    let mut wide = NAMED;
    wide[1].1 = 8;
    let mut nobody = NAMED;
    nobody[1].2 = NO_ID;
    let unmasked: Vec<_> = NAMED.iter().copied().filter(|e| e.0 != MASK).collect();
    let ownerless = &NAMED[1..];
    let mut twice = NAMED.to_vec();
    twice.push(NAMED[4]);
    let lists = [
        Vec::new(),
        cut.to_vec(),
        other_version,
        list(&unordered),
        list(&wide),
        list(&nobody),
        list(&unmasked),
        list(ownerless),
        list(&twice),
    ];
    for (index, value) in lists.iter().enumerate() {
        let refused = Acl::decode(value);
        assert!(
            matches!(refused, Err(BucketError::Invalid { .. })),
            "{index}: {refused:?}"
        );
    }
    assert_eq!(Acl::decode(&list(&[])).unwrap(), None);
}

#[test]
fn a_mode_changes_the_mask_and_not_the_group() {
    let after = after_mode(&list(&NAMED), 0o614).unwrap();
    let mut expected = NAMED;
    (expected[0].1, expected[3].1, expected[4].1) = (6, 1, 4);
    assert_eq!(after, list(&expected));
}
