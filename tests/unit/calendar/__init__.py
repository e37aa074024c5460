"""The iCalendar writer."""
