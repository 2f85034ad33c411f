//! Walks one run: decides purely, acts through what it is handed.
