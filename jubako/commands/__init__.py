"""The commands of ``jubako``, one module each."""
