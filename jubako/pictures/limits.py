"""How large a picture file may be. Light, so that a card can use them."""

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 25_000_000
"""Width times height, as the file's header states them."""
MAX_SIDE = 65_535
"""What JPEG can hold, and the two bytes of an encoded row."""
