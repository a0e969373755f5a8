"""Everything that is known of one run, for an auditor."""
