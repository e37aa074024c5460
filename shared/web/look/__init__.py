"""The look that all our pages have in common: one set of colours, and two families of pages made with it.

A page's own stylesheet follows the shared parts in one file, which its service serves under a path of its own.
"""
