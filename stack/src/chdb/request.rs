//! Reading a request of ClickHouse's HTTP interface.

use axum::http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::{engine::Script, multipart};

/// What a client asks for.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) script: Script,
    /// Rows for an `INSERT … FORMAT …`, to be read from a file: the engine's own way of taking them
    /// inside a statement ends at the first line break, whatever the format.
    pub(super) rows: Option<Vec<u8>>,
    pub(super) query_id: Option<String>,
}

/// Why a request is not for the engine.
#[derive(Debug, Error)]
pub(super) enum RequestError {
    #[error("{what} is not served by this local server: switch it off in the client")]
    NotServed { what: &'static str },
    #[error("this server does not answer web pages of other origins")]
    Browser,
    #[error("there is no query: send it as the body or as ?query=")]
    NoQuery,
    #[error("a query is text: rows in a binary format go into the body with the query in ?query=")]
    NotText,
    #[error("{name:?} is no name for a setting")]
    SettingName { name: String },
    #[error("the multipart body is malformed")]
    Multipart,
}

impl RequestError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotServed { .. } => StatusCode::NOT_IMPLEMENTED,
            Self::Browser => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The query's format when neither it nor the client names one.
const DEFAULT_FORMAT: &str = "TabSeparated";

impl Request {
    /// Reads a request whose body has arrived.
    pub(super) fn read(
        method: &Method,
        query_string: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, RequestError> {
        // A page in a browser can send requests here, which would run with nobody's leave. Browsers
        // name its origin on every POST; what comes by GET can only read.
        if headers.contains_key(header::ORIGIN) {
            return Err(RequestError::Browser);
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let mut request = Self::default();
        let mut parts = Parts {
            query: None,
            format: text("x-clickhouse-format").map(str::to_owned),
            database: text("x-clickhouse-database").map(str::to_owned),
        };
        for (name, value) in pairs(query_string) {
            parts.take(&mut request, name, value)?;
        }
        let content_type = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let body = if let Some(boundary) = multipart::boundary(content_type) {
            for (name, value) in multipart::fields(body, boundary).ok_or(RequestError::Multipart)? {
                parts.take(&mut request, name, value)?;
            }
            &[]
        } else {
            body
        };
        request.set_query(parts.query, body)?;
        request.script.format = parts.format.unwrap_or_else(|| DEFAULT_FORMAT.to_owned());
        if let Some(database) = parts.database.filter(|database| !database.is_empty()) {
            let name = database.replace('\\', "\\\\").replace('`', "\\`");
            request.script.prelude.insert(0, format!("USE `{name}`"));
        }
        if method == Method::GET {
            // As ClickHouse does it: no change of data, but of settings.
            request.script.prelude.push("SET readonly = 2".to_owned());
        }
        Ok(request)
    }

    fn set_query(&mut self, query: Option<String>, body: &[u8]) -> Result<(), RequestError> {
        match query {
            Some(query) if !body.is_empty() && is_insert_with_format(&query) => {
                self.script.sql = query;
                self.rows = Some(body.to_vec());
            }
            query => {
                let body = std::str::from_utf8(body).map_err(|_| RequestError::NotText)?;
                self.script.sql = query.unwrap_or_default() + body;
            }
        }
        if self.script.sql.trim().is_empty() { Err(RequestError::NoQuery) } else { Ok(()) }
    }

    /// Has the engine read the rows from a file.
    pub(super) fn rows_are_in(&mut self, path: &str) {
        let quoted = path.replace('\\', "\\\\").replace('\'', "\\'");
        let (head, format) = split_format(&self.script.sql).unwrap_or((&self.script.sql, ""));
        self.script.sql = format!("{head}FROM INFILE '{quoted}' COMPRESSION 'none' {format}");
    }
}

/// The parts of a request that come from several places.
#[derive(Debug)]
struct Parts {
    query: Option<String>,
    format: Option<String>,
    database: Option<String>,
}

impl Parts {
    /// Takes one pair of the query string or of the multipart body.
    fn take(
        &mut self,
        request: &mut Request,
        name: String,
        value: String,
    ) -> Result<(), RequestError> {
        if let Some(parameter) = name.strip_prefix("param_") {
            request.script.parameters.push((parameter.to_owned(), value));
            return Ok(());
        }
        match &*name {
            "query" => self.query = Some(value),
            "default_format" => self.format = Some(value),
            "database" => self.database = Some(value),
            "query_id" => request.query_id = Some(value),
            "compress" | "decompress" if value != "0" => {
                return Err(RequestError::NotServed { what: "compression" });
            }
            "session_id" => return Err(RequestError::NotServed { what: "a session" }),
            "role" => return Err(RequestError::NotServed { what: "a role" }),
            // Whoever reaches the loopback address may do everything; answers are always whole.
            "user"
            | "password"
            | "compress"
            | "decompress"
            | "wait_end_of_query"
            | "buffer_size"
            | "client_protocol_version" => {}
            _ => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if name.is_empty() || !name.chars().all(plain) {
                    return Err(RequestError::SettingName { name });
                }
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                request.script.prelude.push(format!("SET {name} = '{value}'"));
            }
        }
        Ok(())
    }
}

/// The decoded pairs of a query string.
fn pairs(query_string: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query_string.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn is_insert_with_format(query: &str) -> bool {
    let insert =
        query.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("insert"));
    insert && split_format(query).is_some()
}

/// Splits a statement before its closing `FORMAT name`.
fn split_format(query: &str) -> Option<(&str, &str)> {
    let query = query.trim_end().trim_end_matches(';').trim_end();
    let name = query.rfind(char::is_whitespace)?;
    let before = query[..name].trim_end();
    let start = before.len().checked_sub("format".len())?;
    let (head, word) = (before.get(..start)?, before.get(start..)?);
    let parted = head.ends_with(|c: char| c.is_whitespace() || c == ')');
    (word.eq_ignore_ascii_case("format") && parted).then(|| (head, &query[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query_string: &str, body: &[u8]) -> Result<Request, RequestError> {
        Request::read(&Method::POST, query_string, &HeaderMap::new(), body)
    }

    #[test]
    fn a_query_comes_as_body_or_in_the_url_with_settings_and_parameters() {
        let request =
            read("database=a%60b&max_threads=2&param_x=1%202", b"SELECT {x:String}").unwrap();
        assert_eq!(request.script.sql, "SELECT {x:String}");
        assert_eq!(request.script.prelude, ["USE `a\\`b`", "SET max_threads = '2'"]);
        assert_eq!(request.script.parameters, [("x".to_owned(), "1 2".to_owned())]);
        assert_eq!(read("query=SELECT+1", b"").unwrap().script.sql, "SELECT 1");
    }

    #[test]
    fn rows_of_an_insert_are_told_from_its_text() {
        let mut request =
            read("query=INSERT%20INTO%20t(a)%20FORMAT%20RowBinary", b"\n\xff").unwrap();
        assert_eq!(request.rows.as_deref(), Some(&b"\n\xff"[..]));
        request.rows_are_in("/a'b");
        assert_eq!(
            request.script.sql,
            "INSERT INTO t(a) FROM INFILE '/a\\'b' COMPRESSION 'none' FORMAT RowBinary"
        );
        assert!(read("", b"INSERT INTO t VALUES (1)").unwrap().rows.is_none());
        assert!(matches!(
            read("", b"INSERT INTO t FORMAT RowBinary\n\xff"),
            Err(RequestError::NotText)
        ));
    }

    #[test]
    fn what_is_not_served_is_said() {
        for (query_string, status) in [
            ("query=SELECT+1&compress=1", 501),
            ("query=SELECT+1&session_id=x", 501),
            ("query=SELECT+1&a%27b=1", 400),
            ("", 400),
        ] {
            let error = read(query_string, b"").unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{query_string}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, "http://evil.example".parse().unwrap());
        let error = Request::read(&Method::POST, "", &headers, b"DROP TABLE t").unwrap_err();
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_get_can_only_read() {
        let request =
            Request::read(&Method::GET, "query=SELECT+1", &HeaderMap::new(), b"").unwrap();
        assert_eq!(request.script.prelude, ["SET readonly = 2"]);
    }
}
