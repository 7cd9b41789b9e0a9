//! In which form results are printed. Those who choose it and those who print know of this file alone.

/// Forms of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// A line for each device: its state, how long it took, the output's first line or why there is none.
    #[default]
    Table,
    /// JSON for programs: the run and its steps with their transcripts; with --follow a line for each step.
    Json,
    /// A record for each command of each device.
    Csv,
    /// Outputs as the devices sent them, each under a line with the device where there are several.
    Raw,
}
