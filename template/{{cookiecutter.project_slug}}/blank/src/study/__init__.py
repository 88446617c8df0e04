"""The study's own code: frames in, frames out; only `data` opens files."""
