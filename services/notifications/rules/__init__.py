"""Rules: which mail is sent when. Consumes messages, decides on news, announces, plans reminders."""
