//! Applies batches to one generation: all of a batch and its checkpoint in one transaction.
//!
//! When Postgres refuses the values of a batch, it is done again commit by commit, to find the one that is poison.

use ff_eventlog::{Defect, Position, Recorded};
use sqlx::{Connection as _, PgConnection};

use crate::{
    PoisonError,
    checkpoint::{Announcement, Checkpoint},
    database::Failure,
    feed::Batch,
    name::Schema,
    parked::Parked,
    projection::{OnPoison, Projection},
    queries::CheckpointState,
};

/// What writes a generation.
#[derive(Debug)]
pub(crate) struct Writer<P> {
    pub(crate) connection: PgConnection,
    pub(crate) schema: Schema,
    pub(crate) position: Position,
    pub(crate) parked: Parked,
    projection: P,
}

/// What came of a batch.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It is in the tables.
    Done,
    /// A commit is poison, and the projection halted before it.
    Halted(Position, PoisonError),
    /// Someone else works on this generation, or it is not read any more: begin anew.
    Lost,
}

impl<P: Projection> Writer<P> {
    pub(crate) async fn new(
        mut connection: PgConnection,
        checkpoint: Checkpoint,
    ) -> Result<Self, sqlx::Error> {
        let parked = Parked::load(&mut connection, checkpoint.schema).await?;
        Ok(Self {
            connection,
            schema: checkpoint.schema,
            position: checkpoint.position,
            parked,
            projection: P::default(),
        })
    }

    /// Applies a batch to the generation that is read.
    pub(crate) async fn apply(&mut self, batch: &mut Batch) -> Result<Applied, sqlx::Error> {
        match self.attempt(batch, false).await {
            Err(error) if Failure::of(&error) == Failure::Values => {
                self.forget().await?;
                self.attempt(batch, true).await
            }
            other => other,
        }
    }

    async fn forget(&mut self) -> Result<(), sqlx::Error> {
        self.projection.forget();
        self.parked = Parked::load(&mut self.connection, self.schema).await?;
        Ok(())
    }

    async fn attempt(
        &mut self,
        batch: &mut Batch,
        one_by_one: bool,
    ) -> Result<Applied, sqlx::Error> {
        let Self { connection, schema, position, parked, projection } = self;
        let mut transaction = connection.begin().await?;
        let checkpoint = Checkpoint::claim(&mut transaction, *schema).await?;
        if !checkpoint.is_some_and(|found| {
            found.position == *position && found.state != CheckpointState::Retired
        }) {
            return Ok(Applied::Lost);
        }
        let mut poison = None;
        if one_by_one {
            let tried =
                take_one_by_one(projection, &mut transaction, *schema, &batch.commits, parked);
            if let Some((index, error)) = tried.await? {
                poison = Some((batch.commits[index].position, PoisonError::Refused(error)));
                batch.commits.truncate(index);
            }
        } else {
            projection.take(&mut transaction, *schema, &batch.commits, parked).await?;
            projection.flush(&mut transaction, *schema).await?;
        }
        let mut end = batch.commits.last().map_or(*position, |commit| commit.position);
        if poison.is_none() {
            end = end.max(batch.caught_up.unwrap_or(end));
            if let Some(defect) = batch.damaged.take() {
                match P::ON_POISON {
                    OnPoison::Halt => {
                        poison = Some((defect.position(), PoisonError::Damaged(defect)));
                    }
                    OnPoison::Park => end = end.max(pass_over(*schema, &defect)),
                }
            }
        }
        parked.flush(&mut transaction, *schema).await?;
        if end > *position {
            Checkpoint::advance(&mut transaction, *schema, end).await?;
            let announcement = Announcement { schema: *schema, position: end };
            announcement.send(&mut transaction).await?;
        }
        if let Some((at, error)) = &poison {
            let error = format!("position {at}: {}", causes(error));
            Checkpoint::set_state(&mut transaction, *schema, "halted", Some(&error)).await?;
        }
        transaction.commit().await?;
        *position = end;
        Ok(poison.map_or(Applied::Done, |(at, error)| Applied::Halted(at, error)))
    }
}

/// Takes commits with a savepoint before each. Returns the first that may not be left out, with those before it taken.
pub(crate) async fn take_one_by_one<P: Projection>(
    projection: &mut P,
    transaction: &mut PgConnection,
    schema: Schema,
    commits: &[Recorded],
    parked: &mut Parked,
) -> Result<Option<(usize, sqlx::Error)>, sqlx::Error> {
    for (index, commit) in commits.iter().enumerate() {
        let mut savepoint = transaction.begin().await?;
        let one = std::slice::from_ref(commit);
        let taken = match projection.take(&mut savepoint, schema, one, parked).await {
            Ok(()) => projection.flush(&mut savepoint, schema).await,
            refused => refused,
        };
        match taken {
            Ok(()) => savepoint.commit().await?,
            Err(error) if Failure::of(&error) == Failure::Values => {
                savepoint.rollback().await?;
                projection.forget();
                match P::ON_POISON {
                    OnPoison::Halt => return Ok(Some((index, error))),
                    OnPoison::Park => parked.park(schema, commit, &PoisonError::Refused(error)),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A message that is no commit, or not where it belongs: which aggregate it should have changed is not known, but that
/// one's next commit shows the gap and parks it. Returns how far that takes the checkpoint.
pub(crate) fn pass_over(schema: Schema, defect: &Defect) -> Position {
    let position = defect.position();
    tracing::error!(projection = %schema.name, %position, error = %causes(defect), "projection.log_damaged");
    metrics::counter!("ff_projection_damaged_total", "projection" => schema.name.as_str())
        .increment(1);
    match defect {
        // The message after a hole is still to come.
        Defect::Hole { .. } => Position::ZERO,
        _ => position,
    }
}

/// An error with all that led to it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut causes = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        causes = format!("{causes}: {cause}");
        source = cause.source();
    }
    causes
}
