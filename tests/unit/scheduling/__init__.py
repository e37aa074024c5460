"""The solver, checked against independently written rules."""
