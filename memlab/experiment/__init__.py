"""What to run: the experiment, its grid of members, its schedule and the presets. No torch."""
