//! Recordings as one person makes them and another one, elsewhere, replays them.

mod handed_over;
mod kept_out;
mod unfit;
mod world;
