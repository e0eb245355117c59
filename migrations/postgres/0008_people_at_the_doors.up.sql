-- Organizations see what their people do at the doors of the whole installation, such as signing in with a password.
CREATE INDEX log_person ON security.log (holder, at, id) WHERE organization IS NULL AND holder IS NOT NULL;
