"""Languages: which there are, their catalogues of texts, and every date, range and time zone in words."""
