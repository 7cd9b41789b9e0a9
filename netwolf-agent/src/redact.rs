//! Takes secrets out of what devices say, before a person sees it or keeps it.
//!
//! Line by line, in the grammars of the common platforms; a line keeps its shape: `enable secret 9 <removed>`.
//! Private keys are taken out as whole blocks. Where it is not clear how far a secret goes, it goes to the end
//! of the line: too much is taken out rather than too little.
//!
//! It is a net, not a proof: a device can say a secret in words that nobody foresaw. Whoever passes a text on
//! has to read it first.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// What stands for a secret.
pub const REMOVED: &str = "<removed>";

/// What a line with a secret has in it, in any case. Most lines have none of it and cost one search.
static SUSPECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)pass|secret|communit|key|hash|psk|phrase|cipher|auth|priv|md5|snmp|token|\bENC\b|\$[0-9a-z]{1,8}\$|%[\^@$]%|BEGIN",
    )
});

/// One secret: in quotes, or as far as there is no space. A line's closing mark is not part of it.
const WORD: &str = r#"(?:<removed>|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s;,"'<>][^\s;,<>]*)"#;

/// Each keeps what its group `keep` has, and takes out what is behind it.
static RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let kind = r"(?:(?:\d+|key-string|encrypted|cleartext|clear|plaintext|plain|cipher|irreversible-cipher|simple|hash|hashed|md5|sha\d*|sha-\d+|scrypt|ciphertext|ENC|auto|ascii|hex|ascii-text|hexadecimal|ascii-key|8021x|unencrypted|aes\S*|encrypt) +)*";
    [
        // JSON and XML, whatever the key's whole name is.
        String::from(
            r#"(?i)(?P<keep>"[\w.-]*(?:password|passwd|passphrase|secret|community|psk|api_?key|private_?key|auth_?key|shared_?key|token)[\w.-]*"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[\w.-]+)"#
        ),
        r"(?i)(?P<keep><[\w.:-]*(?:password|passwd|phash|passphrase|secret|community|psk|private-key|auth-key|shared-key)[\w.:-]*(?: [^<>]*)?>)[^<]+".to_owned(),
        // `name=value`, as RouterOS and shells write it.
        format!(
            r"(?i)(?P<keep>[\w.-]*(?:password|passwd|passphrase|secret|community|psk|pre-shared-key|private-key|auth-key|token)[\w.-]*=){WORD}"
        ),
        // A user's line in a shadow file.
        r"(?P<keep>^[a-z_][\w.-]*:)[!*]?\$[^:]+".to_owned(),
        // The words of command lines, to the end of the line or of a Junos statement.
        format!(
            r"(?i)(?P<keep>(?:^|[\s{{])(?:(?:[\w-]*-)?(?:password|passwd|passphrase|secret|phash|psksecret|psk)(?:-(?:hash|string|encrypted|data))?)[ :]+{kind})[^\s;{{][^;{{]*"
        ),
        format!(r"(?i)(?P<keep>\b(?:snmp-agent|snmp-server|snmp|trap-community|set snmp)\b.*?\bcommunity +(?:(?:read|write|ro|rw|complexity-check|disable) +)*{kind}){WORD}"),
        format!(r"(?i)(?P<keep>^\s*(?:(?:read|write|trap)-)?community(?: name)?:? +{kind}){WORD}"),
        format!(
            r"(?i)(?P<keep>\bsnmp-server host +\S+(?: +(?:vrf +\S+|informs?|traps?|udp-port +\d+|use-vrf +\S+))*(?: +version +(?:1|2c|3 +(?:auth|noauth|priv)))? +(?:(?:informs|traps) +)?){WORD}"
        ),
        format!(r"(?i)(?P<keep>\bsecurityname +{kind}){WORD}"),
        format!(r"(?i)(?P<keep>\b(?:auth|authentication-mode|authentication) +(?:md5|sha\d*|sha-\d+|hmac-\S+) +{kind}){WORD}"),
        format!(r"(?i)(?P<keep>\b(?:priv|privacy|privacy-mode)(?: +(?:3?des|aes\d*|aes-\d+|aes\d+-cfb|\d{{3}}))+ +{kind}){WORD}"),
        format!(r"(?i)(?P<keep>\b(?:message-digest-key|authentication-key|key-id|key) +\d+ +(?:md5|hmac-\S+|sha\S*|keychain)(?: +\d+)? +{kind}){WORD}"),
        format!(
            r"(?i)(?P<keep>\b(?:key-string|key authentication|key-octet-string|auth-key|authentication-key|authentication-data|pre-shared-key|pre-share-key|shared-key|shared-secret|private-key|api-key|radius-key|tacacs-key|wpa2?-psk|local-key|remote-key|server-key|encryption-key|md5-key)(?: +(?:local|remote|address +\S+))?[ :]+{kind}){WORD}"
        ),
        format!(r"(?i)(?P<keep>\b(?:isakmp|ikev2|tacacs(?:-server)?|radius(?:-server)?|server-private|server|host)\b.*? key +{kind}){WORD}"),
        // `key` alone on its line is a number in a key chain, or a secret in the block of a server.
        r"(?P<keep>^\s*key +(?:[0-9] +)?)(?:[^\s\d]\S*|\d{4,}\S*|\d+[^\s\d]\S*)$".to_owned(),
        r"(?P<keep>\bkey +[05-8] +)\S+".to_owned(),
        // Values that show what they are wherever they stand.
        r#"(?P<keep>)\$(?:1|2[abxy]?|[1c]?c\$\d+|h\$\d+|5|6|7|8|9|14|y|sha\d*|argon2\w*|pbkdf2\S*?|scrypt)\$[^\s"';:<>]+"#.to_owned(),
        r"(?P<keep>)%([\^@$])%(?:.*%[\^@$]%|.*)".to_owned(),
        format!(r"(?P<keep>\bENC +){WORD}"),
    ]
    .iter()
    .map(|rule| compile(rule))
    .collect()
});

static BGP_COMMUNITY: LazyLock<Regex> = LazyLock::new(|| compile(r"^\d+:\d+$"));

static BLOCK_BEGIN: LazyLock<Regex> =
    LazyLock::new(|| compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*-----"));
static BLOCK_END: LazyLock<Regex> =
    LazyLock::new(|| compile(r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*-----"));

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant of this module, and a test compiles it")
}

/// `text` with every password, secret, community, key and hash replaced by [`REMOVED`].
///
/// What it returns has nothing left to take out: applied twice it changes nothing more.
///
/// ```
/// use netwolf_agent::redact::redact;
///
/// assert_eq!(
///     redact("hostname sw1\nenable secret 9 $9$abc$def\n"),
///     "hostname sw1\nenable secret 9 <removed>\n"
/// );
/// ```
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut in_block = false;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\r', '\n']);
        let end = line.get(body.len()..).unwrap_or_default();
        if in_block {
            // The block ends, or the text does: a key that was cut off is still a key.
            in_block = !BLOCK_END.is_match(body);
            if in_block {
                continue;
            }
            redacted.push_str(BLOCK_END.find(body).map_or("", |end| end.as_str()));
            redacted.push_str(end);
            continue;
        }
        if let Some(begin) = BLOCK_BEGIN.find(body)
            && !body.contains(REMOVED)
        {
            redacted.push_str(body.get(..begin.end()).unwrap_or_default());
            redacted.push_str(REMOVED);
            in_block = !BLOCK_END.is_match(body);
            redacted.push_str(end);
            continue;
        }
        redacted.push_str(&redact_line(body));
        redacted.push_str(end);
    }
    redacted
}

fn redact_line(line: &str) -> Cow<'_, str> {
    if !SUSPECT.is_match(line) {
        return Cow::Borrowed(line);
    }
    let mut line = Cow::Borrowed(line);
    for rule in RULES.iter() {
        let redacted = rule.replace_all(&line, |found: &regex::Captures<'_>| {
            let keep = found.name("keep").map_or("", |keep| keep.as_str());
            let secret = found
                .get(0)
                .and_then(|whole| whole.as_str().get(keep.len()..))
                .unwrap_or_default();
            // What was taken out is, a Junos block begins, or it is a community of BGP.
            if secret.starts_with(REMOVED) || secret == "{" || BGP_COMMUNITY.is_match(secret) {
                return format!("{keep}{secret}");
            }
            let quote = secret.chars().next().filter(|c| matches!(c, '"' | '\''));
            match quote {
                Some(quote) => format!("{keep}{quote}{REMOVED}{quote}"),
                None => format!("{keep}{REMOVED}"),
            }
        });
        if let Cow::Owned(redacted) = redacted {
            line = Cow::Owned(redacted);
        }
    }
    line
}

#[cfg(test)]
mod tests;
