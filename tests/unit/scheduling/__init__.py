"""The solver against rules that it does not share."""
