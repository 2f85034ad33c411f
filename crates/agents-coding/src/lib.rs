//! The GPT and Claude coders: ask for a change, apply it.
