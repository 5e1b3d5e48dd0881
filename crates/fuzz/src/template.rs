//! Templates: an entry, and lines of `trait=value`.

use policy::limits::{MAX_TEMPLATE_BYTES, MAX_TEMPLATE_VALUES, MAX_VALUE_BYTES};
use policy::{Template, TemplateError, TemplateValues};

use crate::parts::{lists, split};

pub(crate) fn run(input: &str) {
    let [entry, traits] = split(input);
    let traits = lists(traits);
    let template = match Template::parse(entry) {
        Ok(template) => template,
        Err(TemplateError::Syntax(error) | TemplateError::BadParameter(error)) => {
            assert!(error.show(entry).contains('^'), "an error that does not point");
            assert!(error.offset() <= entry.len(), "an error that points behind the text");
            return;
        }
        Err(_) => return,
    };
    assert!(entry.len() <= MAX_TEMPLATE_BYTES, "a template that is too long");
    let values = TemplateValues::new("alice", &traits);
    if let Ok(texts) = template.expand(values) {
        assert!(!texts.is_empty(), "no values and no error");
        assert!(texts.len() <= MAX_TEMPLATE_VALUES, "too many values");
        let longest = MAX_VALUE_BYTES + MAX_TEMPLATE_BYTES;
        assert!(texts.iter().all(|text| text.len() <= longest), "a value that is too long");
        // What has no template in it is itself.
        if !entry.contains("{{") {
            assert_eq!(texts, [entry], "text without a template was changed");
        }
    }
}
