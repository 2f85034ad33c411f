//! What is detected in repositories of many kinds.
