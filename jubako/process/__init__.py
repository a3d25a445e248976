"""The process of one worker: how it starts, which devices it may use, how it logs, which memory it keeps."""
