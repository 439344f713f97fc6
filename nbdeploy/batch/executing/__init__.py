"""What goes on inside the process of one run: ``child`` makes attempts, each of which is one ``execution``."""
