//! Permission as a part of a request: a handler that takes a [`May`] runs only for those who may, and holds the proof.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ff_auth::Grant;
use ff_auth::right::Right;
use serde::de::DeserializeOwned;

use super::At;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::routes::paths::Placed;

/// Proof that the caller has the right `R` in the place that the path `P` names, with both.
///
/// It comes before the query and the body: who may not do a thing is told so, whatever else is wrong. Commands are
/// authorised by `App::execute`, where the place and the rights that change hands are known.
#[derive(Debug)]
pub(crate) struct May<R, P> {
    /// The proof.
    pub(crate) grant: Grant,
    /// Who asks.
    pub(crate) caller: Caller,
    /// What about.
    pub(crate) path: P,
    right: PhantomData<R>,
}

impl<R, P> FromRequestParts<App> for May<R, P>
where
    R: Right,
    P: Placed + DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let At(path) = At::<P>::from_request_parts(parts, app).await?;
        let grant = app.allow(&caller, R::PERMISSION, path.place())?;
        Ok(Self { grant, caller, path, right: PhantomData })
    }
}
