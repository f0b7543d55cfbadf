"""Watch: one run, live, and what lies over it: members, instruments, log."""
