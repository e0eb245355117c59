//! Lists the files of `migrations/clickhouse/`, so that adding one is all there is to do.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../migrations/clickhouse");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut ups = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        let name = name.to_str().ok_or("a migration has a name that is not UTF-8")?;
        if let Some(stem) = name.strip_suffix(".up.sql") {
            ups.push(stem.to_owned());
        }
    }
    ups.sort();
    let mut list = String::from("&[\n");
    for stem in ups {
        let (version, description) = stem
            .split_once('_')
            .and_then(|(version, rest)| Some((version.parse::<u32>().ok()?, rest)))
            .ok_or_else(|| format!("{stem}.up.sql must be named <number>_<description>.up.sql"))?;
        let file = |end: &str| {
            let path = folder.join(format!("{stem}.{end}.sql"));
            path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))
        };
        writeln!(
            list,
            "Script {{ version: {version}, description: {description:?}, \
             up: include_str!({:?}), down: include_str!({:?}) }},",
            file("up")?,
            file("down")?,
        )?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("clickhouse_migrations.rs"), list)?;
    Ok(())
}
