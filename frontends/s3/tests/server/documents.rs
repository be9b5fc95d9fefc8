//! Bodies that are XML and mean harm. Each is refused, changes nothing, and the server goes on.

use crate::client::Answer;
use crate::{World, ask};

fn delete(world: &World, document: &[u8]) -> Answer {
    world.send(ask("POST", "/bkt?delete").body(document))
}

/// A world with the objects `a` and `ab`, which must stay.
fn world() -> World {
    let world = World::with_bucket();
    world.put("/bkt/a", b"a");
    world.put("/bkt/ab", b"ab");
    world
}

fn end(world: World) {
    let list = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(list.elements("Key"), ["a", "ab"], "nothing was deleted");
    world.stop();
}

#[test]
fn entities_are_not_expanded() {
    let world = world();
    let mut entities = "<!ENTITY e0 \"a\">".to_owned();
    for level in 1..30 {
        let above = level - 1;
        let ten = format!("&e{above};").repeat(10);
        entities += &format!("<!ENTITY e{level} \"{ten}\">");
    }
    for declared in [
        &entities[..],
        "<!ENTITY e29 SYSTEM \"file:///etc/passwd\">",
        "<!ENTITY % p SYSTEM \"http://127.0.0.1:1/\"> %p;",
    ] {
        let bomb = format!(
            "<!DOCTYPE Delete [{declared}]><Delete><Object><Key>&e29;</Key></Object></Delete>"
        );
        delete(&world, bomb.as_bytes()).refused(400, "MalformedXML");
    }
    let undeclared = b"<Delete><Object><Key>&e29;</Key></Object></Delete>";
    delete(&world, undeclared).refused(400, "MalformedXML");
    end(world);
}

/// The library drops such sections, and would delete `a` here.
#[test]
fn a_key_with_a_section_that_is_passed_over_is_refused() {
    let world = world();
    for key in ["a<![CDATA[b]]>", "<![CDATA[ab]]>"] {
        let document = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
        delete(&world, document.as_bytes()).refused(400, "MalformedXML");
    }
    end(world);
}

#[test]
fn documents_that_are_deep_do_not_end_the_stack() {
    let world = world();
    let levels = 300_000;
    let deep = "<x>".repeat(levels) + &"</x>".repeat(levels);
    for document in [
        format!("<Delete>{deep}</Delete>"),
        format!("<Delete><Object>{deep}</Object></Delete>"),
        format!("<Delete><Object><Key>{deep}</Key></Object></Delete>"),
        "<x>".repeat(levels),
        "<Delete>".repeat(levels / 4),
    ] {
        assert_eq!(delete(&world, document.as_bytes()).status, 400);
    }
    end(world);
}

#[test]
fn documents_that_are_too_large_are_refused() {
    let world = world();
    let object = "<Object><Key>none</Key></Object>";
    let many = format!("<Delete>{}</Delete>", object.repeat(1001));
    delete(&world, many.as_bytes()).refused(400, "MalformedXML");
    let large = format!("<Delete>{}</Delete>", " ".repeat(4 << 20));
    delete(&world, large.as_bytes()).refused(400, "MaxMessageLengthExceeded");
    let long = format!(
        "<Delete><Object><Key>{}</Key></Object></Delete>",
        "k".repeat(1 << 20)
    );
    let answer = delete(&world, long.as_bytes());
    assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
    end(world);
}

#[test]
fn documents_that_are_none_are_refused() {
    let world = world();
    let documents: [&[u8]; 14] = [
        b"",
        b"\0",
        b"<",
        b"<Delete",
        b"<Delete>",
        b"<Delete><Object><Key>a</Key></Object>",
        b"<Delete><Object><Key>a</Object></Key></Delete>",
        b"<Delete><Object><Key>a</Key><Key>ab</Key></Object></Delete>",
        b"<Delete><Object><Key><b/>a</Key></Object></Delete>",
        b"<Delete><Object></Object></Delete>",
        b"<Tagging><TagSet></TagSet></Tagging>",
        b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
        b"\xff\xfe<\0D\0e\0l\0e\0t\0e\0>\0",
        b"{\"Delete\": {\"Object\": [{\"Key\": \"a\"}]}}",
    ];
    for document in documents {
        let answer = delete(&world, document);
        let shown = String::from_utf8_lossy(document);
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
    }
    let complete = |document: &str| {
        let made = world.send(ask("POST", "/bkt/key?uploads")).expect(200);
        let path = format!("/bkt/key?uploadId={}", made.element("UploadId"));
        let answer = world.send(ask("POST", &path).body(document.as_bytes()));
        world.send(ask("DELETE", &path)).expect(204);
        let code = answer.code();
        let is_refused = ["MalformedXML", "InvalidPart"].contains(&&code[..]);
        assert!(is_refused, "{document}: {}", answer.text());
    };
    for number in ["-1", "99999999999", "1.0", "one", ""] {
        complete(&format!(
            "<CompleteMultipartUpload><Part><PartNumber>{number}</PartNumber><ETag>x</ETag></Part>\
             </CompleteMultipartUpload>"
        ));
    }
    end(world);
}
