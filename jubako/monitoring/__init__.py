"""What was asked and answered, kept without costing a prediction: profiles, the prediction log, late truth, drift."""
