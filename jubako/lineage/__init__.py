"""Where a prediction or a version comes from, and making either again."""
