"""What charging 100,000 jobs and showing them costs, beside plain SQL on the same rows."""
