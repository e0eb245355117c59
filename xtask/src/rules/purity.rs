//! `evaluator/` and `domain/` decide, they do not do: no I/O, no clock, no randomness. The same input
//! gives the same answer today, in a replay next year, and in an SDK.

use crate::finding::Finding;
use crate::source::{line_of, occurrences, production};
use crate::tree::Tree;

const PURE: &[&str] = &["evaluator", "domain"];

const PACKAGES: &[&str] = &["tokio", "async-nats", "sqlx", "axum", "reqwest", "rand"];

const NAMES: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "rand::",
    "std::fs",
    "std::net",
];

/// The same modules in `use std::{fs, net}`.
const STD_MODULES: &[&str] = &["fs", "net"];

/// What `std::net` has that touches no network: an address is a value.
const ADDRESSES: &[&str] = &["IpAddr", "Ipv4Addr", "Ipv6Addr", "AddrParseError"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in tree.crates.iter().filter(|member| PURE.contains(&member.folder.as_str())) {
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.dev) {
            if PACKAGES.contains(&dependency.package.as_str()) {
                let (path, line) = tree.manifest_line(member, &dependency.package);
                findings.push(Finding::failure(
                    &path,
                    line,
                    format!(
                        "{} is pure and may not depend on {}: do that where the crate is called",
                        member.folder, dependency.package
                    ),
                ));
            }
        }
    }
    for (file, member) in tree.production_files() {
        if !PURE.contains(&member.folder.as_str()) {
            continue;
        }
        let code = production(&file.text);
        let named = NAMES.iter().flat_map(|name| {
            occurrences(&code, name)
                .filter(|at| *name != "std::net" || !only_addresses(&code[at + name.len()..]))
                .map(|at| (at, (*name).to_owned()))
                .collect::<Vec<_>>()
        });
        for (at, name) in named.chain(grouped_imports(&code)) {
            findings.push(Finding::failure(
                &file.path,
                line_of(&code, at),
                format!(
                    "{} is pure and may not use `{name}`: let the caller pass the value in",
                    member.folder
                ),
            ));
        }
    }
    findings
}

/// The forbidden modules that `use std::{…}` names at its first level, each at the start of its group.
fn grouped_imports(code: &str) -> Vec<(usize, String)> {
    const OPENING: &str = "std::{";
    let mut found = Vec::new();
    for start in occurrences(code, OPENING) {
        let mut depth = 0_usize;
        let first_level = |character: char| {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        };
        let group = &code[start + OPENING.len()..];
        let group = group.split(';').next().unwrap_or(group);
        for entry in group.split(first_level) {
            let is_name = |character: &char| character.is_alphanumeric() || *character == '_';
            let entry = entry.trim_start();
            let module: String = entry.chars().take_while(is_name).collect();
            let harmless = module == "net" && only_addresses(&entry[module.len()..]);
            if STD_MODULES.contains(&module.as_str()) && !harmless {
                found.push((start, format!("std::{module}")));
            }
        }
    }
    found
}

/// Whether what follows `std::net` names addresses and nothing else: `::IpAddr`, `::{IpAddr, Ipv4Addr}`.
fn only_addresses(after: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let Some(path) = after.strip_prefix("::") else { return false };
    match path.strip_prefix('{') {
        Some(group) => group
            .split('}')
            .next()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .all(|name| ADDRESSES.contains(&name)),
        None => ADDRESSES.contains(&path.split(|c| !is_name(c)).next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(source: &str) -> Vec<Finding> {
        check(&Tree::of(&[("domain/src/a.rs", source)]).with("domain", &[], &[]))
    }

    #[test]
    fn every_forbidden_name_is_found_with_its_line() {
        for name in NAMES {
            let found = found_in(&format!("//! A.\n\nfn a() {{ {name}(); }}\n"));
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].line, 3);
        }
    }

    #[test]
    fn imports_in_a_group_are_found() {
        for source in [
            "use std::{fs, io};",
            "use std::{\n    collections::{BTreeMap, HashMap},\n    net::TcpStream,\n};",
            "use std::{fmt, fs as disk};",
        ] {
            assert_eq!(found_in(source).len(), 1, "{source}");
        }
        assert!(found_in("use std::{fmt, collections::fs, offset::net};").is_empty());
    }

    #[test]
    fn an_address_is_a_value_and_a_socket_is_not() {
        for source in [
            "use std::net::IpAddr;",
            "use std::net::{\n    IpAddr,\n    Ipv4Addr,\n};",
            "use std::{fmt, net::{IpAddr, Ipv6Addr}};",
            "let a = std::net::Ipv4Addr::LOCALHOST;",
        ] {
            assert!(found_in(source).is_empty(), "{source}");
        }
        for source in [
            "use std::net;",
            "use std::net::{IpAddr, UdpSocket};",
            "use std::{fmt, net::{IpAddr, TcpStream}};",
            "std::net::TcpListener::bind(a)",
            "use std::net::*;",
        ] {
            assert_eq!(found_in(source).len(), 1, "{source}");
        }
    }

    #[test]
    fn comments_tests_and_other_crates_may_say_it() {
        assert!(
            found_in("//! Never SystemTime::now.\n#[cfg(test)]\nmod tests { use rand::x; }")
                .is_empty()
        );
        assert!(found_in("let operand::x = 1;").is_empty());
        let other = Tree::of(&[("edge/src/a.rs", "use std::fs;")]).with("edge", &["tokio"], &[]);
        assert!(check(&other).is_empty());
    }

    #[test]
    fn a_dependency_that_does_io_is_found_unless_only_tests_use_it() {
        for package in PACKAGES {
            assert_eq!(check(&Tree::default().with("evaluator", &[package], &[])).len(), 1);
            assert!(check(&Tree::default().with("evaluator", &["serde"], &[package])).is_empty());
        }
    }
}
