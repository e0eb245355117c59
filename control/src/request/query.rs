//! Query parameters: each known by name, so that a mistyped filter is an error and not a longer list.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::problem::{Problem, code};

/// The query parameters of a request, as a type.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// What can be read from query parameters.
pub(crate) trait FromParameters: Sized {
    /// Takes what it knows out of the parameters; what is left over is not known.
    fn take(parameters: &mut Parameters) -> Result<Self, Problem>;
}

/// Parameters that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Which part of a list.
#[derive(Debug, Clone)]
pub(crate) struct Page(pub(crate) ff_projections::queries::Page);

/// How a [`Page`] is asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct PageParameters {
    /// Most items of the answer.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, Problem> {
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of a parameter that is given once, if at all.
    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(index).1)
    }

    /// The value of a parameter, read; `expected` says what it should look like.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        self.one(name)
            .map(|text| text.parse().map_err(|_| bad_parameter(name, format!("give {expected}"))))
            .transpose()
    }

    /// All values of a parameter that may be given more than once.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, left) =
            std::mem::take(&mut self.0).into_iter().partition(|(given, _)| given == name);
        self.0 = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                Err(bad_parameter(&name, "it is not known here, or given more than once"))
            }
        }
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| bad_parameter(text, "give percent-encoded UTF-8"))
}

/// The problem of a query parameter that cannot be read.
pub(crate) fn bad_parameter(name: &str, detail: impl Into<String>) -> Problem {
    let summary = format!("the query parameter `{name}` cannot be taken, see `errors`");
    Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, summary)
        .at(format!("?{name}"), detail)
}

impl<T: FromParameters, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::parse(parts.uri.query().unwrap_or_default())?;
        let value = T::take(&mut parameters)?;
        parameters.finish()?;
        Ok(Self(value))
    }
}

impl FromParameters for Page {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let limit = parameters.parsed("limit", "a number from 1 to 200")?;
        let page = ff_projections::queries::Page::new(limit, parameters.one("cursor"))?;
        Ok(Self(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<(), String> {
        let mut parameters = Parameters::parse(query).map_err(|p| format!("{p:?}"))?;
        Page::take(&mut parameters).map_err(|p| format!("{p:?}"))?;
        parameters.finish().map_err(|p| format!("{p:?}"))
    }

    #[test]
    fn pages_are_bounded_and_everything_is_known_by_name() {
        assert_eq!(page(""), Ok(()));
        assert_eq!(page("cursor=a%2Bb+c&limit=200"), Ok(()));
        for (bad, place) in [
            ("limit=0", "?limit"),
            ("limit=201", "?limit"),
            ("limit=x", "?limit"),
            ("limit=1&limit=2", "?limit"),
            ("offset=1", "?offset"),
            ("cursor=%FF", "?%FF"),
        ] {
            let problem = page(bad).unwrap_err();
            assert!(problem.contains(place), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_parameter_may_be_repeated_where_it_is_a_list() {
        let mut parameters = Parameters::parse("tag=a&x=1&tag=b%26").unwrap();
        assert_eq!(parameters.all("tag"), ["a", "b&"]);
        assert!(parameters.finish().is_err());
    }
}
