//! What goes over the wire to each vendor and what comes back, tried against fakes over real HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop right there"
)]

mod bodies;
mod bounds;
mod compatible;
mod connecting;
mod faults;
mod flex;
mod keys;
mod prefix;
mod replies;
mod stops;
mod talks;
mod vendors;
mod verbatim;
