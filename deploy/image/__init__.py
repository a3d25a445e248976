"""Scans the layers of a container image, including files that a later layer deleted."""
