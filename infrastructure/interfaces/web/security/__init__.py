"""Who may: principals and roles, hosts and origins, headers, limits."""
