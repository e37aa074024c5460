"""Programs for operators that belong to no service and know only its public interfaces."""
