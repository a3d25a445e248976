"""One worker's process: how it starts, what it may use, how it logs, what memory it keeps."""
