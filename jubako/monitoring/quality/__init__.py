"""Truth that comes later, joined with its predictions."""
