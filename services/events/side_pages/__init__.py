"""The public pages about side events, as functions from values to HTML: the proposal form and the timetable."""
