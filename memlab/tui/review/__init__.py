"""The screen that asks about suspects, one at a time."""
