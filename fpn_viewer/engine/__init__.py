"""The worker's side of the program: jobs, requests, session, cache and scan; threads, but no Qt."""
