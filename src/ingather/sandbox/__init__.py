"""The outside world on loopback: a seeded Instagram Graph API and login, with faults on request."""
