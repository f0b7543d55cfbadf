"""Where the stacks of a run are trained: in this process, in several, or on other machines."""
