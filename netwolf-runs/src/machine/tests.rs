//! Tests of the machine: every input in every state (`table`), what people see of a run (`scenes`, `endings`), what must
//! hold whatever happens (`random`, `play`), and what a journal gives back (`restart`).

mod endings;
mod play;
mod random;
mod restart;
mod scenes;
mod table;
mod world;
