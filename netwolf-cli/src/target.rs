//! The one device and the commands that a person types for a login of their own, checked before anything is sent.

use netwolf_manager::inventory::Inventory;
use netwolf_wire::{
    allow::{HELP_HINT, Refused, check_command, check_typed},
    unseen::Unseen,
};

use crate::{
    inventory::{self, Device},
    pattern, print,
    unknown::Unknown,
};

/// The device of the inventory that is called `typed`; `done` says what is done with it: `recorded`.
///
/// # Errors
/// It is a pattern, or there is no such device.
pub(crate) fn device(inventory: &Inventory, typed: &str, done: &str) -> Result<Device, Unknown> {
    if pattern::is_pattern(typed) {
        let message = format!("\"{typed}\" may be many devices, and one is {done} at a time");
        return Err(Unknown::new(message, None));
    }
    let mut picked = inventory::pick(inventory, &[typed.to_owned()])?;
    let none = || Unknown::new(format!("unknown device \"{typed}\""), None);
    picked.pop().ok_or_else(none)
}

/// Whether each of `commands` is one line that can be typed.
///
/// # Errors
/// The first one that is none.
pub(crate) fn commands<'c>(commands: impl IntoIterator<Item = &'c String>) -> Result<(), Unknown> {
    for command in commands {
        check_command(command).map_err(|refused| no_command(command, &refused))?;
    }
    Ok(())
}

/// Whether each of `commands` can be typed on the device, whose shell may take `?` for a key.
///
/// # Errors
/// The first one that cannot.
pub(crate) fn commands_of<'c>(
    device: &Device,
    commands: impl IntoIterator<Item = &'c String>,
) -> Result<(), Unknown> {
    for command in commands {
        check_typed(device.plan.platform.transport, command)
            .map_err(|refused| no_command(command, &refused))?;
    }
    Ok(())
}

fn no_command(command: &str, refused: &Refused) -> Unknown {
    let (message, hint) = match refused {
        Refused::Help { .. } => (refused.to_string(), HELP_HINT),
        Refused::TooLong { .. } => (refused.to_string(), ONE_LINE),
        Refused::Unseen {
            unseen: unseen @ Unseen::Invisible(_),
            ..
        } => (refused.to_string(), unseen.hint()),
        _ => (format!("{command:?} is not a command"), ONE_LINE),
    };
    Unknown::new(message, Some(hint.into()))
}

const ONE_LINE: &str = "a command is one line, quoted as one argument: 'show version'";

/// What is about to be done, for whoever typed it: one login, as whom, where and through what.
pub(crate) fn announce(device: &Device) {
    let Device { name, target, plan } = device;
    let through = target
        .jump
        .as_ref()
        .map(|jump| format!(" through {}:{}", jump.address, jump.port))
        .unwrap_or_default();
    print::tell!(
        "{name}: one login as \"{}\" on {}:{}{through}, platform {}",
        target.login.username,
        target.address,
        target.port,
        plan.platform.name,
    );
}
