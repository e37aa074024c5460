"""Rendering of the public pages: the form in a partner's page or on its own, its receipt, their texts and files.

Pages work without a script, set no cookie and load nothing from elsewhere. Only turns values into pages; which form,
which partner and whether it may be framed is decided by the caller.
"""
