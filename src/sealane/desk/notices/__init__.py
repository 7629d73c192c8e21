"""What data owners, individuals, authorities and the public are told of an incident, made from its figures."""
