//! The door and its walls, tried from outside with real programs.

mod ends;
mod walls;
mod world;
