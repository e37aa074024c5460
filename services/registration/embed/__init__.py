"""What a participant sees: the form in a partner's page, the same form as a page of its own, the page behind
their link. Pages work without a script, set no cookie and load nothing from elsewhere.

Only turns values into pages; which form, which partner and whether it may be framed is decided by the caller.
"""
