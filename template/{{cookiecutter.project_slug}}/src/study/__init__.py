"""The study's own code: frames in, frames out. It is yours; edit it every day."""
