"""Whether live rows differ from those of training by more than chance."""
