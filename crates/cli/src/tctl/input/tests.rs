use super::*;

#[test]
fn a_folder_is_its_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.yml", "a.yaml", "c/d.json", "notes.md", ".hidden/e.yaml", ".f.yaml"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "kind: app\n").unwrap();
    }
    let sources = read_all(&[folder.path().to_owned()], &Printer::new()).unwrap();
    let names = sources.iter().map(|source| source.name().to_owned());
    let expected = ["a.yaml", "b.yml", "c/d.json"].map(|name| folder.path().join(name));
    assert_eq!(names.map(PathBuf::from).collect::<Vec<_>>(), expected);
}

#[cfg(unix)]
#[test]
fn a_folder_that_holds_itself_ends() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    let error = read_all(&[folder.path().to_owned()], &Printer::new()).unwrap_err();
    assert!(error.to_string().contains("is deeper than"), "{error}");
}
