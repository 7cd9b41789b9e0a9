//! Lists the answers of the devices, so that a file put into `answers/` is in the binary without further ado.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let variable = |name| env::var(name).map(PathBuf::from).map_err(io::Error::other);
    let root = variable("CARGO_MANIFEST_DIR")?.join("answers");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = String::new();
    for folder in entries(&root)?.iter().filter(|path| path.is_dir()) {
        for file in entries(folder)?.iter().filter(|path| is_text(path)) {
            let platform = name(folder);
            let label = format!("{platform}/{}", name(file));
            let path = file.to_string_lossy();
            writeln!(
                files,
                "    ({platform:?}, {label:?}, include_str!({path:?})),"
            )
            .map_err(io::Error::other)?;
        }
    }
    let code = format!("pub(super) const FILES: &[(&str, &str, &str)] = &[\n{files}];\n");
    fs::write(variable("OUT_DIR")?.join("answers.rs"), code)
}

/// What is in `folder`, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "txt")
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
