//! Walks through the whole pipeline: real git, Ruff, pytest and walls, the program's own crew, scripted models.

mod adversaries;
mod forks;
mod honest;
mod injections;
mod own;
mod scene;
mod tasks;
mod verify;
