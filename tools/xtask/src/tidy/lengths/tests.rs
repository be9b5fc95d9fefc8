use super::check;
use crate::tidy::tree::Source;

fn file(path: &str, lines: usize) -> Source {
    Source {
        path: path.to_owned(),
        text: "x\n".repeat(lines),
    }
}

fn ratchet(text: &str) -> Source {
    Source {
        path: "tools/xtask/ratchet.txt".to_owned(),
        text: text.to_owned(),
    }
}

fn found(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    check(sources, &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn files_up_to_the_target_are_fine_and_prose_has_no_limit() {
    assert!(found(&[file("a.rs", 300), file("README.md", 900)]).is_empty());
    assert_eq!(
        found(&[file("a.rs", 301)]),
        ["a.rs: 301 lines; split it to 300 or fewer"]
    );
}

#[test]
fn a_listed_file_may_only_shrink() {
    let with = |lines| found(&[file("a.rs", lines), ratchet("# list\n\na.rs 400\n")]);
    assert!(with(400).is_empty());
    assert!(with(401)[0].contains("may only shrink from 400"));
    assert!(with(399)[0].contains("write 399 instead of 400"));
    assert!(with(300)[0].contains("take it off"));
    assert!(with(501)[0].contains("500 is the most"));
    assert!(found(&[file("a.rs", 501), ratchet("a.rs 501\n")])[0].contains("500 is the most"));
}

#[test]
fn the_list_itself_is_checked() {
    assert!(found(&[ratchet("gone.rs 400\n")])[0].contains("does not exist"));
    assert!(found(&[ratchet("gone.rs\n")])[0].contains("ratchet.txt:1"));
    assert!(found(&[ratchet("gone.rs many\n")])[0].contains("ratchet.txt:1"));
}

#[test]
fn lines_have_a_hundred_characters_of_ascii() {
    let source = |text: String| Source {
        path: "a.rs".to_owned(),
        text,
    };
    assert!(found(&[source("x".repeat(100))]).is_empty());
    let wide = found(&[source(format!("\n{}", "x".repeat(101)))]);
    assert_eq!(wide, ["a.rs:2: 101 characters; 100 is the most"]);
    assert!(found(&[source("a \u{2014} b".to_owned())])[0].contains("not ASCII"));
}
