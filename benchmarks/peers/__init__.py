"""The peers' servers. Each file is run by its own virtual environment, at the peer's best documented settings.

To improve a peer, change its file or its settings in ``benchmarks/servers.py``, and run ``make bench``.
"""
