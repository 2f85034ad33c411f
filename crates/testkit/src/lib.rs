//! Fakes that are real types and small real servers, the closed test world, fixtures, house rules.
