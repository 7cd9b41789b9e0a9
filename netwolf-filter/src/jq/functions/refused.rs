//! Names that are no functions here: what jq has beside these, with the reason, and words of the syntax.

/// What jq has and programs here have not, with the reason.
pub(super) const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "reduce",
            "foreach",
            "def",
            "label",
            "break",
            "range",
            "repeat",
            "recurse",
            "while",
            "until",
            "limit",
            "combinations",
            "walk",
            "input",
            "inputs",
        ],
        "a program loops over what is there and over nothing else: `.[]`, `..`, `map(f)`, `add`, `first(f)`, `any(f)`, `all(f)`",
    ),
    (
        &[
            "now",
            "localtime",
            "gmtime",
            "mktime",
            "strftime",
            "strptime",
            "strflocaltime",
            "todate",
            "fromdate",
            "todateiso8601",
            "fromdateiso8601",
            "date",
            "dateadd",
            "datesub",
        ],
        "programs have no clock and no dates: let the metric parse the text",
    ),
    (
        &[
            "env",
            "input_filename",
            "input_line_number",
            "debug",
            "stderr",
            "halt",
            "halt_error",
            "import",
            "include",
            "module",
            "modulemeta",
            "get_search_list",
        ],
        "a program sees the output and nothing else",
    ),
    (
        &[
            "match", "scan", "sub", "gsub", "splits", "ascii", "explode", "implode",
        ],
        "`test(\"...\")` and `capture(\"...\")` find what a pattern says, and the metric's own rules change texts",
    ),
    (
        &[
            "path",
            "paths",
            "getpath",
            "setpath",
            "delpaths",
            "del",
            "pick",
            "leaf_paths",
        ],
        "make a new object of what is wanted: `{name: f}`",
    ),
];

/// Words that are syntax and no functions; the last ones are refused.
const KEYWORDS: [&str; 19] = [
    "and", "or", "as", "if", "then", "elif", "else", "end", "try", "catch", "reduce", "foreach",
    "def", "label", "break", "import", "include", "module", "__loc__",
];

/// Whether `name` is a word of the syntax.
pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}
