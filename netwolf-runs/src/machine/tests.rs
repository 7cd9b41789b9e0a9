//! Tests of the machine: every input in every state (`table`), what people see of a run (`scenes`, `endings`), what must
//! hold whatever happens (`random`, `play`), what the audit log says of lines (`auditing`, `modes`), what a journal
//! gives back (`restart`), and what is believed of attempts to verify that were lost (`verifying`).

mod auditing;
mod endings;
mod modes;
mod play;
mod random;
mod restart;
mod scenes;
mod table;
mod typed;
mod verifying;
mod world;
