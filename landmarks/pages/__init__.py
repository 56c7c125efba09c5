"""Results as pages: what `landmarks report` and `RESULTS.md` say of every claim, computed from its outcome."""
