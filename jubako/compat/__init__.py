"""What the libraries below get wrong and no setting cures; each mend has its reason and its test."""
