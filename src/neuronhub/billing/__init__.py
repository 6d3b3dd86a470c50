"""What jobs cost: prices, the ledger, the collector that reads sacct, time away, and the pages that show it."""
