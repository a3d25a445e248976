"""A candidate on its way to production: shadow, canary steps, judged."""
