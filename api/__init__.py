"""HTTP interface of vendorwatch."""
