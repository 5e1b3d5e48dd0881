//! Resources: read from YAML or JSON, printed, and read again.

use resource::{Resource, Secrets, Source, documents, parse_documents};

pub(crate) fn run(input: &str) {
    let source = Source::new("input.yaml", input);
    let all = parse_documents(&source);
    if let Err(report) = &all {
        assert!(!report.problems().is_empty(), "refused for nothing");
        assert!(report.to_string().starts_with("input.yaml"), "a report that does not say where");
    }
    let mut fine = true;
    for document in documents(&source) {
        match document {
            Ok(parsed) => print_and_read(&parsed.resource),
            Err(_) => fine = false,
        }
    }
    assert_eq!(fine, all.is_ok(), "one by one is not as all at once");
}

fn print_and_read(resource: &Resource) {
    let json = resource.to_json(Secrets::Include);
    let mut expected = resource.clone();
    expected.clear_status();
    let yaml = resource.to_yaml(Secrets::Include);
    let read = parse_documents(&Source::new("printed.yaml", &yaml));
    match read.as_deref() {
        Ok([only]) => assert_eq!(only.resource, expected, "printed as YAML:\n{yaml}"),
        other => assert!(other.is_err_and(|_| false), "printed as YAML:\n{yaml}\n{other:?}"),
    }
    match Resource::from_json(json.to_string().as_bytes()) {
        Ok(mut read) => {
            read.clear_status();
            assert_eq!(read, expected, "printed as JSON: {json}");
        }
        Err(report) => assert!(report.problems().is_empty(), "printed as JSON: {json}\n{report}"),
    }
    drop(resource.to_yaml(Secrets::Redact));
}
