//! Walks through the whole pipeline: real git, Ruff, pytest and walls, the program's own crew, scripted models.

mod adversaries;
// The program has no library part; what it walks again with is what is tested here.
#[path = "../../src/again.rs"]
mod again;
mod forks;
mod honest;
mod injections;
mod own;
mod scene;
// The program has no library part; its list of agents is the one that the walks use.
#[path = "../../src/seats.rs"]
mod seats;
mod tasks;
mod verify;
