//! The control plane as an import needs it.

use ff_domain::EnvironmentKey;
use ff_domain::flag::FlagState;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::error::ImportError;
use super::plan::Present;

/// Where flags go.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) org: String,
    pub(crate) project: String,
    pub(crate) environment: String,
}

/// A control plane, with a place in it.
#[derive(Debug)]
pub(crate) struct Remote {
    client: reqwest::Client,
    base: Url,
    token: SecretString,
    place: Place,
    environment: EnvironmentKey,
}

/// What comes back from a change.
#[derive(Debug)]
pub(crate) struct Changed {
    /// The flag's version since.
    pub(crate) version: u64,
    /// The log's position since.
    pub(crate) position: String,
}

/// A flag as it is answered.
#[derive(Debug, Deserialize)]
struct View {
    #[serde(flatten)]
    state: FlagState,
    archived: bool,
    version: u64,
}

/// The part of a problem document that people need.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    title: String,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
}

#[derive(Debug, Deserialize)]
struct FieldProblem {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    detail: String,
}

struct Response {
    status: StatusCode,
    version: Option<u64>,
    position: Option<String>,
    body: Vec<u8>,
}

impl Remote {
    /// Connects to nobody yet.
    pub(crate) fn new(url: &str, token: SecretString, place: Place) -> Result<Self, ImportError> {
        let base = Url::parse(url)
            .ok()
            .filter(|url| !url.cannot_be_a_base())
            .ok_or_else(|| ImportError::Url(url.to_owned()))?;
        let environment = EnvironmentKey::parse(place.environment.as_str()).map_err(|source| {
            ImportError::Environment { key: place.environment.clone(), source }
        })?;
        Ok(Self { client: reqwest::Client::new(), base, token, place, environment })
    }

    /// The environment that gets the targeting.
    pub(crate) fn environment(&self) -> &EnvironmentKey {
        &self.environment
    }

    /// Fails if project or environment do not exist.
    pub(crate) async fn check_environment(&self) -> Result<(), ImportError> {
        let url = self.url(&["environments", &self.place.environment]);
        let response = self.send(Method::GET, url.clone(), None, None, None).await?;
        expect_success(&Method::GET, &url, response).map(drop)
    }

    /// A flag, if there is one of this key.
    pub(crate) async fn flag(&self, key: &str) -> Result<Option<Present>, ImportError> {
        let url = self.url(&["flags", key]);
        let response = self.send(Method::GET, url.clone(), None, None, None).await?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = expect_success(&Method::GET, &url, response)?;
        let View { state, archived, version } = serde_json::from_slice(&response.body)
            .map_err(|source| ImportError::Answer { path: url.path().to_owned(), source })?;
        Ok(Some(Present { state, archived, version }))
    }

    /// Changes something below `…/flags`.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
        expected: Option<u64>,
    ) -> Result<Changed, ImportError> {
        let url = self.url(&[&["flags"], path].concat());
        let response = self.send(method.clone(), url.clone(), body, expected, None).await?;
        let response = expect_success(&method, &url, response)?;
        let (Some(version), Some(position)) = (response.version, response.position) else {
            let source = serde::de::Error::custom("no `ETag`, or no `FF-Position`");
            return Err(ImportError::Answer { path: url.path().to_owned(), source });
        };
        Ok(Changed { version, position })
    }

    /// The path of a flag in the environment.
    pub(crate) fn in_environment<'p>(&'p self, flag: &'p str, what: &'p str) -> [&'p str; 4] {
        [flag, "environments", &self.place.environment, what]
    }

    /// Waits until what was changed can be read, so that an import right after sees it.
    pub(crate) async fn settle(&self, flag: &str, position: &str) -> Result<(), ImportError> {
        let url = self.url(&["flags", flag]);
        // Too late is no failure: everything is in the log.
        self.send(Method::GET, url, None, None, Some(position)).await.map(drop)
    }

    fn url(&self, rest: &[&str]) -> Url {
        let mut url = self.base.clone();
        let Place { org, project, .. } = &self.place;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["api", "v1", "orgs", org, "projects", project])
                .extend(rest);
        }
        url
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
        expected: Option<u64>,
        min_position: Option<&str>,
    ) -> Result<Response, ImportError> {
        let unreachable = |source| ImportError::Unreachable { url: self.base.to_string(), source };
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(self.token.expose_secret())
            .header("FF-Via", "cli");
        if let Some(body) = &body {
            request = request.json(body);
        }
        if let Some(version) = expected {
            request = request.header("If-Match", format!("\"{version}\""));
        }
        if let Some(position) = min_position {
            request = request.header("FF-Min-Position", position);
        }
        let response = request.send().await.map_err(unreachable)?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let version = header("etag").and_then(|tag| tag.trim_matches('"').parse().ok());
        let (status, position) = (response.status(), header("ff-position"));
        let body = response.bytes().await.map_err(unreachable)?.to_vec();
        Ok(Response { status, version, position, body })
    }
}

fn expect_success(method: &Method, url: &Url, response: Response) -> Result<Response, ImportError> {
    if response.status.is_success() {
        return Ok(response);
    }
    let problem: Problem = serde_json::from_slice(&response.body).unwrap_or_default();
    let mut detail = problem.detail.unwrap_or(problem.title);
    for field in problem.errors {
        detail.push_str(&format!("; {} {}", field.pointer, field.detail));
    }
    Err(ImportError::Refused {
        method: method.to_string(),
        path: url.path().to_owned(),
        status: response.status.as_u16(),
        code: problem.code,
        detail,
    })
}
