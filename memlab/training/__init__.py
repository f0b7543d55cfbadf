"""Training of stacks: networks of equal shape, trained together with a leading member dimension."""
