//! Every prompt, as a Markdown file with a typed front door.
