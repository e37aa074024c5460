"""A mail sink for one machine: accepts every mail, delivers none, and shows them on a page. Never for production.

folder     one file per mail, on disk before the sender receives 250
receiving  SMTP (aiosmtpd)
reading    the content of a stored mail; every mail is hostile input
pages      the inbox, one mail, and the same as JSON
"""
