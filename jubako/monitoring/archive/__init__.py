"""What monitoring keeps on the disk."""
