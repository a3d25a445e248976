"""One-off studies, apart from the comparison with the peers: ``python -m benchmarks.studies.NAME``."""
