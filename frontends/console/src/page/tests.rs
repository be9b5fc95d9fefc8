use super::{Page, Section, render_page};

#[test]
fn every_text_is_escaped() {
    let evil = "<script>alert('x')</script>&\"";
    let page = Page {
        title: evil.to_owned(),
        sections: vec![Section {
            heading: evil.to_owned(),
            columns: vec![evil.to_owned()],
            rows: vec![vec![evil.to_owned(), "plain".to_owned()]],
        }],
    };
    let html = render_page(&page);
    assert!(!html.contains("<script"), "{html}");
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;";
    assert_eq!(html.matches(escaped).count(), 5, "{html}");
    assert!(html.contains("<td>plain</td>"));
}

#[test]
fn a_table_without_heads_has_rows_only() {
    let page = Page {
        title: "t".to_owned(),
        sections: vec![Section {
            heading: "Pool".to_owned(),
            columns: Vec::new(),
            rows: vec![vec!["capacity".to_owned(), "1.0 GiB".to_owned()]],
        }],
    };
    let html = render_page(&page);
    assert!(!html.contains("<th>"));
    assert!(html.contains("<tr><td>capacity</td><td>1.0 GiB</td></tr>"));
}
