//! Lines of configuration: which ones a family knows, and where they lead.
//!
//! ```text
//!   interface Loopback0 ──> (config-if)#     [interface Loopback0]
//!   description uplink  ──> (config-if)#     [interface Loopback0, description uplink] is in force
//!   ntp server ...      ──> (config)#        [ntp server ...]: a line of the top leads out again
//! ```
//!
//! A family is a [`Grammar`]: how its lines begin, and which of them lead further in. What stands behind a beginning
//! is not looked at, because a device that is tried out need not know every value. A [`Place`] is where one login is.
//! Both are used only where the fleet remembers; other devices know no line but the few of their tables.

/// Words before a line that take it out again.
pub(crate) const NEGATIONS: [&str; 3] = ["no ", "undo ", "delete "];

/// Of what there is one: a line that begins so takes the place of the one before it.
const SINGLE: &[&str] = &[
    "banner exec",
    "banner login",
    "banner motd",
    "contact",
    "description",
    "hostname",
    "ip address",
    "location",
    "mtu",
    "set location",
    "set server",
    "set type",
    "snmp-server contact",
    "snmp-server location",
    "system contact",
    "system location",
];

/// Levels below the top; deeper ones are refused.
const DEPTH: usize = 8;

/// What a family's configuration is made of.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// How lines begin, by their first words.
    pub(crate) lines: &'static [&'static str],
    /// Lines that lead further in.
    pub(crate) contexts: &'static [Context],
    /// Words one of which a line has somewhere, where the lines of a family need one.
    pub(crate) verbs: &'static [&'static str],
    /// Whether lines are typed outside of any mode.
    pub(crate) anywhere: bool,
}

impl Grammar {
    /// Nothing can be configured.
    pub(crate) const NONE: Self = Self {
        lines: &[],
        contexts: &[],
        verbs: &[],
        anywhere: false,
    };
}

/// A line that leads further in.
#[derive(Debug)]
pub(crate) struct Context {
    /// How it begins.
    pub(crate) begins: &'static str,
    /// So many words may follow; a longer line is no such line.
    pub(crate) words: usize,
    /// What the prompt shows of it: `{{arg}}` is what follows, `{{short}}` the same as `Et1`, `{{last}}` the last word.
    pub(crate) shown: &'static str,
    /// How lines in it begin.
    pub(crate) lines: &'static [&'static str],
    /// Lines in it that lead further in.
    pub(crate) contexts: &'static [Context],
}

/// Where a login stands: the lines that have led there.
#[derive(Debug, Default)]
pub(crate) struct Place(Vec<Level>);

#[derive(Debug)]
struct Level {
    line: String,
    shown: String,
    context: &'static Context,
}

/// A line that fits: how it begins, spelt out, and what follows.
struct Fit<'a> {
    begins: &'static str,
    rest: &'a str,
}

impl Place {
    /// Takes `line` where the login is: gives it with the lines that it stands below, itself the last. What takes a
    /// line out again keeps the word for that.
    ///
    /// # Errors
    /// The byte of the first word that fits nothing.
    pub(crate) fn take(
        &mut self,
        grammar: &'static Grammar,
        line: &str,
        abbreviates: bool,
    ) -> Result<Vec<String>, usize> {
        let line = line.trim();
        let has_verb = |verb: &&str| line.split_whitespace().any(|word| word == *verb);
        if !grammar.verbs.is_empty() && !grammar.verbs.iter().any(has_verb) {
            return Err(0);
        }
        let taken_out = NEGATIONS
            .into_iter()
            .find_map(|word| Some((word, line.strip_prefix(word)?)));
        let mut furthest = 0;
        // Where the login is, and then the top, from where lines are known everywhere.
        for depth in [self.0.len(), 0] {
            // The word itself may be one that a line begins with.
            for (negation, text) in taken_out.into_iter().chain([("", line)]) {
                match self.take_at(depth, grammar, negation, text, abbreviates) {
                    Ok(path) => return Ok(path),
                    Err(at) if at > 0 => furthest = furthest.max(negation.len() + at),
                    Err(_) => {}
                }
            }
        }
        Err(match taken_out {
            Some((negation, _)) if furthest == 0 => negation.len(),
            _ => furthest,
        })
    }

    /// Takes `text`, behind `negation` where there is one, as a line `depth` levels below the top.
    fn take_at(
        &mut self,
        depth: usize,
        grammar: &'static Grammar,
        negation: &str,
        text: &str,
        abbreviates: bool,
    ) -> Result<Vec<String>, usize> {
        let (lines, contexts) = match depth.checked_sub(1).and_then(|at| self.0.get(at)) {
            Some(level) => (level.context.lines, level.context.contexts),
            None => (grammar.lines, grammar.contexts),
        };
        for context in contexts {
            let Ok(fit) = fit(context.begins, text, abbreviates) else {
                continue;
            };
            if fit.rest.split_whitespace().count() > context.words || depth >= DEPTH {
                continue;
            }
            let whole = fit.whole();
            self.0.truncate(depth);
            if !negation.is_empty() {
                return Ok(self.path(format!("{negation}{whole}")));
            }
            let shown = shown(context.shown, fit.rest, &whole);
            let line = whole;
            self.0.push(Level {
                line,
                shown,
                context,
            });
            return Ok(self.0.iter().map(|level| level.line.clone()).collect());
        }
        let mut furthest = 0;
        for begins in lines {
            let begins = match begins.strip_prefix("set ") {
                Some(bare) if negation == "delete " => bare,
                _ => begins,
            };
            match fit(begins, text, abbreviates) {
                Ok(fit) => {
                    self.0.truncate(depth);
                    return Ok(self.path(format!("{negation}{}", fit.whole())));
                }
                Err(at) => furthest = furthest.max(at),
            }
        }
        Err(furthest)
    }

    /// One level up; whether there was one.
    pub(crate) fn up(&mut self) -> bool {
        self.0.pop().is_some()
    }

    /// One level up if the present one was entered by a line that begins with `begins`.
    pub(crate) fn up_from(&mut self, begins: &str) -> bool {
        let is_there = self
            .0
            .last()
            .is_some_and(|level| level.context.begins == begins);
        is_there && self.up()
    }

    /// To the top.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the prompt shows of it.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.0.last().map(|level| level.shown.as_str())
    }

    /// The lines above `line`, and `line`.
    fn path(&self, line: String) -> Vec<String> {
        let above = self.0.iter().map(|level| level.line.clone());
        above.chain([line]).collect()
    }
}

impl Fit<'_> {
    fn whole(&self) -> String {
        match self.rest {
            "" => self.begins.to_owned(),
            rest => format!("{} {rest}", self.begins),
        }
    }
}

/// Whether `line` begins as `begins` does.
///
/// # Errors
/// The byte of the first word that does not fit; the end, where words are missing.
fn fit<'a>(begins: &'static str, line: &'a str, abbreviates: bool) -> Result<Fit<'a>, usize> {
    let mut rest = line;
    for wanted in begins.split(' ') {
        let at = line.len() - rest.len();
        let word = rest.split_whitespace().next().unwrap_or_default();
        let fits = word == wanted || abbreviates && !word.is_empty() && wanted.starts_with(word);
        if !fits {
            return Err(at);
        }
        rest = rest.strip_prefix(word).unwrap_or_default().trim_start();
    }
    Ok(Fit { begins, rest })
}

/// What a prompt shows of a line.
fn shown(template: &str, argument: &str, line: &str) -> String {
    let letters: String = argument
        .chars()
        .filter(|c| c.is_alphabetic())
        .take(2)
        .collect();
    let number = argument.trim_start_matches(|c: char| !c.is_ascii_digit());
    let last = line.split_whitespace().last().unwrap_or_default();
    template
        .replace("{{arg}}", &argument.replace(' ', ""))
        .replace("{{short}}", &(letters + number))
        .replace("{{last}}", last)
}

/// How `line` begins, where there is only one line that begins so.
pub(crate) fn single(line: &str) -> Option<&'static str> {
    SINGLE.iter().copied().find(|begin| begins(line, begin))
}

/// Whether the words of `line` begin with those of `begin`.
pub(crate) fn begins(line: &str, begin: &str) -> bool {
    let rest = line.strip_prefix(begin);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// A configuration as it is shown, `text`, with `lines` in force besides: what stands below a line that is there goes
/// below it, and all else to the end, in front of its `end`.
pub(crate) fn merged(text: &str, lines: &[String]) -> String {
    let mut shown: Vec<&str> = text.lines().collect();
    let is_below = |line: &str| line.starts_with(' ');
    let mut end = shown.iter().rposition(|line| *line == "end");
    let mut rest = lines;
    while let Some((first, others)) = rest.split_first() {
        let count = others.iter().take_while(|line| is_below(line)).count();
        let (below, after) = others.split_at(count);
        rest = after;
        let there = shown.iter().position(|line| line == first);
        let Some(begin) = there.map(|at| at + 1) else {
            let at = end.unwrap_or(shown.len());
            let block = [first].into_iter().chain(below);
            shown.splice(at..at, block.map(String::as_str));
            end = end.map(|end| end + 1 + count);
            continue;
        };
        for line in below {
            let block = shown.iter().skip(begin).take_while(|line| is_below(line));
            let length = block.clone().count();
            let before = single(line.trim()).and_then(|begin| {
                let mut block = block;
                block.position(|known| begins(known.trim(), begin))
            });
            let (at, gone) = match before {
                Some(place) => (begin + place, 1),
                None => (begin + length, 0),
            };
            shown.splice(at..at + gone, [line.as_str()]);
            end = end.map(|end| end + 1 - gone);
        }
    }
    let mut text = shown.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: &Grammar = &Grammar {
        lines: &["ntp", "snmp-server", "set system", "set interfaces"],
        contexts: &[Context {
            begins: "interface",
            words: 2,
            shown: "-if-{{short}}",
            lines: &["description", "shutdown"],
            contexts: &[],
        }],
        ..Grammar::NONE
    };

    #[track_caller]
    fn check(lines: &[&str], expected: Result<&[&str], usize>, shown: &str) {
        let mut place = Place::default();
        let mut last = Ok(Vec::new());
        for line in lines {
            last = place.take(GRAMMAR, line, true);
        }
        let expected = expected.map(|path| path.iter().map(|line| (*line).to_owned()).collect());
        assert_eq!(last, expected);
        assert_eq!(place.shown().unwrap_or_default(), shown);
    }

    #[test]
    fn lines_lead_in_and_out() {
        check(&["ntp server 192.0.2.1"], Ok(&["ntp server 192.0.2.1"]), "");
        check(&["nt server x"], Ok(&["ntp server x"]), "");
        check(
            &["int Ethernet 1/2"],
            Ok(&["interface Ethernet 1/2"]),
            "-if-Et1/2",
        );
        let within = ["interface Ethernet1", "description to the core"];
        check(&within, Ok(&within), "-if-Et1");
        let out = ["interface Ethernet1", "no ntp server x"];
        check(&out, Ok(&["no ntp server x"]), "");
        check(
            &["no interface Ethernet1"],
            Ok(&["no interface Ethernet1"]),
            "",
        );
        check(&["delete system ntp"], Ok(&["delete system ntp"]), "");
        check(&["set sys ntp"], Ok(&["set system ntp"]), "");
    }

    #[test]
    fn what_is_unknown_is_told_by_its_place() {
        check(&["nonsense"], Err(0), "");
        check(&["description x"], Err(0), "");
        check(&["set nonsense x"], Err(4), "");
        check(&["no nonsense"], Err(3), "");
        check(&["interface Ethernet1", "nonsense"], Err(0), "-if-Et1");
    }

    #[test]
    fn lines_are_shown_where_they_belong() {
        #[track_caller]
        fn check(lines: &[&str], expected: &str) {
            let text = "hostname r1\ninterface a\n description one\n shutdown\nline vty\nend\n";
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(merged(text, &lines), expected);
        }
        check(
            &[
                "ntp server x",
                "interface a",
                " description two",
                " mtu 9000",
                "interface b",
                " shutdown",
            ],
            "hostname r1\ninterface a\n description two\n shutdown\n mtu 9000\nline vty\nntp server x\n\
             interface b\n shutdown\nend\n",
        );
        check(
            &["hostname r1"],
            "hostname r1\ninterface a\n description one\n shutdown\nline vty\nend\n",
        );
        assert_eq!(merged("a\n", &["b".to_owned()]), "a\nb\n");
    }

    #[test]
    fn one_level_up_and_out() {
        let mut place = Place::default();
        place.take(GRAMMAR, "interface Ethernet1", true).unwrap();
        assert!(!place.up_from("edit") && place.up_from("interface") && !place.up());
    }
}
