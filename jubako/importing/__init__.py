"""Bring a model from MLflow: its artefact in a safe format, its card, model and recipe as code, and a version."""
