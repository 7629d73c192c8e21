"""Personal data in running text: what is found by its form and the words before it, and whose it is."""
