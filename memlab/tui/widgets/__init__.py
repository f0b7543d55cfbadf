"""Widgets that show what they are given: no file reading, no knowledge of each other."""
