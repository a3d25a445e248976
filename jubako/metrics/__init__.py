"""Everything that ``/metrics`` shows beside BentoML's own."""
