DROP TABLE IF EXISTS experiments_snapshot;
DROP TABLE IF EXISTS experiment_values;
DROP TABLE IF EXISTS experiment_users;
