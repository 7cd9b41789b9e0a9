//! The agent as a whole: simulated devices and a real SSH server on one side, a manager that is played by
//! the test on the other, real TCP between.

#[cfg(test)]
mod ageing;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod link;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod program;
#[cfg(test)]
mod sshd;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trouble;
