//! Everything that people, repositories, models and machines get wrong, and what the program says to it; and what the documents
//! show, which is right.

mod after_a_run;
mod bundles;
mod configuration;
mod deliveries;
mod diagnostics;
mod doctor;
mod documents;
mod forks;
mod given_tests;
mod machine;
mod models;
mod money;
mod output;
mod repositories;
mod runs;
mod stops;
mod tasks;
mod trackers;
mod usages;
mod world;
