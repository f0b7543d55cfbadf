"""The commands, one file each. No torch in this process; what is slow to import is late."""
