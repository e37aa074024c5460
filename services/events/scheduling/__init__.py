"""Making a timetable: who is where and when. No database, no HTTP; the solver's library is imported only in here."""
