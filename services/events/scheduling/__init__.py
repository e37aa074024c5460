"""The timetable of side events: board, solver, worker, published versions. Only it imports the solver's library."""
