"""Partners: which forms their pages may show, what to paste there, and how many came through them."""
