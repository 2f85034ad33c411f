//! The program on a real package with a bug, against three vendors over HTTP: to the end, killed, stopped, in trouble.

mod azure;
mod forks;
mod kills;
mod life;
mod money;
mod recording;
mod stops;
mod trouble;
mod vendors;
mod walk;
mod world;
