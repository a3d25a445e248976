"""The stack of ``deploy/compose`` without containers: local packages, on loopback, started and stopped together."""
