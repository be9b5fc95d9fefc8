use fuser::Errno;

use super::{is_listed, shown_name, stored_name};
use crate::door::Caller;

#[test]
fn names_of_the_object_go_both_ways() {
    let stored = stored_name(b"user.s3.meta.a").unwrap();
    assert_eq!(&*stored, b"object.meta.a");
    assert_eq!(&*shown_name(&stored), b"user.s3.meta.a");
    assert_eq!(&*stored_name(b"user.a").unwrap(), b"user.a");
    assert_eq!(&*shown_name(b"user.a"), b"user.a");
}

#[test]
fn nothing_of_the_object_has_a_second_name() {
    assert!(stored_name(b"object.meta.a").is_err());
}

#[test]
fn names_that_the_kernel_does_not_guard_are_refused() {
    for name in [
        &b"system.x"[..],
        b"system.",
        b"system.posix_acl_accessx",
        b"system.posix_acl",
        b"usr.x",
        b"user",
        b"x",
        b"",
    ] {
        assert_eq!(
            stored_name(name).unwrap_err().code(),
            Errno::EOPNOTSUPP.code()
        );
    }
    for name in [&b"user."[..], b"trusted.", b"security."] {
        assert_eq!(stored_name(name).unwrap_err().code(), Errno::EINVAL.code());
    }
    for name in [
        &b"user.x"[..],
        b"trusted.x",
        b"security.x",
        b"system.posix_acl_access",
        b"system.posix_acl_default",
    ] {
        assert_eq!(&*stored_name(name).unwrap(), name);
    }
}

#[test]
fn listings_leave_out_what_the_caller_may_not_ask_for() {
    let caller = |uid| Caller { uid, gid: 0 };
    for (name, for_root, for_others) in [
        (&b"user.x"[..], true, true),
        (b"security.x", true, true),
        (b"system.posix_acl_access", true, true),
        (b"trusted.x", true, false),
        // Stored before such names were refused.
        (b"system.x", false, false),
    ] {
        assert_eq!(is_listed(caller(0), name), for_root);
        assert_eq!(is_listed(caller(1), name), for_others);
    }
}
