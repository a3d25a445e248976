"""Versions in the BentoML store, and which of them serves."""
