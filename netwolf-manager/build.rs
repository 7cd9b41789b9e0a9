//! Lists the bundled library, so that a file put into `library/` is in the binary without further ado.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("library");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo::rerun-if-changed=build.rs");
    let mut code = String::new();
    for (constant, folder) in [
        ("PLATFORMS", "platforms"),
        ("COLLECTORS", "collectors"),
        ("PROCEDURES", "procedures"),
    ] {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        list(&mut code, constant, &folder)?;
    }
    fs::write(out.join("bundled.rs"), code)
}

/// A constant with name and text of every YAML file in `folder`, sorted by name.
fn list(code: &mut String, constant: &str, folder: &Path) -> io::Result<()> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    paths.sort();
    let mut files = String::new();
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let path = path.to_string_lossy();
        writeln!(files, "    ({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    writeln!(
        code,
        "pub(super) const {constant}: &[(&str, &str)] = &[\n{files}];"
    )
    .map_err(io::Error::other)
}
