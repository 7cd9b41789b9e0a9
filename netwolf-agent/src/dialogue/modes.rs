//! In which of its modes a device is, by its prompt. Pure.
//!
//! Some devices show one prompt in all modes; of those only what they say to a command tells whether it was obeyed.

use std::collections::BTreeMap;

use netwolf_wire::platform::Platform;
use regex::Regex;

use super::manners::{MannersError, compile_regex};

/// A platform's prompts, one by one.
#[derive(Debug)]
pub(crate) struct Modes {
    prompts: BTreeMap<String, Regex>,
    /// Of modes that say themselves what they look like.
    own: BTreeMap<String, Regex>,
}

impl Modes {
    /// Compiles the prompts of `platform`.
    ///
    /// # Errors
    /// [`MannersError`] when an expression does not compile.
    pub(crate) fn compile(platform: &Platform) -> Result<Self, MannersError> {
        let whole = |key, name: &str, pattern: &str| {
            let regex = compile_regex(platform, key, &format!("^(?:{pattern})$"))?;
            Ok::<_, MannersError>((name.to_owned(), regex))
        };
        let prompts = platform.prompts.iter();
        let prompts = prompts.map(|(name, prompt)| whole("prompts", name, prompt));
        let own = platform.modes.iter();
        let own = own.filter_map(|(name, mode)| Some(whole("modes", name, mode.prompt.as_ref()?)));
        Ok(Self {
            prompts: prompts.collect::<Result<_, _>>()?,
            own: own.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a device that shows `prompt` may be in `mode`.
    pub(crate) fn is_in(&self, mode: &str, prompt: &str) -> bool {
        let known = self.own.get(mode).or_else(|| self.prompts.get(mode));
        known.is_none_or(|known| known.is_match(prompt))
    }

    /// Whether two prompts are of one mode, as far as prompts tell: a host name may have changed.
    pub(crate) fn are_alike(&self, one: &str, other: &str) -> bool {
        one == other
            || self
                .prompts
                .values()
                .chain(self.own.values())
                .all(|prompt| prompt.is_match(one) == prompt.is_match(other))
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::platform::{Mode, Transport};

    use super::*;

    #[test]
    fn a_mode_is_known_by_its_prompt() {
        let mut platform = Platform::new("lab_os", Transport::Shell);
        platform.prompts.insert("user".into(), "[a-z0-9]+>".into());
        platform
            .prompts
            .insert("config".into(), r"[a-z0-9]+\(config\)#".into());
        let mode = |prompt: Option<&str>| Mode {
            enter: vec!["enter".into()],
            leave: vec!["leave".into()],
            prompt: prompt.map(Into::into),
        };
        platform.modes.insert("config".into(), mode(None));
        platform.modes.insert("bash".into(), mode(Some(r"bash\$")));
        platform.modes.insert("silent".into(), mode(None));
        let modes = Modes::compile(&platform).unwrap();
        assert!(modes.is_in("config", "r1(config)#") && !modes.is_in("config", "r1>"));
        assert!(modes.is_in("bash", "bash$") && !modes.is_in("bash", "r1>"));
        assert!(modes.is_in("silent", "r1>"), "no prompt tells");
        assert!(modes.are_alike("r1>", "r2>"), "it may have been renamed");
        assert!(!modes.are_alike("r1>", "r1(config)#") && !modes.are_alike("r1>", "bash$"));
    }
}
