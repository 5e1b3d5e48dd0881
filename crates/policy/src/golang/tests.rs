use super::*;
use crate::limits::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH};

/// The tree in parentheses, so that precedence shows.
fn shape(expr: &Expr) -> String {
    let join = |parts: &[Expr], sign: &str| {
        format!("({})", parts.iter().map(shape).collect::<Vec<_>>().join(sign))
    };
    match &expr.node {
        Node::Name(name) => name.clone(),
        Node::Text(text) => format!("{text:?}"),
        Node::Number(number) => number.to_string(),
        Node::Select(base, name) => format!("{}.{name}", shape(base)),
        Node::Index(base, key) => format!("{}[{}]", shape(base), shape(key)),
        Node::Call(function, arguments) => format!("{}{}", shape(function), join(arguments, ", ")),
        Node::Not(inner) => format!("!{}", shape(inner)),
        Node::And(parts) => join(parts, " && "),
        Node::Or(parts) => join(parts, " || "),
        Node::Compare(comparison, left, right) => {
            format!("({} {} {})", shape(left), comparison.symbol(), shape(right))
        }
    }
}

#[track_caller]
fn ok(text: &str, expected: &str) {
    match parse(text) {
        Ok(expr) => assert_eq!(shape(&expr), expected, "{text}"),
        Err(error) => panic!("{}", error.show(text)),
    }
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = parse(text).expect_err(text);
    assert!(error.message().contains(message), "{text}: {error}");
}

#[test]
fn precedence() {
    ok("a || b && c", "(a || (b && c))");
    ok("a && b || c && d", "((a && b) || (c && d))");
    ok("a && b && c", "(a && b && c)");
    ok("(a || b) && c", "((a || b) && c)");
    ok("!a == b", "(!a == b)");
    ok("!a.b(c)[\"d\"]", "!a.b(c)[\"d\"]");
    ok("a == b && c != d", "((a == b) && (c != d))");
    ok("a == b == c", "((a == b) == c)");
}

#[test]
fn line_ends() {
    ok("a &&\n b", "(a && b)");
    ok("a\n", "a");
    ok("a\n\n \n", "a");
    ok("\n\na", "a");
    ok("f(\n a,\n b,\n)", "f(a, b)");
    ok("a // comment", "a");
    ok("a /* x */ && b", "(a && b)");
    refused("a\n&& b", "found `&&`");
    refused("a /* \n */ && b", "found `&&`");
    refused("f(a\n, b)", "found the end of the line");
    refused("(a\n)", "found the end of the line");
    refused("a // b\n c", "found `c`");
    refused("a /* b", "the comment is not closed");
    refused("a;", "unexpected character ';'");
}

#[test]
fn strings() {
    ok(r#""a\"b\\c\n""#, r#""a\"b\\c\n""#);
    ok(r#""\101\x41\u0041\U0001F600""#, r#""AAA😀""#);
    ok(r#""\xc3\xa4""#, r#""ä""#);
    ok("`a\\d\"\r\n`", r#""a\\d\"\n""#);
    ok(r#""\a\b\f\r\t\v""#, r#""\u{7}\u{8}\u{c}\r\t\u{b}""#);
    refused(r#""\d""#, "unknown escape");
    refused(r#""\'""#, "unknown escape");
    refused(r#""\400""#, "unknown escape");
    refused(r#""\12""#, "unknown escape");
    refused(r#""\x+1""#, "unknown escape");
    refused(r#""\uD800""#, "unknown escape");
    refused(r#""\U00110000""#, "unknown escape");
    refused("\"a\nb\"", "not closed");
    refused("\"a", "not closed");
    refused("`a", "not closed");
    refused("\"a\\", "unknown escape");
    refused(r#""\xff""#, "not valid UTF-8");
    refused("'a'", "unexpected character");
}

#[test]
fn numbers_and_names() {
    ok("10", "10");
    ok("größe", "größe");
    ok("_a1", "_a1");
    refused("1.5", "not a number");
    refused(".5", "not a number");
    refused("0x10", "not a number");
    refused("1_000", "not a number");
    refused("08", "not a number");
    refused("99999999999999999999", "not a number");
    refused("a.1", "not a number");
    refused("a.type", "expected a name after `.`, found the reserved word `type`");
    refused("func", "expected a value");
}

#[test]
fn what_is_left_out() {
    refused("", "expected a value, found the end of the expression");
    refused("a b", "expected an operator");
    refused("a > b", "unsupported operator: >");
    refused("a + b", "unsupported operator: +");
    refused("-a", "unsupported operator: -");
    refused("a = b", "found `=`");
    refused("f(a b)", "expected `,` or `)`");
    refused("f(,)", "expected a value");
    refused("f(a,,b)", "expected a value");
    refused("a[b", "expected `]`");
    refused("a[1:2]", "unsupported operator: :");
    refused("a[]", "expected a value");
    refused("f(a...)", "expected `,` or `)`");
    refused("[]string{}", "expected a value");
    refused("a && ", "expected a value");
    refused("a..b", "expected a name after `.`");
    refused("a#b", "unexpected character '#'");
}

#[test]
fn errors_point() {
    let text = "contains(labels[\"a\"], \"b\" > 1)";
    let shown = parse(text).unwrap_err().show(text);
    assert_eq!(
        shown,
        "unsupported operator: >\n  contains(labels[\"a\"], \"b\" > 1)\n                            ^\n  \
         help: the operators are `&&`, `||`, `!`, `==` and `!=`"
    );
}

#[test]
fn bounds() {
    let padded = |bytes: usize| format!("{}a", " ".repeat(bytes - 1));
    assert!(parse(&padded(MAX_EXPRESSION_BYTES)).is_ok());
    refused(&padded(MAX_EXPRESSION_BYTES + 1), "bytes");

    let nots = |depth: usize| format!("{}a", "!".repeat(depth - 1));
    assert!(parse(&nots(MAX_EXPRESSION_DEPTH)).is_ok());
    refused(&nots(MAX_EXPRESSION_DEPTH + 1), "levels deep");
    let parens = |depth: usize| format!("{}a{}", "(".repeat(depth - 1), ")".repeat(depth - 1));
    assert!(parse(&parens(MAX_EXPRESSION_DEPTH)).is_ok());
    refused(&parens(MAX_EXPRESSION_DEPTH + 1), "levels deep");
    let dots = |depth: usize| format!("a{}", ".b".repeat(depth - 1));
    assert!(parse(&dots(MAX_EXPRESSION_DEPTH)).is_ok());
    refused(&dots(MAX_EXPRESSION_DEPTH + 1), "levels deep");

    // A chain is as deep as its deepest part.
    assert!(parse(&vec!["a"; 3000].join(" && ")).is_ok());
    assert!(parse(&"(".repeat(MAX_EXPRESSION_BYTES)).is_err());
}
