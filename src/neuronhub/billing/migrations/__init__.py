"""The ledger's schema, step by step; run by billing.database.Database.ensure_schema, never by hand."""
