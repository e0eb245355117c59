//! Developer tasks. `cargo xtask check` proves what the compiler cannot: who may use whom, what stays
//! pure, how long a file may be, and that codes and their pages belong together.

mod finding;
mod rules;
mod source;
mod tree;

use std::process::ExitCode;

use clap::Parser;

use finding::Severity;
use tree::Tree;

/// Developer tasks.
#[derive(Parser)]
enum Task {
    /// Check the rules of the repository; every finding is one line that says how to mend it.
    Check,
}

fn main() -> anyhow::Result<ExitCode> {
    match Task::parse() {
        Task::Check => check(),
    }
}

#[expect(clippy::print_stdout, reason = "the findings are what the command is for")]
fn check() -> anyhow::Result<ExitCode> {
    let tree = Tree::load()?;
    let mut findings: Vec<_> = rules::ALL.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|finding| finding.severity == Severity::Failure).count();
    println!(
        "xtask check: {} rules, {} files, {failures} failures, {} warnings",
        rules::ALL.len(),
        tree.files.len(),
        findings.len() - failures
    );
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
