//! The families of devices there are, and the names that pollers know them by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::device::{Device, Profile};
use crate::dialogue::Dialogue;
use crate::ios::IosDialogue;
use crate::table::{self, TableDialogue, Traits};

macro_rules! manners {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// How a family of devices talks.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Manner {
            $($(#[$doc])* $variant,)+
        }

        impl Manner {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name pollers know the platform by, as `cisco_ios`.
            pub fn platform(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

manners! {
    /// A Cisco IOS router (an ISR of the 2900 series).
    #[default]
    CiscoIos = "cisco_ios",
    /// A Cisco IOS-XE router; at the command line it is an IOS router.
    CiscoIosxe = "cisco_iosxe",
    /// A Cisco Nexus switch.
    CiscoNxos = "cisco_nxos",
    /// A Cisco IOS-XR router.
    CiscoIosxr = "cisco_iosxr",
    /// A Cisco ASA firewall.
    CiscoAsa = "cisco_asa",
    /// An Arista EOS switch.
    AristaEos = "arista_eos",
    /// A Juniper Junos switch of a virtual chassis.
    JuniperJunos = "juniper_junos",
    /// A Nokia SR OS router with the classic command line.
    NokiaSros = "nokia_sros",
    /// A Nokia SR OS router with the model-driven command line.
    NokiaSrosMd = "nokia_sros_md",
    /// A `MikroTik` RouterOS router.
    MikrotikRouteros = "mikrotik_routeros",
    /// A Huawei VRP switch.
    HuaweiVrp = "huawei_vrp",
    /// An HP Comware switch.
    HpComware = "hp_comware",
    /// An HP `ProCurve` switch.
    HpProcurve = "hp_procurve",
    /// An Aruba AOS-CX switch.
    ArubaAoscx = "aruba_aoscx",
    /// A Fortinet `FortiOS` firewall.
    FortinetFortios = "fortinet_fortios",
    /// A Palo Alto PAN-OS firewall.
    PaloaltoPanos = "paloalto_panos",
    /// A `VyOS` router.
    Vyos = "vyos",
    /// A Dell OS10 switch.
    DellOs10 = "dell_os10",
    /// A Linux machine with bash.
    Linux = "linux",
}

impl Manner {
    /// What is peculiar to the family.
    pub(crate) fn traits(self) -> &'static Traits {
        table::traits(self)
    }

    /// A new login's conversation as `user`.
    pub(crate) fn dialogue(
        self,
        profile: &Arc<Profile>,
        device: &Device,
        user: &str,
    ) -> Box<dyn Dialogue> {
        let ios = matches!(self, Self::CiscoIos | Self::CiscoIosxe);
        if ios && profile.transcript.is_none() {
            return Box::new(IosDialogue::new(
                Arc::clone(profile),
                device.facts,
                device.hostname(),
            ));
        }
        Box::new(TableDialogue::new(
            Arc::clone(profile),
            device.facts,
            device.hostname(),
            user,
        ))
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.platform())
    }
}

/// A name that no manner has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no platform \"{name}\"\nhint: the platforms are {}", names())]
pub struct UnknownManner {
    /// What was given.
    pub name: String,
}

fn names() -> String {
    let names: Vec<&str> = Manner::ALL.iter().map(|manner| manner.platform()).collect();
    names.join(", ")
}

impl FromStr for Manner {
    type Err = UnknownManner;

    fn from_str(name: &str) -> Result<Self, UnknownManner> {
        let found = Self::ALL.iter().find(|manner| manner.platform() == name);
        found.copied().ok_or_else(|| UnknownManner {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manner_is_found_by_its_name() {
        for manner in Manner::ALL {
            assert_eq!(manner.platform().parse(), Ok(*manner));
        }
        let error = "cisco_iso".parse::<Manner>().unwrap_err().to_string();
        assert!(error.starts_with(
            "there is no platform \"cisco_iso\"\nhint: the platforms are cisco_ios, "
        ));
    }
}
