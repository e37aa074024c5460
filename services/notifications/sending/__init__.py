"""The sender: takes due mails to the relay. It alone decrypts addresses, and holds no transaction while it talks.

composing  a claim becomes the bytes of a mail
judging    what an outcome of the handover means for the mail
batch      a batch of mails in one SMTP session
sender     the loop: claim, send, settle, rest, clear up
"""
