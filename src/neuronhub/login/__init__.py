"""Signing in (row L1): LDAP directory, second factors, replay ledger, throttle. Runs in the hub process."""
