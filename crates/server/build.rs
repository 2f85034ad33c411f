//! Has the crate built again when a file of the page comes or goes; a file that only changes is noticed without.

fn main() {
    println!("cargo::rerun-if-changed=page");
}
