"""What people read: tables in the terminal, the synopsis of a trial, its story, pictures. Never simulates."""
