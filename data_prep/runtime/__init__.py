"""How commands run.

command        how every command parses its flags and ends
interruption   what Ctrl-C does, from the first import on
parallel       the same work in several processes
memory         how much memory there is to take
quantities     numbers with units as people read them
revision       the revision of the code
"""
