"""Rules: which mail goes out when. Consumes messages, decides on news, announces, plans reminders."""
