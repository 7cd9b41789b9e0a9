//! The link of a shard to the manager: one TCP connection, made again when it is lost.
//!
//! [`machine`] decides, [`wires`] moves frames. What goes over the link is the shard's matter.

pub(crate) mod machine;
pub(crate) mod wires;
