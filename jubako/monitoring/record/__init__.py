"""From the request path to profiles: a bounded buffer and one thread."""
