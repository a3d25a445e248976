"""Versions in the BentoML model store, and their stages."""
