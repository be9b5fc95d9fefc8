use super::{checked_id, checked_secret, random};

#[test]
fn ids_and_secrets_are_what_signatures_can_carry() {
    for id in ["abc", "AKIA.x-1_z", &"i".repeat(128)] {
        assert_eq!(checked_id(id), Ok(id));
    }
    for id in [
        "",
        "ab",
        "a/b",
        "a b",
        "a\nb",
        "key\u{e9}",
        &"i".repeat(129),
    ] {
        let message = checked_id(id).expect_err("a bad id").message;
        assert!(message.contains("3 to 128"), "{message}");
    }
    for secret in ["12345678", "a+b/c=d~", &"s".repeat(128)] {
        assert_eq!(checked_secret(secret), Ok(secret));
    }
    for secret in ["1234567", "12345 78", "1234567\u{7f}", &"s".repeat(129)] {
        let message = checked_secret(secret).expect_err("a bad secret").message;
        assert!(
            !message.contains(secret),
            "a secret is not shown: {message}"
        );
    }
}

#[test]
fn random_words_have_their_length_and_differ() {
    let (a, b) = (
        random(40, b"0123456789abcdef"),
        random(40, b"0123456789abcdef"),
    );
    let (a, b) = (a.expect("random"), b.expect("random"));
    assert_eq!((a.len(), b.len()), (40, 40));
    assert_ne!(a, b);
}
