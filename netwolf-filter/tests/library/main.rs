//! The bundled platforms and collectors, run over outputs: own ones with expected samples beside them,
//! and recorded ones of real devices where the corpus is present.

// `cfg(test)` tells clippy that helpers are tests too, where `unwrap` is allowed.
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod data;
#[cfg(test)]
mod golden;
#[cfg(all(test, target_os = "linux"))]
mod live;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod page;
#[cfg(test)]
mod platforms;
#[cfg(test)]
mod textfsm;
#[cfg(test)]
mod yaml;
