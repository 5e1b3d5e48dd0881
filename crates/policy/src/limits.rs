//! Every bound of the engine, by name.
//!
//! What is larger than its bound is an error where it is written and an evaluation error where it is met in
//! stored data; it is never cut short silently.

/// Bytes of one pattern once its template is filled in. The longest tool names known are under 128 bytes.
pub const MAX_PATTERN_BYTES: usize = 4 * 1024;

/// Groups and repetitions inside one another in a regex. Compiling recurses once for each.
pub const MAX_REGEX_DEPTH: usize = 250;

/// How often a regex may repeat something, nested repetitions multiplied. The bound is that of RE2.
pub const MAX_REGEX_REPEAT: u32 = 1000;

/// Bytes of the program one regex compiles to: room for `.{1,1000}`, whose copies take half of it.
pub const MAX_REGEX_PROGRAM_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of patterns, with their programs, at which a role set compiles no further one; those it has by then
/// are its last. Ten thousand regexes of the common kind fit, or two hundred thousand names.
pub const MAX_PATTERNS_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of the programs of all patterns of one label expression.
pub const MAX_EXPRESSION_PROGRAMS_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that may be searched and compiled to fill in the templates of one role set, to evaluate one label
/// expression or to map the roles of one user. Those that a large program is run on count several times.
pub const MAX_WORK: usize = 64 * 1024 * 1024;

/// Bytes of one template entry.
pub const MAX_TEMPLATE_BYTES: usize = 4 * 1024;

/// Values one template may expand to; a trait with more of them is an evaluation error.
pub const MAX_TEMPLATE_VALUES: usize = 1000;

/// Bytes of one value that a replacement or a template produces.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Patterns that grant tools, and as many that deny some, of which another cluster is told. With a trait of as
/// many values they are what one template may expand to.
pub const MAX_GRANTED_TOOLS: usize = MAX_TEMPLATE_VALUES / 2;

/// Bytes of all those patterns: they travel in a certificate, beside roles and traits.
pub const MAX_GRANTED_TOOLS_BYTES: usize = 8 * 1024;

/// Bytes of one label expression, rule clause or rule action.
pub const MAX_EXPRESSION_BYTES: usize = 16 * 1024;

/// Depth of one expression. Chains of `&&` and of `||` count once, however long.
pub const MAX_EXPRESSION_DEPTH: usize = 64;

/// Bytes of a tool or prompt name, of a resource URI or of a label's value that is decided upon. Longer ones
/// are refused unseen: no pattern could be tried on them within a bounded time.
pub const MAX_SUBJECT_BYTES: usize = 8 * 1024;
