"""Networks that are not made like torchvision's: what a user says of one, and what the program makes of that."""
