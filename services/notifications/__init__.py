"""Owns mails and their recipients. The only service that can read names and addresses of registrations.

Publishes ``mail.sent``, ``mail.bounced`` and ``mail.suppressed``. Consumes events, working groups and resources (queue
``notifications.copies``), and registrations, confirmation links and decisions on proposals (``notifications.mail``).

A message that causes a mail makes exactly one row; a sender takes due rows and hands them to the relay. Both continue
while the other services are down. What a mail can become is in :mod:`services.notifications.mails.model`.
"""
