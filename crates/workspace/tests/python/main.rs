//! Python environments with the real uv, pip and package index, behind the real walls.

mod installs;
mod tools;
mod world;
