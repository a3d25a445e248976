"""What monitoring says: one report for HTTP, the terminal, the console and the page."""
