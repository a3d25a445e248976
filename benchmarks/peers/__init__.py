"""The peers' servers. Each file is run by its own virtual environment, at the peer's best documented settings.

Whoever knows a peer better: change its file or its settings in ``benchmarks/servers.py``, and run ``make bench``.
"""
