"""Late truth, joined with its predictions, and the verdict on live quality."""
