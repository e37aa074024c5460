"""Programs for operators. They belong to no service and use public interfaces only."""
