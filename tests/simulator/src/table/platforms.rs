//! The tables of the families, by maker.

mod arista;
mod cisco;
mod dell;
mod fortinet;
mod hp;
mod huawei;
mod juniper;
mod like_cisco;
mod linux;
mod mikrotik;
mod nokia;
mod paloalto;
mod vyos;

use super::traits::Traits;
use crate::manner::Manner;

/// What is peculiar to the family of `manner`.
pub(crate) fn traits(manner: Manner) -> &'static Traits {
    match manner {
        Manner::CiscoIos | Manner::CiscoIosxe => &cisco::IOS,
        Manner::CiscoNxos => &cisco::NXOS,
        Manner::CiscoIosxr => &cisco::IOSXR,
        Manner::CiscoAsa => &cisco::ASA,
        Manner::AristaEos => &arista::EOS,
        Manner::JuniperJunos => &juniper::JUNOS,
        Manner::NokiaSros => &nokia::CLASSIC,
        Manner::NokiaSrosMd => &nokia::MODEL_DRIVEN,
        Manner::MikrotikRouteros => &mikrotik::ROUTEROS,
        Manner::HuaweiVrp => &huawei::VRP,
        Manner::HpComware => &hp::COMWARE,
        Manner::HpProcurve => &hp::PROCURVE,
        Manner::ArubaAoscx => &hp::AOSCX,
        Manner::FortinetFortios => &fortinet::FORTIOS,
        Manner::PaloaltoPanos => &paloalto::PANOS,
        Manner::Vyos => &vyos::VYOS,
        Manner::DellOs10 => &dell::OS10,
        Manner::Linux => &linux::LINUX,
    }
}
