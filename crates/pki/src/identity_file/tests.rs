use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use super::{IdentityFile, IdentityFileError};
use crate::key::PrivateKey;
use crate::testing::{Cluster, NOW, alice};
use crate::trust::TrustStore;

fn file() -> IdentityFile {
    let cluster = Cluster::new("example");
    let (certificate, key) = cluster.user(&alice("example"));
    IdentityFile {
        key,
        certificate,
        authorities: vec![cluster.user.certificate().clone(), cluster.host.certificate().clone()],
        cluster: "example".to_owned(),
        proxy: Some("tessera.example.com:443".to_owned()),
    }
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("identity");
    let file = file();
    file.write(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let again = IdentityFile::read(&path).unwrap();
    assert_eq!(again.key.public(), file.key.public());
    assert_eq!(again.certificate, file.certificate);
    assert_eq!(again.authorities, file.authorities);
    assert_eq!((again.cluster, again.proxy), (file.cluster, file.proxy));
}

#[test]
fn its_content_is_of_use() {
    let file = file();
    let store = TrustStore::new(file.trust().unwrap());
    let chain = file.credentials().unwrap().chain().to_vec();
    assert_eq!(*store.verify(&chain, NOW).unwrap(), alice("example").into());
    let without_proxy = IdentityFile { proxy: None, ..file };
    assert_eq!(IdentityFile::parse(&without_proxy.to_text().unwrap()).unwrap().proxy, None);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let parse = |file: &IdentityFile| IdentityFile::parse(&file.to_text().unwrap());
    let other_key = IdentityFile { key: PrivateKey::generate().unwrap(), ..file() };
    assert!(matches!(parse(&other_key), Err(IdentityFileError::KeyMismatch)));
    assert!(other_key.credentials().is_err());
    let other_cluster = IdentityFile { cluster: "other".to_owned(), ..file() };
    assert!(matches!(parse(&other_cluster), Err(IdentityFileError::Trust { .. })));
}

#[test]
fn a_damaged_file_says_what_is_missing() {
    let text = file().to_text().unwrap().to_string();
    let parse = |text: &str| IdentityFile::parse(text).unwrap_err();
    assert!(matches!(parse(""), IdentityFileError::NoCluster));
    assert!(matches!(parse(&text.replace("# cluster", "# bluster")), IdentityFileError::NoCluster));
    assert!(matches!(parse(&text.replace("PRIVATE", "PUBLIC")), IdentityFileError::Key { .. }));
    let head = text.split("-----BEGIN CERTIFICATE").next().unwrap();
    assert!(matches!(parse(head), IdentityFileError::Certificate { .. }));
    // A line that looks like a header, after the header.
    let late = text.replace("# cluster: example\n", "") + "# cluster: example\n";
    assert!(matches!(parse(&late), IdentityFileError::NoCluster));
}

#[test]
fn the_error_names_the_path_and_not_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("identity");
    let text = file().to_text().unwrap().replace("# cluster", "# bluster");
    crate::secret_file::write(&path, text.as_bytes()).unwrap();
    let error = IdentityFile::read(&path).unwrap_err();
    assert!(error.to_string().contains("identity"));
    assert!(error.source().unwrap().to_string().contains("# cluster: NAME"));
}

#[test]
fn a_header_cannot_be_broken_out_of() {
    for bad in ["", "two\nlines", " padded", "x\r"] {
        let file = IdentityFile { proxy: Some(bad.to_owned()), ..file() };
        assert!(matches!(file.to_text(), Err(IdentityFileError::Value { .. })), "{bad:?}");
    }
}
