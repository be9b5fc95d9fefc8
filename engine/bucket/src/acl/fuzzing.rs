//! What holds for any bytes that are said to be an access control list.

use super::{Acl, ENTRY_BYTES, GROUP, USER};

/// Panics if something does not hold.
pub(crate) fn holds(value: &[u8]) {
    let Ok(Some(acl)) = Acl::decode(value) else {
        return;
    };
    let kept = acl.encode();
    assert_eq!(kept.len(), value.len());
    let entries = kept[4..].chunks(ENTRY_BYTES);
    for (entry, (kept, given)) in acl
        .entries
        .iter()
        .zip(entries.zip(value[4..].chunks(ENTRY_BYTES)))
    {
        assert_eq!(kept[..4], given[..4]);
        assert!(!matches!(entry.tag, USER | GROUP) || kept == given);
    }
    let again = Acl::decode(&kept).expect("what is kept is a list");
    let again = again.expect("what is kept has entries");
    assert_eq!(again.encode(), kept, "there is one encoding");
    for mode in [0o777, 0o750, 0o027, 0] {
        let mut list = again.clone();
        list.limit_to(mode);
        assert_eq!(list.mode_bits() & !mode, 0, "nothing more is granted");
        list.set_mode(mode);
        assert_eq!(list.mode_bits(), mode);
        Acl::decode(&list.encode()).expect("it is still a list");
    }
}

/// Lists that are accepted: without named entries, and with all kinds of them.
#[cfg(test)]
pub(crate) fn samples() -> [Vec<u8>; 2] {
    use super::{Entry, GROUP_OBJ, MASK, NO_ID, OTHER, USER_OBJ};
    let entry = |(tag, permissions, id)| Entry {
        tag,
        permissions,
        id,
    };
    let least = [
        (USER_OBJ, 7, NO_ID),
        (GROUP_OBJ, 5, NO_ID),
        (OTHER, 4, NO_ID),
    ];
    let most = [
        (USER_OBJ, 6, NO_ID),
        (USER, 7, 1000),
        (USER, 0, 1001),
        (GROUP_OBJ, 4, NO_ID),
        (GROUP, 2, 100),
        (MASK, 5, NO_ID),
        (OTHER, 0, NO_ID),
    ];
    [&least[..], &most[..]].map(|entries| {
        let entries = entries.iter().copied().map(entry).collect();
        Acl { entries }.encode()
    })
}
