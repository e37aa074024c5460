"""Calls to addresses that partners have named: signed, to public addresses alone, and never longer than they may take.

The only room of the project that connects to a host which somebody else chose.
"""
