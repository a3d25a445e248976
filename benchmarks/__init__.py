"""This project beside its peers and beside the bare model, in one interleaved run: ``make bench``."""
