//! The migrations are compiled in, so a change of them is a change of this crate.

fn main() {
    #[allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
    {
        println!("cargo:rerun-if-changed=../migrations/postgres");
    }
}
