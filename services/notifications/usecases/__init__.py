"""What can be done with mails: one verb a file.

What a message causes happens in the inbox's transaction, which is handed in; everything else opens its own, and none of
them is open while anybody talks to a mail relay.
"""
