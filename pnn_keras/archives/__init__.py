"""Archives from elsewhere: downloaded with resume, compared with their sums, unpacked."""
