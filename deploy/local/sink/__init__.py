"""A mail sink for one machine: takes every mail, delivers none, and shows them on a page. Never for production.

folder     one file per mail, on disk before the sender hears 250
receiving  SMTP (aiosmtpd)
reading    what a stored mail says; every mail is hostile input
pages      the inbox, one mail, and the same as JSON
"""
