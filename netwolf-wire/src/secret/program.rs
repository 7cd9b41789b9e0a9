//! A program and its arguments, written as one line. No shell reads it.

use std::{fmt, path::Path, str::FromStr};

use super::SecretRefError;

/// A program and its arguments. Blanks part them; what stands between quotation marks is one piece, and a backslash takes
/// the meaning from what is behind it, but not between single ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    text: String,
    /// The absolute path, then the arguments.
    words: Vec<String>,
}

impl Program {
    /// Where it is.
    pub fn path(&self) -> &Path {
        Path::new(self.words.first().map_or("", String::as_str))
    }

    /// What it is told.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

impl FromStr for Program {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        let words = words(text)?;
        let is_absolute = words.first().is_some_and(|word| word.starts_with('/'));
        // Arguments of a program cannot have it, and what shows them has lines.
        if !is_absolute || text.contains(['\0', '\n', '\r']) {
            return Err(SecretRefError::Program);
        }
        Ok(Self {
            text: text.into(),
            words,
        })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn words(text: &str) -> Result<Vec<String>, SecretRefError> {
    let mut words = Vec::new();
    // None between two words: `''` is a word, too.
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                let meant = chars.next().ok_or(SecretRefError::Quote)?;
                word.get_or_insert_default().push(meant);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() {
        return Err(SecretRefError::Quote);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn blanks_part_words_and_quotation_marks_hold_them_together() {
        check("/bin/a", &["/bin/a"]);
        check("/bin/a  b\tc ", &["/bin/a", "b", "c"]);
        check(
            r#"/bin/a "b c" 'd "e"' ''"#,
            &["/bin/a", "b c", r#"d "e""#, ""],
        );
        check(
            r#"/bin/a b\ c "d\"e\\" '\'"#,
            &["/bin/a", "b c", r#"d"e\"#, r"\"],
        );
        check("'/bin/with blank'/a", &["/bin/with blank/a"]);
        // What a shell would make something of is a text like any other.
        check("/bin/a $HOME *;`b`", &["/bin/a", "$HOME", "*;`b`"]);
    }

    #[test]
    fn a_program_is_named_by_its_absolute_path() {
        let program: Program = "/bin/vault read -field=password kv/x".parse().unwrap();
        assert_eq!(program.path(), Path::new("/bin/vault"));
        assert_eq!(program.arguments(), ["read", "-field=password", "kv/x"]);
        for bad in ["vault", "", " ", "/bin/a\nb", "/bin/a \0", r"/bin/a \"] {
            assert!(bad.parse::<Program>().is_err(), "{bad:?}");
        }
    }
}
