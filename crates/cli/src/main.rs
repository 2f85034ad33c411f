//! The program: names every crate, reads the environment, knows the terminal.

fn main() {}
