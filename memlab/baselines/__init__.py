"""What is not a deep network, on the same corrupted data; numpy and scikit-learn, no torch."""
