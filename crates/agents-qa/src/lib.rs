//! The Gemini reviewer: reads the change the way a reviewer would.
