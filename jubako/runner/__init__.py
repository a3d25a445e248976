"""A runner: one model's version in a process of its own."""
