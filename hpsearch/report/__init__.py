"""What people see: tables, curves, the live view, exports."""
