CREATE INDEX log_by_org ON {schema}.log (org, position);
CREATE INDEX log_by_project ON {schema}.log (project, position);
CREATE INDEX log_by_aggregate ON {schema}.log (aggregate_id, position);
CREATE INDEX log_by_actor ON {schema}.log (actor_id, position);
