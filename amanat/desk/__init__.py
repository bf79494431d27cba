"""The counter: services, service records, payments, papers, tasks, Today and the calendar."""
