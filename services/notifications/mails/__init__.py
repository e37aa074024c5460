"""Mail rows: the registry of kinds, the states of a mail, and the SQL that creates, moves and cancels mails."""
