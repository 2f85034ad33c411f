//! The inner stage of the sandbox on its own, for tests that have no `pipeline` binary at hand. The crate `sandbox` has the same for
//! its own: cargo shows a test the programs of its own package only.

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(marker) if marker == sandbox::confine::MARKER => {
            sandbox::confine::inner_main(arguments)
        }
        _ => std::process::exit(2),
    }
}
