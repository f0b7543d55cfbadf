"""The Microscope: one example's life, pushed over the screen that it is opened from."""
