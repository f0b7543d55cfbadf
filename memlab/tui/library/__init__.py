"""Library: all runs, and some side by side."""
