"""HTTP as every service speaks it: problems, access by key, paging, entity tags, security headers, health."""
