//! The door and its walls, tried from outside with real programs.

mod cases;
mod egress;
mod ends;
mod layers;
mod orphans;
mod secrets;
mod snippets;
mod walls;
mod world;
