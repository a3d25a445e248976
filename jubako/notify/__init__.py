"""Tells people: a webhook, an e-mail, a GitHub event. From threads of one process, never on the path of a request."""
