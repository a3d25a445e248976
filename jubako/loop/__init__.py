"""The circle closed: each window of live rows is judged, and a new version is trained and rolled out when due."""
