"""A runner: one version of one model, in a process of its own."""
