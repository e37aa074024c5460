"""Rendering of the public pages: the form in a partner's page or on its own, its receipt, their texts and files.

Pages work without a script, set no cookie and load nothing from elsewhere. This package only renders values as pages;
the caller decides which form, which partner and whether the page may be framed.
"""
