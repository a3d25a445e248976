"""The gateway: reads and checks requests, calls runners, writes answers."""
