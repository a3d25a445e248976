"""Where Jubako runs: image, compose, Kubernetes, and the same stack from local packages."""
