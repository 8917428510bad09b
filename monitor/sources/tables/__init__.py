"""What other programs have logged, as rows of numbers in a text file."""
