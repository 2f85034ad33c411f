//! The description that is checked in is that of the code.

use std::path::Path;

/// Written anew with `UPDATE_EXPECT=1`.
#[test]
fn the_description_that_is_checked_in_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = server::openapi();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &now).expect("it can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == now,
        "crates/server/openapi.json is another one: UPDATE_EXPECT=1 writes it anew, and clients/generate the clients from it"
    );
    assert!(now.contains("\"openapi\": \"3.1.0\""));
}
