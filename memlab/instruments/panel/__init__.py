"""The instruments, one file and one declaration each; importing them imports no torch."""
