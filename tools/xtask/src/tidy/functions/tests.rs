use super::check;
use crate::tidy::tree::Source;

fn found(text: &str) -> Vec<String> {
    let source = Source {
        path: "a.rs".to_owned(),
        text: text.to_owned(),
    };
    let mut findings = Vec::new();
    check(&source, &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

fn body(lines: usize) -> String {
    "    x();\n".repeat(lines)
}

#[test]
fn bodies_have_up_to_seventy_lines_of_code() {
    let fine = format!("fn f() {{\n{}\n    // why\n}}\n", body(70));
    assert!(found(&fine).is_empty());
    let long = format!("\nfn f() {{\n{}}}\n", body(71));
    assert_eq!(found(&long), ["a.rs:2: fn f has 71 lines; 70 is the most"]);
}

#[test]
fn methods_and_functions_in_modules_count_too() {
    let body = body(71);
    let method = format!("impl T {{ fn m() {{\n{body}}} }}");
    assert_eq!(found(&method).len(), 1);
    let default = format!("trait T {{ fn d() {{\n{body}}} fn e(); }}");
    assert_eq!(found(&default).len(), 1);
    let nested = format!("mod m {{ fn f() {{\n{body}}} }}");
    assert_eq!(found(&nested).len(), 1);
    assert!(found("fn f() { g() }").is_empty());
}

#[test]
fn an_ignored_test_says_why() {
    assert!(found("#[ignore = \"needs a raw device\"]\nfn f() {}").is_empty());
    let silent = found("#[test]\n#[ignore]\nfn f() {}");
    assert!(
        silent[0].starts_with("a.rs:2: a test is ignored"),
        "{silent:?}"
    );
    let nested = found("mod m { #[ignore]\nfn f() {} }");
    assert_eq!(nested.len(), 1);
}

#[test]
fn what_is_not_rust_is_a_finding() {
    assert!(found("fn f( {}")[0].contains("is not Rust"));
}
