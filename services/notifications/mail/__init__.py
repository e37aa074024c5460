"""Mail as values: a context goes in, a message comes out, a relay takes it. No SQL, no broker, no Flask.

content     what a mail is made of
defusing    other people's text made harmless
mailbox     addresses and the domain identifiers are made with
wording     the sentences, one catalogue per language in ``translations/``
calendar    the invitation or its cancellation (RFC 5545, 5546)
headers     header values outside ASCII
rendering   all of it as one message (RFC 5322, 6047)
preview     each kind in each language, for documentation and for eyes
relay       where the relay is: the form of ``SMTP_URL``
outcomes    what can become of a handover
session     one conversation with the relay, mail after mail
transport   the way to the relay, verified and with time limits
"""
