use super::check;
use crate::tidy::tree::Source;

fn found(path: &str, manifest: &str) -> Vec<String> {
    let name = path.replace('/', "-");
    let text = format!("[package]\nname = \"{name}\"\n{manifest}");
    raw(path, text)
}

fn raw(path: &str, text: String) -> Vec<String> {
    let source = Source {
        path: format!("{path}/Cargo.toml"),
        text,
    };
    let mut findings = Vec::new();
    check(&[source], &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

fn depends(path: &str, on: &str) -> usize {
    found(path, &format!("[dependencies]\n{on}.workspace = true\n")).len()
}

#[test]
fn arrows_point_one_way() {
    assert_eq!(depends("engine/pool", "engine-tree"), 0);
    assert_eq!(depends("engine/tree", "engine-pool"), 1);
    assert_eq!(depends("engine/bucket", "engine-volume"), 1);
    assert_eq!(depends("engine/pool", "frontends-nbd"), 1);
    assert_eq!(depends("frontends/nbd", "engine-volume"), 0);
    assert_eq!(depends("frontends/nbd", "frontends-console"), 1);
    assert_eq!(depends("tools/trefoil", "tools-inspect"), 0);
    assert_eq!(depends("tools/trefoil", "tools-xtask"), 1);
    assert_eq!(depends("tests/model", "tools-trefoil"), 0);
    assert_eq!(depends("tests/crash", "tests-model"), 0);
    assert_eq!(depends("frontends/nbd/fuzz", "frontends-nbd"), 0);
    assert_eq!(depends("tools/trefoil", "tests-model"), 1);
    assert_eq!(depends("engine/base", "thiserror"), 0);
}

#[test]
fn the_inspector_sees_format_and_device_only() {
    assert_eq!(depends("tools/inspect", "engine-format"), 0);
    assert_eq!(depends("tools/inspect", "engine-device"), 0);
    assert_eq!(depends("tools/inspect", "engine-log"), 1);
    assert_eq!(depends("tools/inspect", "frontends-nbd"), 1);
}

#[test]
fn every_table_of_dependencies_counts() {
    for table in [
        "dev-dependencies",
        "build-dependencies",
        "target.'cfg(target_os = \"linux\")'.dependencies",
    ] {
        let manifest = format!("[{table}]\nengine-pool = {{ path = \"x\" }}\n");
        assert_eq!(found("engine/log", &manifest).len(), 1, "{table}");
    }
    let own_features = "[dev-dependencies]\nfrontends-nbd = { path = \".\" }\n";
    assert!(found("frontends/nbd", own_features).is_empty());
}

#[test]
fn crates_are_called_by_their_path_and_have_a_place() {
    let renamed = raw("engine/log", "[package]\nname = \"logger\"\n".to_owned());
    assert!(renamed[0].contains("makes it engine-log"), "{renamed:?}");
    assert!(found("engine/extra", "")[0].contains("no place"));
    assert!(raw("engine/log", "[[[".to_owned())[0].contains("is not TOML"));
    assert!(raw("tests/fixtures", "[workspace]\n".to_owned()).is_empty());
}
