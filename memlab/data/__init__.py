"""Datasets, splits, scaling, corruption and pictures of them; numpy only, no torch."""
