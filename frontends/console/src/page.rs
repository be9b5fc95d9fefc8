//! The page for people: headings and tables, nothing that runs in a browser.

use std::fmt::Write as _;

/// One table under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Heads of the columns; empty for a table of names and values.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// What `/` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Title and first heading.
    pub title: String,
    /// The tables.
    pub sections: Vec<Section>,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;\
padding:0 1rem;color:#1c2321;background:#fbfaf7}h1{font-size:1.4rem}h2{font-size:1.05rem;\
margin:1.6rem 0 .3rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;\
padding:.25rem .9rem .25rem 0;border-bottom:1px solid #dedbd2;vertical-align:top;\
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}th{font-weight:600}\
@media(prefers-color-scheme:dark){body{color:#e6e3da;background:#171a19}\
td,th{border-color:#343a38}a{color:#9cc7ff}}";

/// The page as HTML. Every text in it is escaped.
#[must_use]
pub fn render_page(page: &Page) -> String {
    let mut out = String::new();
    let title = escaped(&page.title);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    for section in &page.sections {
        render_section(&mut out, section);
    }
    out.push_str(
        "<p><a href=\"/metrics\">metrics</a> <a href=\"/healthz\">health</a></p>\n</body></html>\n",
    );
    out
}

fn render_section(out: &mut String, section: &Section) {
    let _ = write!(out, "<h2>{}</h2>\n<table>\n", escaped(&section.heading));
    if !section.columns.is_empty() {
        render_row(out, "th", &section.columns);
    }
    for row in &section.rows {
        render_row(out, "td", row);
    }
    out.push_str("</table>\n");
}

fn render_row(out: &mut String, cell: &str, texts: &[String]) {
    out.push_str("<tr>");
    for text in texts {
        let _ = write!(out, "<{cell}>{}</{cell}>", escaped(text));
    }
    out.push_str("</tr>\n");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
