"""Where units are worked on: one module an executor, all with the same `run`."""
