//! Label expressions: an expression, lines of `label=value`, lines of `trait=value`.

use policy::{ExpressionContext, LabelExpression};

use crate::parts::{lists, pairs, split};

pub(crate) fn run(input: &str) {
    let [text, labels, traits] = split(input);
    let (labels, traits) = (pairs(labels), lists(traits));
    let labels = labels
        .into_iter()
        .map(|(key, value)| (resource::canonical_label_key(&key).into_owned(), value))
        .collect();
    match LabelExpression::parse(text) {
        Ok(expression) => {
            let context = ExpressionContext { labels: &labels, user: "alice", traits: &traits };
            let found = expression.eval(context);
            // What it says has to be what its negation does not.
            let negated = format!("!({text}\n)");
            if let Ok(negated) = LabelExpression::parse(&negated) {
                let other = negated.eval(context);
                assert_eq!(found, other.map(|value| !value), "negated: {text:?}");
            }
        }
        Err(error) => {
            assert!(error.show(text).contains('^'), "an error that does not point");
            assert!(error.offset() <= text.len(), "an error that points behind the text");
        }
    }
}
