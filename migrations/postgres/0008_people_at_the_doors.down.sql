DROP INDEX security.log_person;
