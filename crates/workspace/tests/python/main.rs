//! Python environments with the real uv, pip and package index, behind the real walls.

mod branches;
mod installs;
mod layouts;
mod tools;
mod versions;
mod world;
