//! The OpenAPI document held against the running control plane: schemathesis makes up requests from the document,
//! good ones and bad ones, and checks every answer against it.
//!
//! What it checks and how long is in `e2e/schemathesis/schemathesis.toml`; `hooks.py` beside it makes the requests
//! meet what is there.

mod seed;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use ff_e2e::Platform;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis");

/// Nothing is ingested here, and JetStream sets aside all that a stream may ever hold.
const LITTLE_DISK: (&str, &str) = ("FF_INGEST_STREAM_BYTES", "134217728");

/// How often an operation answered with each status, by the operation's id.
type Statuses = BTreeMap<String, BTreeMap<u16, u64>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_document_says() {
    let tool = tool();
    let platform = Platform::start_with(&[LITTLE_DISK]).unwrap();
    let api = platform.api().await.unwrap();
    seed::seed(&api).await;
    let control = platform.value("FF_CONTROL_URL").unwrap();
    let written = platform.folder().join("statuses.json");
    let output = Command::new(tool)
        .current_dir(FOLDER)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{control}/api/openapi.json"))
        .args(["--url", &control, "--report", "ndjson", "--report-dir"])
        .arg(report_folder())
        .env("FF_CONTROL_URL", &control)
        .env("FF_DEMO_EMAIL", platform.value("FF_DEMO_EMAIL").unwrap())
        .env("FF_DEMO_PASSWORD", platform.value("FF_DEMO_PASSWORD").unwrap())
        .env("FF_SCHEMATHESIS_ORG", seed::ORGANIZATION)
        .env("FF_SCHEMATHESIS_PROJECT", seed::PROJECT)
        .env("FF_SCHEMATHESIS_STATUSES", &written)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", platform.folder().join("hypothesis"))
        .output()
        .unwrap();
    let statuses = statuses(&written);
    tell(&statuses);
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        platform.logs()
    );
    let reached: BTreeSet<&str> = statuses
        .iter()
        .filter(|(_, statuses)| statuses.keys().any(|status| (200..300).contains(status)))
        .map(|(operation, _)| operation.as_str())
        .collect();
    let listed = std::fs::read_to_string(Path::new(FOLDER).join("reached.txt")).unwrap();
    let missing: Vec<&str> = listed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !reached.contains(line))
        .collect();
    assert!(
        missing.is_empty(),
        "these operations never answered with success, so that little of them was tested: {missing:?}"
    );
}

/// The tool, in the folder that `make e2e-clients` installs it to, or what `FF_SCHEMATHESIS` names.
fn tool() -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/schemathesis/bin/schemathesis");
    let path = std::env::var_os("FF_SCHEMATHESIS").map_or_else(|| installed.into(), PathBuf::from);
    assert!(path.is_file(), "{} is missing: `make e2e-clients` installs it", path.display());
    path
}

/// Where every request and answer of the last run can be looked up.
fn report_folder() -> PathBuf {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    // Left over from the run before; there may be none.
    let _ = std::fs::remove_dir_all(&report);
    report
}

/// What `hooks.py` has written; nothing if it came to no end.
fn statuses(written: &Path) -> Statuses {
    std::fs::read(written).map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default()
}

/// Prints what every operation answered, past the capture of the test runner: a run that tests nothing shows.
fn tell(statuses: &Statuses) {
    let mut out = std::io::stderr().lock();
    for (operation, statuses) in statuses {
        let success = statuses.iter().any(|(status, _)| (200..300).contains(status));
        let counts: Vec<String> =
            statuses.iter().map(|(status, count)| format!("{status}×{count}")).collect();
        let mark = if success { " " } else { "!" };
        writeln!(out, "{mark} {operation:<28} {}", counts.join(" ")).unwrap();
    }
}
