//! Rebuilds the crate when a migration is added; the macro that embeds them only sees changes of known ones.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
