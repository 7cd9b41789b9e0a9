//! The table of measured against wanted, in the folder that holds what the build makes.

use std::{fs, io::Write, path::Path};

use crate::scene;

/// Says what was measured, past the test runner, and keeps it. Before it is judged, so that a failure has its row.
pub(crate) fn row(fault: &str, measured: &str, wanted: &str) {
    let line = format!("{fault} | {measured} | {wanted}");
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("faults.md");
    let mut file = fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    if file.metadata().unwrap().len() == 0 {
        writeln!(
            file,
            "| devices | fault | measured | wanted |\n|---|---|---|---|"
        )
        .unwrap();
    }
    writeln!(file, "| {} | {line} |", scene::n_devices()).unwrap();
}
