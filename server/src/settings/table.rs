//! The table of all that can be set. `.env.example` lists the same, which a test compares.

/// One thing that can be set: variable, default, and what it is.
pub struct Setting {
    /// `section.field`.
    pub path: &'static str,
    /// The default, as in TOML.
    pub default: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// All that can be set, in the order of `.env.example`.
pub const ALL: &[Setting] = &[
    Setting {
        path: "database.host",
        default: "\"\"",
        about: "PostgreSQL host; empty: the embedded server of ff up",
    },
    Setting { path: "database.port", default: "5432", about: "PostgreSQL port" },
    Setting { path: "database.name", default: "\"feature_flags\"", about: "name of the database" },
    Setting { path: "database.user", default: "\"postgres\"", about: "role to log in as" },
    Setting { path: "database.password", default: "\"\"", about: "its password" },
    Setting {
        path: "database.tls",
        default: "false",
        about: "whether the connection is encrypted, and its server's certificate is checked",
    },
    Setting {
        path: "nats.url",
        default: "\"\"",
        about: "NATS with JetStream, nats://host:4222 or tls://user:password@host:4222; empty: embedded",
    },
    Setting {
        path: "nats.credentials",
        default: "\"\"",
        about: "credentials file to log in to NATS with; empty: none",
    },
    Setting {
        path: "nats.replicas",
        default: "1",
        about: "copies of the log in a NATS cluster, 1 or 3",
    },
    Setting {
        path: "clickhouse.url",
        default: "\"\"",
        about: "ClickHouse over HTTP, http://host:8123 or https://host:8443; empty: embedded",
    },
    Setting {
        path: "clickhouse.database",
        default: "\"\"",
        about: "name of the ClickHouse database; empty: its default",
    },
    Setting {
        path: "clickhouse.user",
        default: "\"\"",
        about: "ClickHouse user; empty: its default",
    },
    Setting { path: "clickhouse.password", default: "\"\"", about: "their password" },
    Setting {
        path: "auth.jwt_secret",
        default: "\"\"",
        about: "signs sessions, 32 bytes or more; ff up makes one",
    },
    Setting {
        path: "auth.jwt_secret_previous",
        default: "\"\"",
        about: "the secret before it, whose sessions are still accepted",
    },
    Setting {
        path: "auth.signing_key",
        default: "\"\"",
        about: "private Ed25519 key (PEM file) that signs sessions in place of the secret",
    },
    Setting {
        path: "auth.signing_key_previous",
        default: "\"\"",
        about: "the key before it, whose sessions are still accepted",
    },
    Setting {
        path: "auth.sealing_secret",
        default: "\"\"",
        about: "seals the secrets of identity providers, 32 bytes or more; ff up makes one",
    },
    Setting {
        path: "auth.sealing_secret_previous",
        default: "\"\"",
        about: "the secret before it, which still opens what it has sealed",
    },
    Setting {
        path: "auth.private_providers",
        default: "false",
        about: "whether identity providers may be in private networks",
    },
    Setting {
        path: "redis.host",
        default: "\"\"",
        about: "Redis or Valkey, where replicas count requests together; empty: each counts alone",
    },
    Setting { path: "redis.port", default: "6379", about: "Redis port" },
    Setting { path: "redis.user", default: "\"\"", about: "Redis user; empty: the default one" },
    Setting { path: "redis.password", default: "\"\"", about: "their password" },
    Setting {
        path: "redis.tls",
        default: "false",
        about: "whether the connection is encrypted, and its server's certificate is checked",
    },
    Setting {
        path: "backends.authorities",
        default: "\"\"",
        about: "authorities (PEM file) that certificates of these servers must come from; empty: the system's",
    },
    Setting {
        path: "backends.certificate",
        default: "\"\"",
        about: "certificate (PEM file) for those of them that ask for one; empty: none",
    },
    Setting { path: "backends.key", default: "\"\"", about: "its private key (PEM file)" },
    Setting {
        path: "mail.host",
        default: "\"\"",
        about: "SMTP server for invitations and resets; empty: links are shown instead",
    },
    Setting { path: "mail.port", default: "587", about: "SMTP port" },
    Setting {
        path: "mail.encryption",
        default: "\"starttls\"",
        about: "starttls, tls or none; beside the system's authorities FF_BACKENDS_AUTHORITIES count",
    },
    Setting { path: "mail.user", default: "\"\"", about: "SMTP user; empty: no login" },
    Setting { path: "mail.password", default: "\"\"", about: "their password" },
    Setting {
        path: "mail.from",
        default: "\"\"",
        about: "who mails are from, such as Flags <flags@example.com>",
    },
    Setting {
        path: "http.trusted_proxies",
        default: "\"\"",
        about: "proxies whose X-Forwarded-For counts: 10.0.0.0/8, ::1",
    },
    Setting {
        path: "http.connections",
        default: "0",
        about: "connections to a service at one time; 0: 4096, and 50000 to an edge",
    },
    Setting {
        path: "http.address_connections",
        default: "0",
        about: "the same of one address that is no trusted proxy; 0: a quarter of all",
    },
    Setting {
        path: "tls.certificate",
        default: "\"\"",
        about: "certificate chain (PEM file) of all HTTP services; empty: no TLS",
    },
    Setting { path: "tls.key", default: "\"\"", about: "its private key (PEM file)" },
    Setting {
        path: "tls.client_authorities",
        default: "\"\"",
        about: "authorities (PEM file) of the certificates that clients show; empty: none is asked for",
    },
    Setting {
        path: "tls.client_required",
        default: "false",
        about: "whether clients without a certificate are turned away",
    },
    Setting {
        path: "limits.user",
        default: "500",
        about: "requests of one person to the control plane in a second, on average",
    },
    Setting { path: "limits.key", default: "500", about: "the same with one API token" },
    Setting { path: "limits.organization", default: "5000", about: "the same of one organization" },
    Setting { path: "limits.address", default: "1000", about: "the same from one address" },
    Setting {
        path: "limits.sign_in",
        default: "60",
        about: "attempts to sign in from one address in a minute",
    },
    Setting {
        path: "limits.invitations",
        default: "200",
        about: "invitations of one person or program in an hour",
    },
    Setting {
        path: "limits.foundings",
        default: "50",
        about: "organizations that one person may found in an hour",
    },
    Setting {
        path: "security.days",
        default: "400",
        about: "for how many days the security log is kept",
    },
    Setting { path: "control.listen", default: "\"127.0.0.1:8080\"", about: "control plane" },
    Setting {
        path: "control.public_url",
        default: "\"\"",
        about: "where people reach it, https://flags.example.com; empty: where it listens",
    },
    Setting {
        path: "control.cors_origins",
        default: "\"\"",
        about: "origins whose pages may call it, https://a.example, https://b.example",
    },
    Setting { path: "edge.listen", default: "\"127.0.0.1:8081\"", about: "edge" },
    Setting {
        path: "edge.data",
        default: "\".local/data/edge\"",
        about: "disk copy of the edge config",
    },
    Setting {
        path: "edge.address_rate",
        default: "0",
        about: "requests of one address in a second on average, those with a server's key aside; 0: no limit",
    },
    Setting {
        path: "edge.key_rate",
        default: "0",
        about: "requests with one server's key in a second on average; 0: no limit",
    },
    Setting {
        path: "edge.cors_origins",
        default: "\"*\"",
        about: "origins whose pages may evaluate flags; client keys are public anyway",
    },
    Setting { path: "ingest.listen", default: "\"127.0.0.1:8082\"", about: "event ingestor" },
    Setting {
        path: "ingest.hash_secret",
        default: "\"\"",
        about: "hashes private attributes, 32 bytes or more; ff up makes one",
    },
    Setting {
        path: "ingest.hash_epoch",
        default: "1",
        about: "counts those secrets: raise it whenever the secret is replaced",
    },
    Setting {
        path: "ingest.stream_bytes",
        default: "4294967296",
        about: "most bytes of telemetry that JetStream keeps, for at most 72 hours",
    },
    Setting {
        path: "ingest.key_rate",
        default: "200000",
        about: "most events of one key in a second, on average",
    },
    Setting {
        path: "ingest.organization_rate",
        default: "400000",
        about: "most events of one organization in a second, on average",
    },
    Setting {
        path: "ingest.address_rate",
        default: "0",
        about: "most events of one address with clients' keys in a second, on average; 0: no limit",
    },
    Setting {
        path: "ingest.cors_origins",
        default: "\"*\"",
        about: "origins whose pages may send events",
    },
    Setting {
        path: "writer.listen",
        default: "\"127.0.0.1:8085\"",
        about: "health and metrics of the writer of telemetry",
    },
    Setting { path: "analytics.listen", default: "\"127.0.0.1:8083\"", about: "analytics engine" },
    Setting {
        path: "analytics.cors_origins",
        default: "\"\"",
        about: "origins whose pages may call it",
    },
    Setting {
        path: "projector.listen",
        default: "\"127.0.0.1:8084\"",
        about: "health and metrics of the projector",
    },
    Setting {
        path: "projector.signing_key",
        default: "\".local/data/audit-signing.key\"",
        about: "Ed25519 key that signs the head of the audit log",
    },
    Setting { path: "stack.nats_port", default: "4222", about: "port of the embedded NATS" },
    Setting {
        path: "stack.postgres_port",
        default: "5432",
        about: "port of the embedded PostgreSQL",
    },
    Setting {
        path: "stack.clickhouse_port",
        default: "8123",
        about: "port of the embedded ClickHouse-compatible server",
    },
    Setting {
        path: "stack.redis",
        default: "false",
        about: "whether ff up starts a Redis-compatible server too",
    },
    Setting { path: "stack.redis_port", default: "6379", about: "its port" },
    Setting {
        path: "demo.email",
        default: "\"demo@example.com\"",
        about: "login of the first owner",
    },
    Setting {
        path: "demo.password",
        default: "\"\"",
        about: "password of the first owner; empty: one is made",
    },
    Setting { path: "log.filter", default: "\"info\"", about: "what is logged, as of tracing" },
    Setting { path: "log.format", default: "\"text\"", about: "text or json" },
];

impl Setting {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("FF_{}", self.path.replace('.', "_").to_uppercase())
    }
}
