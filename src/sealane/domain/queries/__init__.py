"""The statements of the domain, a module a subject, named `subject.what_it_does`. SQLAlchemy Core expressions only."""
