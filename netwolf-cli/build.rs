//! Lists the shipped dashboards, so that the program has them wherever it is.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../grafana/dashboards");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "json") {
            files.push(path.canonicalize()?);
        }
    }
    files.sort();
    let mut list = String::from("[\n");
    for path in &files {
        let text = path
            .to_str()
            .ok_or("the path of a dashboard is not UTF-8")?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("the name of a dashboard is not UTF-8")?;
        writeln!(list, "    ({name:?}, include_str!({text:?})),")?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("dashboards.rs"), list)?;
    Ok(())
}
