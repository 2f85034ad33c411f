//! What goes over the wire to each vendor and what comes back, tried against fakes over real HTTP.

mod bodies;
mod connecting;
mod faults;
mod keys;
mod talks;
mod vendors;
