"""What is really inside a container image, read from its layers: also what a later layer deleted."""
