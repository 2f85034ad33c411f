//! Python environments with the real uv, pip and package index, behind the real walls.

mod branches;
mod installs;
mod layouts;
mod ruffs;
mod tools;
mod versions;
mod world;
