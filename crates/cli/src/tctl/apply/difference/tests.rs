use super::*;

fn resource(labels: &str) -> Resource {
    let text = format!(
        "kind: app\nmetadata: {{name: x, labels: {labels}}}\nspec: {{uri: 'mcp+http://h'}}\n"
    );
    let parsed = resource::parse_documents(&resource::Source::new("a", &text)).unwrap();
    parsed.into_iter().next().unwrap().resource
}

fn told(before: &str, after: &str) -> Vec<String> {
    between(&resource(before), &resource(after)).iter().map(ToString::to_string).collect()
}

#[test]
fn places_are_named_as_one_would_look_for_them() {
    assert_eq!(
        told("{a: x, c/d: y}", "{a: z, e: w}"),
        [
            "metadata.labels.a: \"x\" -> \"z\"",
            "metadata.labels.e: \"w\" added",
            "metadata.labels[\"c/d\"]: \"y\" removed",
        ]
    );
}

#[test]
fn long_values_are_cut() {
    let long = "v".repeat(SHOWN * 2);
    let told = told("{}", &format!("{{a: {long}}}"));
    assert!(told[0].len() < SHOWN + 40, "{told:?}");
}
