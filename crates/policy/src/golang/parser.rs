//! From tokens to a tree.

use std::ops::Range;

use super::lexer::tokens;
use super::token::{Kind, Token};
use super::{Comparison, Expr, Node};
use crate::limits::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH};
use crate::syntax::SyntaxError;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    end: usize,
}

/// Operators of the syntax that none of the languages has.
const UNSUPPORTED: [&str; 17] =
    ["<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "&^", "<-", ":"];

/// Parses one expression that takes up all of `text`.
pub(crate) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        let found = text.len();
        let message =
            format!("the expression has {found} bytes, at most {MAX_EXPRESSION_BYTES} are allowed");
        return Err(SyntaxError::new(message, 0, 0));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, end: text.len() };
    let expr = parser.disjunction()?;
    if parser.peek() == &Kind::LineEnd {
        parser.at += 1;
        if parser.peek() != &Kind::End {
            return Err(parser
                .unexpected("nothing after the end of the line")
                .with_help("break lines after an operator, not before it"));
        }
    }
    if parser.peek() != &Kind::End {
        return Err(parser.unexpected("an operator or the end of the expression"));
    }
    Ok(expr)
}

// === impl Parser ===

impl Parser {
    fn peek(&self) -> &Kind {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |token| token.span.clone())
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Kind::Sign(next) if *next == sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    /// Where the token before this one ends.
    fn last_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(0, |token| token.span.end)
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let span = self.span();
        let found = self.peek();
        let error = match found {
            Kind::Sign(sign) if UNSUPPORTED.contains(sign) => {
                SyntaxError::new(format!("unsupported operator: {sign}"), span.start, span.len())
                    .with_help("the operators are `&&`, `||`, `!`, `==` and `!=`")
            }
            _ => SyntaxError::new(
                format!("expected {expected}, found {}", found.describe()),
                span.start,
                span.len(),
            ),
        };
        match found {
            Kind::Sign("=") => error.with_help("comparison is `==`"),
            Kind::Keyword(word) => error
                .with_help(format!("a name like `{word}` is written in brackets: [\"{word}\"]")),
            _ => error,
        }
    }

    fn build(&self, node: Node, span: Range<usize>) -> Result<Expr, SyntaxError> {
        let deepest = match &node {
            Node::Name(_) | Node::Text(_) | Node::Number(_) => 0,
            Node::Select(base, _) | Node::Not(base) => base.depth,
            Node::Index(base, key) => base.depth.max(key.depth),
            Node::Compare(_, left, right) => left.depth.max(right.depth),
            Node::Call(function, arguments) => {
                arguments.iter().map(|argument| argument.depth).fold(function.depth, usize::max)
            }
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().map(|part| part.depth).max().unwrap_or(0)
            }
        };
        if deepest >= MAX_EXPRESSION_DEPTH {
            return Err(Self::too_deep(&span));
        }
        Ok(Expr { node, span, depth: deepest + 1 })
    }

    fn too_deep(span: &Range<usize>) -> SyntaxError {
        let message = format!("the expression nests more than {MAX_EXPRESSION_DEPTH} levels deep");
        SyntaxError::new(message, span.start, span.len())
    }

    fn disjunction(&mut self) -> Result<Expr, SyntaxError> {
        self.chain("||", Self::conjunction, Node::Or)
    }

    fn conjunction(&mut self) -> Result<Expr, SyntaxError> {
        self.chain("&&", Self::comparison, Node::And)
    }

    /// One or more of `part` with `sign` between them.
    fn chain(
        &mut self,
        sign: &str,
        part: fn(&mut Self) -> Result<Expr, SyntaxError>,
        join: fn(Vec<Expr>) -> Node,
    ) -> Result<Expr, SyntaxError> {
        let first = part(self)?;
        let start = first.span.start;
        let mut parts = vec![first];
        while self.eat(sign) {
            parts.push(part(self)?);
        }
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => Ok(only),
            (_, last) => {
                parts.extend(last);
                self.build(join(parts), start..self.last_end())
            }
        }
    }

    fn comparison(&mut self) -> Result<Expr, SyntaxError> {
        let mut left = self.unary()?;
        loop {
            let comparison = if self.eat("==") {
                Comparison::Equal
            } else if self.eat("!=") {
                Comparison::NotEqual
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            let span = left.span.start..right.span.end;
            left = self.build(Node::Compare(comparison, Box::new(left), Box::new(right)), span)?;
        }
    }

    fn unary(&mut self) -> Result<Expr, SyntaxError> {
        let span = self.span();
        // Checked before going deeper: the tree that `build` measures exists only afterwards.
        if self.depth >= MAX_EXPRESSION_DEPTH {
            return Err(Self::too_deep(&span));
        }
        self.depth += 1;
        let expr = if self.eat("!") {
            let inner = self.unary()?;
            let end = inner.span.end;
            self.build(Node::Not(Box::new(inner)), span.start..end)
        } else {
            self.primary()
        };
        self.depth -= 1;
        expr
    }

    fn primary(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.span().start;
        let mut expr = self.operand()?;
        loop {
            let node = if self.eat(".") {
                let Kind::Name(name) = self.peek() else {
                    return Err(self.unexpected("a name after `.`"));
                };
                let name = name.clone();
                self.at += 1;
                Node::Select(Box::new(expr), name)
            } else if self.eat("[") {
                let key = self.disjunction()?;
                self.expect("]")?;
                Node::Index(Box::new(expr), Box::new(key))
            } else if self.eat("(") {
                Node::Call(Box::new(expr), self.arguments()?)
            } else {
                return Ok(expr);
            };
            expr = self.build(node, start..self.last_end())?;
        }
    }

    /// The arguments of a call, up to and with the closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<Expr>, SyntaxError> {
        let mut arguments = Vec::new();
        while !self.eat(")") {
            arguments.push(self.disjunction()?);
            if !self.eat(",") {
                if self.eat(")") {
                    break;
                }
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(arguments)
    }

    fn operand(&mut self) -> Result<Expr, SyntaxError> {
        let span = self.span();
        let node = match self.peek() {
            Kind::Name(name) => Node::Name(name.clone()),
            Kind::Text(text) => Node::Text(text.clone()),
            Kind::Number(number) => Node::Number(*number),
            Kind::Sign("(") => {
                self.at += 1;
                let inner = self.disjunction()?;
                self.expect(")")?;
                return Ok(Expr { span: span.start..self.last_end(), ..inner });
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        self.build(node, span)
    }
}
