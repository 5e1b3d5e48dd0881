use super::*;

#[test]
fn names_fit_patterns() {
    for (pattern, name, expected) in [
        ("*", "a", true),
        ("*.yaml", "a.yaml", true),
        ("*.yaml", "a.yml", false),
        ("a*", "ba", false),
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("ab*ba", "aba", false),
        ("*a*b*", "xaxbx", true),
        ("*a*b*", "xbxax", false),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn folders_are_walked() {
    let root = tempfile::tempdir().unwrap();
    for file in ["a.yaml", "b.txt", ".hidden.yaml", "x/c.yaml", "x/y/d.yaml", "z/c.yaml"] {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    // A circle, which must be seen once or not at all.
    std::os::unix::fs::symlink(root.path(), root.path().join("x/round")).unwrap();
    let found = |glob: &str| -> Vec<String> {
        let files = find(root.path(), glob).unwrap();
        files
            .iter()
            .map(|path| path.strip_prefix(root.path()).unwrap().display().to_string())
            .collect()
    };
    assert_eq!(found("*.yaml"), ["a.yaml"]);
    assert_eq!(found("*/c.yaml"), ["x/c.yaml", "z/c.yaml"]);
    assert_eq!(found("**/*.yaml"), ["a.yaml", "x/c.yaml", "x/y/d.yaml", "z/c.yaml"]);
    assert_eq!(found("x/**/*.yaml"), ["x/c.yaml", "x/y/d.yaml"]);
    assert_eq!(found("./x/*.yaml"), ["x/c.yaml"]);
    assert_eq!(found("nothing/*.yaml"), Vec::<String>::new());
    assert_eq!(found("none.yaml"), ["none.yaml"]);
}
