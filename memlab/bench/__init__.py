"""What `memlab bench` measures, in a process of its own, beside its references."""
