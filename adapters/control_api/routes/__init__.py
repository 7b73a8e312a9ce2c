"""Handlers by resource. They translate between HTTP and the application, and decide nothing."""
