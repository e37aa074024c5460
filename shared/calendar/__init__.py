"""iCalendar objects (RFC 5545), written in one place for mails, feeds and room calendars."""
