"""Vendorwatch: audit logs in, findings and evidence out."""
